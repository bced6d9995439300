// Text in all pages of all files.

import * as api from "./api.js";
import { $, element, tell } from "./dom.js";

export class Finder {
  // `go(page, number)` shows a line; `name(page)` is what to call a page.
  constructor({ go, name }) {
    this.go = go;
    this.name = name;
    let waiting;
    $("find").oninput = () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => this.look(), 200);
    };
    $("find").onfocus = () => this.look();
    $("find").onkeydown = (event) => {
      if (event.key === "Enter") this.step(event.shiftKey ? -1 : 1);
      else if (event.key === "Escape") this.close();
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", (event) => {
      if (event.key !== "f" || !(event.ctrlKey || event.metaKey) || document.body.matches(".empty")) return;
      event.preventDefault();
      $("find").select();
    });
  }

  close() {
    $("find").value = "";
    $("found").replaceChildren();
  }

  async look() {
    const text = $("find").value.trim();
    let places = [];
    try {
      places = text ? await api.find(text) : [];
    } catch (error) {
      tell(error.message);
    }
    if (text !== $("find").value.trim()) return; // changed meanwhile
    this.at = -1;
    this.rows = places.map((place, index) =>
      element(
        "button",
        {
          type: "button",
          onclick: () => {
            this.choose(index);
            $("found").replaceChildren();
          },
        },
        element("span", { textContent: place.text, dir: "auto" }),
        element("small", { textContent: this.name({ file: place.file, number: place.page }) }),
      ),
    );
    this.places = places;
    const none = element("p", { className: "note", textContent: "Found nowhere" });
    $("found").replaceChildren(...(text && !places.length ? [none] : this.rows));
  }

  async step(by) {
    if (this.at === undefined || !this.places?.length) await this.look();
    const count = this.places?.length;
    if (count) this.choose((this.at + by + count) % count);
  }

  choose(index) {
    this.rows[this.at]?.removeAttribute("aria-current");
    this.at = index;
    this.rows[index].setAttribute("aria-current", "true");
    this.rows[index].scrollIntoView({ block: "nearest" });
    const { file, page, line } = this.places[index];
    this.go({ file, number: page }, line);
  }
}
