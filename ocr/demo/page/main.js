// Puts the parts together: takes files, follows the reading, shows the page that was chosen.

import * as api from "./api.js";
import { $, copy, element, tell } from "./dom.js";
import { showGathered } from "./learn.js";
import { Lines } from "./lines.js";
import { Rail } from "./rail.js";
import { Viewer } from "./viewer.js";

const POLL = 600; // milliseconds

const FORMATS = {
  txt: "Text",
  pdf: "Searchable PDF",
  html: "Report (HTML)",
  alto: "ALTO XML",
  page: "PAGE XML",
  hocr: "hOCR",
  tsv: "Table (TSV)",
  json: "JSON",
  draw: "Picture with outlines",
};

let files = [];
let limits = { bytes: Infinity, formats: [] };
let current; // { file, number } of the page that is shown
let shown; // what the server said of it
let sending = 0;
let polling;
let kept = false; // whether checked lines outlive their page

const viewer = new Viewer((number) => lines.choose(number));
const lines = new Lines({
  selected: (number, line) => viewer.select(number, line),
  edited: count,
  changed: (number, line) => {
    viewer.update(number, line);
    count();
    gather();
  },
});
const rail = new Rail({ choose: show, remove: forget });

const complain = (error) => tell(error.message);
const gather = async () => {
  kept = await showGathered().catch(complain);
};

async function refresh() {
  clearTimeout(polling);
  const state = await api.session();
  files = state.files;
  limits = state.limits;
  $("promise").textContent = state.public
    ? `Pages are read on this server and forgotten ${limits.hours} hours after you leave.`
    : "Pages stay on this computer.";
  document.body.classList.toggle("empty", !files.length && !sending);
  rail.update(files);
  await follow();
  rail.mark(current);
  report();
  if (files.some((file) => file.pages.some(pending))) polling = setTimeout(again, POLL);
}

const pending = (page) => page.state === "waiting" || page.state === "reading";
const again = () => refresh().catch(complain);
const find = (page) => files.find((file) => file.id === page?.file)?.pages[page.number - 1];

// Show the first page that can be shown, and the chosen one as soon as it is read.
async function follow() {
  if (!find(current)) current = undefined;
  if (!current) {
    for (const file of files) {
      const page = file.pages.find((each) => each.state === "done") ?? file.pages[0];
      if (page && !current) current = { file: file.id, number: page.number };
    }
  }
  if (!current) {
    shown = undefined;
    lines.clear();
  } else if (shown !== find(current).state) await show(current);
}

async function show(page) {
  const { state, message } = find(page);
  lines.clear();
  [current, shown] = [page, state];
  rail.mark(page);
  const file = files.find((each) => each.id === page.file);
  $("title").textContent = file.pages.length > 1 ? `${file.name}, page ${page.number}` : file.name;
  $("title").title = file.name;
  document.title = `${file.name} – ocr`;
  $("text").classList.toggle("ready", state === "done");
  if (state !== "done") {
    viewer.say(state === "failed" ? message : state === "reading" ? "Reading…" : "Waiting for its turn…");
    count();
    return;
  }
  try {
    const data = await api.readPage(page);
    if (current !== page) return;
    viewer.show(page, data);
    lines.show(page, data.lines);
    if (!data.lines.length) tell("No text was found on this page", "note");
  } catch (error) {
    viewer.say(error.message);
  }
  count();
}

function report() {
  const pages = files.flatMap((file) => file.pages);
  const open = pages.filter(pending).length;
  const failed = pages.filter((page) => page.state === "failed").length;
  const parts = [];
  if (sending) parts.push("sending…");
  if (open) parts.push(`reading, ${pages.length - open} of ${pages.length} pages done`);
  if (failed) parts.push(`${failed} could not be read`);
  // Written only where it changes, or it would be read aloud each time.
  if ($("progress").textContent !== parts.join("; ")) $("progress").textContent = parts.join("; ");
  const file = files.find((each) => each.id === current?.file);
  const ready = file && !file.pages.some(pending) && file.pages.some((page) => page.state === "done");
  $("download").inert = !ready;
  $("download").classList.toggle("disabled", !ready);
}

function count() {
  const total = lines.lines.length;
  const done = lines.lines.filter((line) => line.checked).length;
  $("share").max = total || 1;
  $("share").value = done;
  $("count").textContent = total ? `${done} of ${total} lines checked` : "";
  $("unsure").disabled = done === total;
  $("copy").disabled = !total;
}

// One after the other: the first opens the session that the others belong to.
async function take(list) {
  const chosen = [...list];
  sending += chosen.length;
  document.body.classList.toggle("empty", false);
  report();
  for (const file of chosen) {
    try {
      if (file.size > limits.bytes) {
        throw new Error(`${file.name}: more than the ${limits.bytes / 1e6} MB that can be kept`);
      }
      await api.send(file);
    } catch (error) {
      complain(error);
    }
    sending--;
    await refresh().catch(complain);
  }
}

async function forget({ id, name }) {
  if (id === current?.file) lines.clear();
  await lines.settled();
  try {
    files = (await api.session()).files;
    const checked = files.find((file) => file.id === id)?.pages.some((page) => page.checked);
    const choice = checked ? await askRemoval(name) : "keep";
    if (choice) await api.remove(id, choice);
  } catch (error) {
    complain(error);
  }
  shown = undefined;
  await refresh().catch(complain);
  gather();
}

function askRemoval(name) {
  const dialog = $("removal");
  $("removal-name").textContent = `Remove ${name}?`;
  dialog.querySelector("p").textContent = kept
    ? "The lines that you checked on it can stay, to be learned from."
    : "The lines that you checked on it go with it.";
  dialog.querySelector("[value=keep]").hidden = !kept;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue);
  });
}

async function download(form) {
  $("download").open = false;
  lines.leave();
  try {
    await lines.settled();
    await api.save(`files/${current.file}/results/${form}`);
  } catch (error) {
    complain(error);
  }
}

function formats() {
  $("formats").replaceChildren(
    ...limits.formats
      .map((form) => [form, FORMATS[form] ?? form])
      .map(([form, label]) =>
        element("button", { type: "button", textContent: label, onclick: () => download(form), value: form }),
      ),
  );
}

$("add").onclick = $("choose").onclick = () => $("picker").click();
$("picker").onchange = () => {
  take($("picker").files);
  $("picker").value = "";
};
$("copy").onclick = () => {
  lines.leave();
  copy(lines.lines.map((line) => line.text).filter(Boolean).join("\n"));
};
$("unsure").onclick = () => lines.leastSure();
document.addEventListener("click", (event) => {
  if (!$("download").contains(event.target)) $("download").open = false;
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  if (event.dataTransfer.files.length) take(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) take(event.clipboardData.files);
});
window.addEventListener("beforeunload", (event) => {
  if (sending || lines.dirty()) event.preventDefault();
});

refresh().then(formats).then(gather).catch(complain);
