// The text, line by line; the line that was chosen can be corrected.

import * as api from "./api.js";
import { $, element, tell } from "./dom.js";
import { did } from "./history.js";

export class Lines {
  // Called as it happens: `selected(number, line)`, `edited()` here, and `changed(number, line)` on the server.
  // `edit(label, change)` changes which lines there are; `reload(page, number)` shows them as the server has them.
  // Lines are counted in reading order here; on the server, each has a `number` that stays.
  constructor({ selected, edited, changed, edit, reload }) {
    this.selected = selected;
    this.edited = edited;
    this.changed = changed;
    this.edit = edit;
    this.reload = reload;
    this.lines = [];
    this.unsaved = new Map(); // texts that the server has not taken, by page and line
    this.failed = new Set(); // the same, where it was in vain
    this.saves = new Set(); // on their way
  }

  show(page, lines) {
    this.leave();
    this.page = page;
    this.lines = lines;
    this.items = lines.map(() => element("li"));
    lines.forEach((_, number) => this.row(number));
    $("lines").replaceChildren(...this.items);
    $("lines").scrollTop = 0;
  }

  key(number) {
    return `${this.page.file} ${this.page.number} ${this.lines[number].number}`;
  }

  clear() {
    this.leave();
    this.page = undefined;
    this.lines = [];
    $("lines").replaceChildren();
  }

  row(number) {
    const line = this.lines[number];
    const text = element("span", { className: "reading", dir: "auto" });
    for (const word of line.words) {
      const part = element("span", { className: "word", textContent: word.text });
      if (!line.checked) {
        part.style.setProperty("--color", word.color);
        part.title = `${Math.round(100 * word.confidence)} % sure`;
      }
      text.append(part, " ");
    }
    if (!line.text) {
      text.append(element("em", { textContent: line.checked ? "nothing to read" : "nothing was read" }));
    }
    const button = element(
      "button",
      { type: "button", className: "row" },
      element("span", { className: "number", textContent: number + 1 }),
      text,
      element("span", { className: "state", ...state(line) }),
    );
    button.onclick = () => this.choose(number);
    const classes = { checked: line.checked, unsure: line.unsure, failed: this.failed.has(this.key(number)) };
    this.movable(this.items[number], number);
    this.items[number].className = Object.keys(classes).filter((name) => classes[name]).join(" ");
    this.items[number].replaceChildren(button);
  }

  // The order of the lines is changed by dragging, or by Alt and an arrow. Fingers drag by the number; elsewhere they
  // scroll.
  movable(item, number) {
    item.onpointerdown = (event) => {
      const grip = event.pointerType === "mouse" || event.target.closest(".number");
      if (grip && event.isPrimary && !event.button && this.active !== number) this.drag(item, number, event);
    };
  }

  drag(item, from, start) {
    const list = $("lines");
    const stop = new AbortController();
    let to, y = start.clientY, timer;
    const mark = (next) => {
      this.items[to]?.classList.remove("drop-before", "drop-after");
      to = next;
      if (to !== from) this.items[to]?.classList.add(from < to ? "drop-after" : "drop-before");
    };
    // Also while the pointer rests at an end of the list, which scrolls then.
    const follow = () => {
      const { top, bottom } = list.getBoundingClientRect();
      list.scrollTop += y < top + 24 ? -10 : y > bottom - 24 ? 10 : 0;
      const over = this.items.findIndex((each) => y < each.getBoundingClientRect().bottom);
      mark(over < 0 ? this.items.length - 1 : over);
    };
    const end = (event) => {
      stop.abort();
      clearInterval(timer);
      item.classList.remove("dragged");
      if (!timer) return;
      const wanted = to;
      mark();
      // What was dragged was not clicked.
      const click = new AbortController();
      document.addEventListener("click", (each) => each.stopPropagation(), { capture: true, signal: click.signal });
      setTimeout(() => click.abort());
      if (event.type === "pointerup" && this.items[from] === item) this.move(from, wanted, false);
    };
    const on = (type, act) => document.addEventListener(type, act, { signal: stop.signal });
    on("pointermove", (event) => {
      if (event.pointerId !== start.pointerId) return;
      y = event.clientY;
      if (timer || Math.abs(y - start.clientY) < 6) return;
      timer = setInterval(follow, 30);
      item.classList.add("dragged");
      item.setPointerCapture(start.pointerId);
    });
    on("pointerup", (event) => {
      if (timer) follow();
      end(event);
    });
    on("pointercancel", end);
    on("keydown", (event) => event.key === "Escape" && end(event));
  }

