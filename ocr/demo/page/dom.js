// Elements and messages.

export const $ = (id) => document.getElementById(id);

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export function shape(tag, attributes = {}) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// Errors stay, above the page, until they are dismissed; notes go by themselves.
export function tell(text, kind = "error") {
  if (!text) return;
  const close = element("button", { type: "button", textContent: "×", ariaLabel: "Dismiss" });
  const message = element("div", { className: kind }, element("span", { textContent: text }), close);
  close.onclick = () => message.remove();
  if (kind !== "error") setTimeout(close.onclick, 4000);
  $(kind === "error" ? "messages" : "notes").prepend(message);
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    tell("Copied", "note");
  } catch {
    // Without TLS browsers give a page of another machine no clipboard.
    tell("This browser does not let the page copy; select the text instead");
  }
}
