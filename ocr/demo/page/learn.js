// What has been gathered to learn from, and learning from it.

import * as api from "./api.js";
import { $, copy, element, tell } from "./dom.js";

const ENOUGH = { lines: 20, pages: 2 };
const POLL = 1000; // milliseconds

let polling;

const counted = (number, name) => `${number} ${name}${number === 1 ? "" : "s"}`;

// Resolves to whether the lines outlive their pages.
export async function showGathered() {
  const { lines, pages, command, damaged, folder } = await api.gathered();
  $("gathered").textContent = lines ? `${counted(lines, "line")}, ${counted(pages, "page")}` : "";
  const kept = folder
    ? `Lines that you check are kept in ${folder}.`
    : "Download the lines before you leave: they are kept no longer than your pages.";
  const enough = lines >= ENOUGH.lines && pages >= ENOUGH.pages;
  $("explained").textContent = enough
    ? `${kept} The recognizer can be adapted to them. About an eighth is held back, in whole pages, ` +
      "to measure the error rate before and after."
    : `${kept} From ${ENOUGH.lines} lines on ${ENOUGH.pages} pages the recognizer can be adapted to a hand. ` +
      "Confirm lines that are right, too: training needs them as much.";
  if (damaged.length) $("explained").textContent += ` Damaged files there: ${damaged.join(", ")}.`;
  $("command").hidden = !command;
  $("command").querySelector("code").textContent = command;
  $("command").querySelector("button").onclick = () => copy(command);
  $("dataset").disabled = !lines;
  $("adapt").disabled = !enough;
  return Boolean(folder);
}

export async function follow() {
  clearTimeout(polling);
  const { possible, state, step, steps, before, after, message, readers } = await api.adapting();
  $("adapting").hidden = !possible;
  if (!possible) return;
  const running = state === "running";
  $("adapt").hidden = running;
  $("adapt-stop").hidden = !running;
  $("adapt-share").hidden = !running;
  $("adapt-share").value = steps ? step / steps : 0;
  const percent = (value) => `${value.toFixed(1)} %`;
  $("adapt-state").textContent = {
    idle: "",
    running: [
      steps ? `Step ${step} of ${steps}` : "Preparing…",
      before !== null && `characters wrong before: ${percent(before)}`,
      after !== null && after !== before && `now: ${percent(after)}`,
    ].filter(Boolean).join("; "),
    done:
      after !== null && before !== null
        ? after < before
          ? `Done: ${percent(before)} of the characters were wrong before, ${percent(after)} are now.`
          : `Nothing improved (${percent(before)} wrong); the recognizer stays as it was.`
        : "Done.",
    failed: `Failed: ${message}`,
    stopped: "Stopped.",
  }[state];
  const options = readers.map(({ name, label, chosen }) =>
    element("option", { value: name, textContent: label, selected: chosen }),
  );
  $("reader").replaceChildren(...options);
  $("reader-choice").hidden = readers.length < 2;
  $("again").hidden = readers.length < 2;
  if (running) polling = setTimeout(() => follow().catch(complain), POLL);
}

const complain = (error) => tell(error.message);
const attempt = (action) => async () => {
  try {
    await action();
    await follow();
  } catch (error) {
    complain(error);
  }
};

$("learn-open").onclick = () => {
  $("learn").showModal();
  follow().catch(complain);
};
$("adapt").onclick = attempt(api.adapt);
$("adapt-stop").onclick = attempt(api.stopAdapting);
$("reader").onchange = attempt(() => api.chooseReader($("reader").value));
$("dataset").onclick = async () => {
  try {
    await api.save("corrections.parquet");
  } catch (error) {
    complain(error);
  }
};