  // With `open`, the line is chosen in its new place.
  move(from, to, open = true) {
    if (to < 0 || to >= this.lines.length || from === to) return;
    const order = this.lines.map((line) => line.number);
    const [moved] = order.splice(from, 1);
    order.splice(to, 0, moved);
    this.edit("a line moved", async (page) => {
      await api.setOrder(page, order);
      return open ? { lines: [{ number: moved }] } : {};
    });
  }

  remove(number) {
    const order = this.lines.map((line) => line.number).filter((_, index) => index !== number);
    this.edit("a line removed", (page) => api.setOrder(page, order));
  }

  join(number) {
    const join = [number, number + 1].map((index) => this.lines[index].number);
    this.edit("two lines joined", (page) => api.addLines(page, { join }));
  }

  // Where the picture of the line is clicked next, it is split.
  split(number, crop) {
    tell("Click where the line is to be split", "note");
    crop.classList.add("splitting");
    crop.onclick = (event) => {
      const area = crop.getBoundingClientRect();
      const shown = Math.min(area.width, (area.height * crop.naturalWidth) / crop.naturalHeight);
      const at = (event.clientX - area.left) / shown;
      const split = this.lines[number].number;
      if (at < 1) this.edit("a line split", (page) => api.addLines(page, { split, at }));
    };
  }

  // By the number that it has on the server.
  chooseNumber(number) {
    const index = this.lines.findIndex((line) => line.number === number);
    if (index >= 0) this.choose(index);
  }

  choose(number) {
    this.leave();
    this.active = number;
    const line = this.lines[number];
    const input = element("input", {
      value: line.text,
      dir: "auto",
      maxLength: 2000,
      autocomplete: "off",
      ariaLabel: `Line ${number + 1}`,
      onkeydown: (event) => this.press(event, number),
    });
    const right = element("button", {
      type: "button",
      className: "primary",
      textContent: "Save",
      onclick: () => this.confirm(number),
    });
    const back = element("button", {
      type: "button",
      textContent: "As read",
      hidden: !line.checked,
      title: `Back to what was read: ${line.reading}`,
      onclick: () => this.asRead(number),
    });
    const sure = line.reading ? `read, ${Math.round(100 * line.confidence)} % sure` : "nothing was read";
    const item = this.items[number];
    const crop = element("img", { className: "crop", alt: "", src: `api/${api.linePath(this.page, line.number)}/image` });
    crop.onload = () => item.scrollIntoView({ block: "nearest" });
    const tool = (textContent, title, onclick) => element("button", { type: "button", textContent, title, onclick });
    const tools = element(
      "span",
      { className: "line-tools" },
      tool("Split", "Into two lines, where the picture is clicked next", () => this.split(number, crop)),
      tool("Join", "With the next line", () => this.join(number)),
      tool("Remove", "It is no line of text", () => this.remove(number)),
    );
    tools.children[1].disabled = number + 1 === this.lines.length;
    item.className = "active";
    item.replaceChildren(
      crop,
      input,
      element(
        "div",
        { className: "below" },
        element("span", { className: "note", textContent: line.checked ? "checked" : sure }),
        keys(),
        tools,
        back,
        right,
      ),
    );
    this.input = input;
    input.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
    this.selected(number, line);
    if (line.checked) this.place(this.page, number);
  }

  // The server has found the places of a corrected line's words meanwhile.
  async place(page, number) {
    try {
      const { words } = await api.readLine(page, this.lines[number].number);
      if (this.page !== page || this.active !== number) return;
      this.lines[number].words = words;
      this.selected(number, this.lines[number]);
    } catch {
      // Where they were shown before will do.
    }
  }

  // A changed text is never lost by going elsewhere; one that is as it was counts as checked by Enter alone.
  leave() {
    if (this.active === undefined) return;
    const number = this.active;
    const text = this.input.value;
    this.active = undefined;
    this.input = undefined;
    if (text !== this.lines[number].text || this.failed.has(this.key(number))) this.save(number, text);
    else this.row(number);
    this.selected(undefined);
  }

