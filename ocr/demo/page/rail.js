// The files and their pages, each with how far it is.

import { pagePath } from "./api.js";
import { $, element } from "./dom.js";

const STATES = { waiting: "waiting", reading: "being read", failed: "could not be read", done: "" };

export class Rail {
  constructor({ choose, remove }) {
    this.choose = choose;
    this.remove = remove;
    this.files = new Map(); // id: { box, states, buttons }
  }

  update(files) {
    const ids = new Set(files.map((file) => file.id));
    for (const [id, { box }] of this.files) {
      if (ids.has(id)) continue;
      box.remove();
      this.files.delete(id);
    }
    for (const [index, file] of files.entries()) {
      if (!this.files.has(file.id)) this.add(file, files[index + 1]);
      const known = this.files.get(file.id);
      for (const page of file.pages) {
        const state = `${page.state} ${page.readings}`;
        if (known.states[page.number - 1] === state) continue;
        known.states[page.number - 1] = state;
        this.draw(file, page, known.buttons[page.number - 1]);
      }
    }
  }

  // `next` is the file that it stands before, if any.
  add(file, next) {
    const away = element("button", {
      type: "button",
      className: "away",
      textContent: "×",
      ariaLabel: `Remove ${file.name}`,
      title: "Remove",
      onclick: () => this.remove(file),
    });
    const buttons = file.pages.map((page) =>
      element("button", {
        type: "button",
        className: "page",
        onclick: () => this.choose({ file: file.id, number: page.number }),
      }),
    );
    const name = element("h3", { title: file.name }, element("span", { textContent: file.name }), away);
    const box = element("div", { className: "file" }, name, element("div", { className: "pages" }, ...buttons));
    (this.files.get(next?.id)?.box ?? $("queue")).before(box);
    this.files.set(file.id, { box, buttons, states: [] });
  }

  draw(file, page, button) {
    const where = file.pages.length > 1 ? `Page ${page.number}` : "";
    button.className = `page ${page.state}`;
    button.ariaLabel = [file.name, where, STATES[page.state]].filter(Boolean).join(", ");
    button.title = page.message || STATES[page.state];
    const face =
      page.state === "done"
        ? element("img", {
            alt: "",
            loading: "lazy",
            src: `api/${pagePath({ file: file.id, number: page.number })}/thumbnail?${page.readings}`,
          })
        : element("span", { className: "face" });
    button.replaceChildren(face, element("small", { textContent: where }));
  }

  mark(current) {
    for (const [id, { buttons }] of this.files) {
      buttons.forEach((button, index) => {
        const here = current && current.file === id && current.number === index + 1;
        if (here) button.setAttribute("aria-current", "page");
        else button.removeAttribute("aria-current");
      });
    }
  }
}
