// Puts the parts together: takes files, follows the reading, shows the page that was chosen.

import * as api from "./api.js";
import { $, copy, element, tell } from "./dom.js";
import { Finder } from "./find.js";
import { did } from "./history.js";
import { showGathered } from "./learn.js";
import { Lines } from "./lines.js";
import { Queue } from "./queue.js";
import { Rail } from "./rail.js";
import { Viewer } from "./viewer.js";

const POLL = { reading: 600, waiting: 1500 }; // milliseconds

const FORMATS = {
  txt: "Text",
  md: "Markdown",
  docx: "Word (DOCX)",
  csv: "Spreadsheet (CSV)",
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
let rotation = 0; // of that page
let polling;
let kept = false; // whether checked lines outlive their page

const viewer = new Viewer({
  choose: (number) => lines.choose(number),
  drawn: (points) => edit("a line drawn", (page) => api.addLines(page, { points })),
});
const lines = new Lines({
  selected: (number, line) => viewer.select(number, line),
  edited: count,
  changed: (number, line) => {
    viewer.update(number, line);
    count();
    gather();
  },
  edit,
  reload,
});
const queue = new Queue({ arrived: () => refresh().catch(complain), limits: () => limits });
const finder = new Finder({
  go: async (page, number) => {
    if (page.file !== current?.file || page.number !== current.number) await show(page);
    lines.chooseNumber(number);
  },
  name: ({ file, number }) => title(files.find((each) => each.id === file), number),
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
  document.body.classList.toggle("empty", !files.length && !queue.length);
  rail.update(files);
  await follow();
  rail.mark(current);
  report();
  const states = files.flatMap((file) => file.pages.map((page) => page.state));
  const busy = ["reading", "waiting"].find((each) => states.includes(each));
  if (busy) polling = setTimeout(again, POLL[busy]);
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
  $("title").textContent = title(file, page.number);
  $("title").title = file.name;
  document.title = `${file.name} – ocr`;
  for (const part of ["viewer", "text"]) $(part).classList.toggle("ready", state === "done");
  if (state !== "done") {
    viewer.say(state === "failed" ? message : state === "reading" ? "Reading…" : "Waiting for its turn…");
    count();
    return;
  }
  try {
    const data = await api.readPage(page);
    if (current !== page) return;
    rotation = data.rotation;
    viewer.show(page, data, find(page).readings);
    lines.show(page, data.lines);
    if (!data.lines.length) tell("No text was found on this page", "note");
  } catch (error) {
    viewer.say(error.message);
  }
  count();
}

const title = (file, number) => (file?.pages.length > 1 ? `${file.name}, page ${number}` : (file?.name ?? ""));

// Change the lines of the page by a request that tells the new ones and the reading order; it can be taken back.
async function edit(label, change) {
  const page = current;
  lines.leave();
  try {
    await lines.settled();
    const before = lines.lines.map((line) => line.number);
    const made = await change(page);
    did(label, async () => {
      await api.setOrder(page, before);
      await reload(page);
    });
    await reload(page, made.lines?.[0].number);
  } catch (error) {
    complain(error);
  }
}

// Show a page anew, with the line of this number chosen, if it is still the one that is shown.
async function reload(page, number) {
  if (current?.file !== page.file || current.number !== page.number || shown !== "done") return;
  const data = await api.readPage(page);
  const [text, canvas] = [$("lines").scrollTop, [$("canvas").scrollLeft, $("canvas").scrollTop]];
  viewer.show(page, data, find(page).readings);
  lines.show(page, data.lines);
  $("lines").scrollTop = text;
  $("canvas").scrollTo(...canvas);
  if (number !== undefined) lines.chooseNumber(number);
  count();
  gather();
}

// Lines that were checked refer to lines that will be found anew.
async function readAgain(page, wanted) {
  lines.clear();
  await lines.settled();
  if (find(page).checked && !confirm("The lines that were checked on this page will be lost. Read it again?")) {
    return show(page);
  }
  await api.readAgain(page, wanted);
  shown = undefined;
  await refresh();
}

async function turn() {
  const [page, before] = [current, rotation];
  if (shown !== "done") return;
  try {
    await readAgain(page, (rotation + 270) % 360);
    did("the page turned", () => readAgain(page, before));
  } catch (error) {
    complain(error);
  }
}

function report() {
  const pages = files.flatMap((file) => file.pages);
  const open = pages.filter(pending).length;
  const failed = pages.filter((page) => page.state === "failed").length;
  const parts = [];
  if (queue.length) parts.push(`sending ${queue.length} ${queue.length === 1 ? "file" : "files"}`);
  if (open) parts.push(`reading, ${pages.length - open} of ${pages.length} pages done`);
  if (failed) parts.push(`${failed} could not be read`);
  // Written only where it changes, or it would be read aloud each time.
  if ($("progress").textContent !== parts.join("; ")) $("progress").textContent = parts.join("; ");
  const file = files.find((each) => each.id === current?.file);
  const ready = file && !file.pages.some(pending) && file.pages.some((page) => page.state === "done");
  for (const id of ["download", "copying"]) {
    $(id).inert = !ready;
    $(id).classList.toggle("disabled", !ready);
    if (!ready) $(id).open = false;
  }
  $("text").classList.toggle("several", files.length > 1);
}

function count() {
  const total = lines.lines.length;
  const done = lines.lines.filter((line) => line.checked).length;
  $("share").max = total || 1;
  $("share").value = done;
  $("count").textContent = total ? `${done} of ${total} lines checked` : "";
  $("unsure").disabled = done === total;
}

function take(list) {
  queue.take(list);
  document.body.classList.toggle("empty", !files.length && !queue.length);
  report();
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

async function download(address) {
  $("download").open = false;
  lines.leave();
  try {
    await lines.settled();
    await api.save(address);
  } catch (error) {
    complain(error);
  }
}

async function copyText(what) {
  $("copying").open = false;
  lines.leave();
  try {
    await lines.settled();
    if (what === "page") copy(lines.lines.map((line) => line.text).filter(Boolean).join("\n"));
    else copy(await api.text(what === "file" ? `files/${current.file}/results/txt` : "results/txt"));
  } catch (error) {
    complain(error);
  }
}

function formats() {
  const button = (form, address) =>
    element("button", {
      type: "button",
      textContent: FORMATS[form] ?? form.toUpperCase(),
      value: form,
      onclick: () => download(address()),
    });
  const known = Object.keys(FORMATS).filter((form) => limits.formats.includes(form));
  const all = [...known, ...limits.formats.filter((form) => !FORMATS[form])];
  $("formats").replaceChildren(...all.map((form) => button(form, () => `files/${current.file}/results/${form}`)));
  $("formats-all").replaceChildren(...all.map((form) => button(form, () => `results/${form}`)));
}

$("add").onclick = $("choose").onclick = () => $("picker").click();
$("picker").onchange = () => {
  take($("picker").files);
  $("picker").value = "";
};
for (const button of $("copying").querySelectorAll("button")) button.onclick = () => copyText(button.value);
$("unsure").onclick = () => lines.leastSure();
$("turn").onclick = turn;
$("again").onclick = async () => {
  $("learn").close();
  if (current) await readAgain(current, null).catch(complain);
};
const menus = () => document.querySelectorAll("details.menu[open]");
document.addEventListener("click", (event) => {
  for (const menu of menus()) if (!menu.contains(event.target)) menu.open = false;
  if (!$("finder").contains(event.target)) $("found").replaceChildren();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  viewer.draw(false);
  $("found").replaceChildren();
  for (const menu of menus()) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
const withFiles = (event) => event.dataTransfer.types.includes("Files");
document.addEventListener("dragover", (event) => {
  if (!withFiles(event)) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});
document.addEventListener("drop", (event) => {
  if (!withFiles(event)) return;
  event.preventDefault();
  document.body.classList.remove("dropping");
  if (event.dataTransfer.files.length) take(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) take(event.clipboardData.files);
});
window.addEventListener("beforeunload", (event) => {
  if ((queue.length && !queue.safe) || lines.dirty()) event.preventDefault();
});

refresh()
  .then(formats)
  .then(() => queue.resume())
  .then(report)
  .then(gather)
  .catch(complain);