  press(event, number) {
    const { key, shiftKey, isComposing } = event;
    if (isComposing || event.ctrlKey || event.metaKey) return;
    if (event.altKey) {
      if (!["ArrowUp", "ArrowDown"].includes(key)) return;
      event.preventDefault();
      return this.move(number, number + (key === "ArrowUp" ? -1 : 1));
    }
    const last = this.lines.length - 1;
    if (key === "Enter") this.confirm(number);
    else if ((key === "ArrowDown" || (key === "Tab" && !shiftKey)) && number < last) this.choose(number + 1);
    else if ((key === "ArrowUp" || (key === "Tab" && shiftKey)) && number > 0) this.choose(number - 1);
    else if (key === "Escape") {
      this.leave();
      this.items[number].querySelector("button").focus();
    } else return;
    event.preventDefault();
  }

  confirm(number) {
    const text = this.input.value;
    this.active = undefined;
    this.input = undefined;
    this.save(number, text);
    if (number + 1 < this.lines.length) this.choose(number + 1);
    else {
      this.selected(undefined);
      this.items[number].querySelector("button").focus();
    }
  }

  async asRead(number) {
    const page = this.page;
    this.active = undefined;
    this.input = undefined;
    this.row(number);
    try {
      await this.settled();
      const line = await api.uncheck(page, this.lines[number].number);
      if (this.page !== page) return;
      this.unsaved.delete(this.key(number));
      this.failed.delete(this.key(number));
      this.take(page, number, line);
    } catch (error) {
      tell(error.message);
    }
    if (this.page === page) this.choose(number);
  }

  save(number, text) {
    const line = this.lines[number];
    const page = this.page;
    if (text !== line.text || !line.checked) did(`line ${number + 1}`, async () => {
      await this.settled();
      if (line.checked) await api.check(page, line.number, line.text);
      else await api.uncheck(page, line.number);
      await this.reload(page, line.number);
    });
    // Shown as it will be, while the server finds the places of the words.
    const words = text.split(/\s+/).filter(Boolean).map((word) => ({ text: word, points: "" }));
    this.lines[number] = { ...line, text, words: text === line.text ? line.words : words, checked: true, unsure: false };
    this.unsaved.set(this.key(number), text);
    this.failed.delete(this.key(number));
    this.row(number);
    this.edited();
    const saving = this.send(this.page, number, text);
    this.saves.add(saving);
    saving.finally(() => this.saves.delete(saving));
  }

  async send(page, number, text) {
    const key = this.key(number);
    try {
      const answer = await api.check(page, this.lines[number].number, text);
      if (this.unsaved.get(key) !== text) return; // changed again meanwhile
      this.unsaved.delete(key);
      if (answer.note) tell(answer.note, "note");
      this.take(page, number, answer);
    } catch (error) {
      tell(`Line ${number + 1} is not saved: ${error.message}`);
      this.failed.add(key);
      if (this.page === page && this.active !== number) this.row(number);
    }
  }

  // Whether something was written that the server has not got.
  dirty() {
    const writing = this.active !== undefined && this.input.value !== this.lines[this.active].text;
    return writing || this.unsaved.size > 0;
  }

  // Until all that was saved has arrived.
  settled() {
    return Promise.allSettled([...this.saves]);
  }

  // What the server says of a line, unless another page is shown or somebody is writing there again.
  take(page, number, line) {
    if (this.page !== page) return;
    this.lines[number] = line;
    if (this.active !== number) this.row(number);
    this.changed(number, line);
  }

  // On to the line that was read least surely, and from there to the next surer one that is not checked.
  leastSure() {
    const numbers = [...this.lines.keys()].filter((number) => !this.lines[number].checked);
    numbers.sort((one, other) => this.lines[one].confidence - this.lines[other].confidence);
    this.choose(numbers[(numbers.indexOf(this.active) + 1) % numbers.length]);
  }
}

function state(line) {
  if (line.checked) return { textContent: "✓", title: "checked" };
  if (!line.reading) return { textContent: "", title: "nothing was read" };
  return { textContent: `${Math.round(100 * line.confidence)} %`, title: "confidence of the line" };
}

function keys() {
  const hint = element("span", { className: "keys note" });
  for (const [key, meaning] of [["Enter", "save"], ["↑ ↓", "move"], ["Esc", "leave"]]) {
    hint.append(element("kbd", { textContent: key }), ` ${meaning}`);
  }
  return hint;
}
