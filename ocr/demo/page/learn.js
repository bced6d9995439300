// What has been gathered to learn from.

import * as api from "./api.js";
import { $, copy, tell } from "./dom.js";

const ENOUGH = { lines: 20, pages: 2 };

// Resolves to whether the lines outlive their pages.
export async function showGathered() {
  const { lines, pages, command, damaged, folder } = await api.gathered();
  $("gathered").textContent = lines ? `${lines} lines, ${pages} ${pages === 1 ? "page" : "pages"}` : "";
  const kept = folder
    ? `Lines that you check are kept in ${folder}.`
    : "Download the lines before you leave: they are kept no longer than your pages.";
  $("explained").textContent = command
    ? `${kept} In the project's folder this command adapts the recognizer to them. It holds back about an eighth, ` +
      "in whole pages, and ends with the error rate on these before and after."
    : `${kept} From ${ENOUGH.lines} lines on ${ENOUGH.pages} pages the recognizer can be adapted to a hand. ` +
      "Confirm lines that are right, too: they tell as much.";
  if (damaged.length) {
    $("explained").textContent = `${kept} Damaged, to be removed from there: ${damaged.join(", ")}.`;
  }
  $("command").hidden = !command;
  $("command").querySelector("code").textContent = command;
  $("command").querySelector("button").onclick = () => copy(command);
  $("dataset").disabled = !lines;
  return Boolean(folder);
}

$("dataset").onclick = async () => {
  try {
    await api.save("corrections.parquet");
  } catch (error) {
    tell(error.message);
  }
};
