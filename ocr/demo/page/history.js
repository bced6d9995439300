// What was done and can be taken back, the last first.

import { $, tell } from "./dom.js";

const steps = [];

// `back` is called to take it back; it may be asynchronous.
export function did(label, back) {
  steps.push({ label, back });
  show();
}

export async function undo() {
  const step = steps.pop();
  show();
  try {
    await step?.back();
  } catch (error) {
    tell(error.message);
  }
}

function show() {
  $("undo").disabled = !steps.length;
  $("undo").title = steps.length ? `Undo: ${steps.at(-1).label} (Ctrl+Z)` : "Nothing to undo";
}

$("undo").onclick = undo;
document.addEventListener("keydown", (event) => {
  if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey) return;
  if (event.target.matches("input")) return; // which has its own
  event.preventDefault();
  undo();
});
