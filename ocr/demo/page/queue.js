// Files on their way to the server, some at a time; those that have not arrived outlive the tab.

import { Refusal, send } from "./api.js";
import { $, element, tell } from "./dom.js";

const AT_ONCE = 3;

export class Queue {
  // `arrived()` after each file; `limits()` are those of the server.
  constructor({ arrived, limits }) {
    this.arrived = arrived;
    this.limits = limits;
    this.items = [];
    this.last = 0;
    this.store = new Store();
  }

  get length() {
    return this.items.length;
  }

  get safe() {
    return this.store.open;
  }

  // Files that an earlier visit could not send any more.
  async resume() {
    for (const { id, file } of await this.store.begin()) this.add(file, id);
  }

  take(files) {
    for (const file of files) {
      if (file.size > this.limits().bytes) {
        tell(`${file.name}: more than the ${this.limits().bytes / 1e6} MB that can be kept`);
      } else {
        // Also its place among the others, whenever it arrives.
        const id = this.last = Math.max(this.last + 1, 1000 * Date.now());
        this.store.keep(id, file);
        this.add(file, id);
      }
    }
  }

  add(file, id) {
    const stop = new AbortController();
    const bar = element("progress", { max: 1, value: 0, ariaLabel: `Sending ${file.name}` });
    const away = element("button", {
      type: "button",
      className: "away",
      textContent: "×",
      ariaLabel: `Do not send ${file.name}`,
      onclick: () => {
        stop.abort();
        this.end(item);
      },
    });
    const name = element("span", { textContent: file.name, title: file.name });
    const item = { file, id, stop, bar, row: element("div", { className: "sent" }, name, away, bar), busy: false };
    this.items.push(item);
    $("queue").append(item.row);
    this.next();
  }

  next() {
    const busy = this.items.filter((item) => item.busy).length;
    for (const item of this.items.filter((each) => !each.busy).slice(0, AT_ONCE - busy)) this.send(item);
  }

  async send(item) {
    item.busy = true;
    try {
      await send(item.file, item.id, {
        progress: (share) => {
          item.bar.value = share;
        },
        signal: item.stop.signal,
      });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      tell(error.message);
    }
    this.end(item);
    this.arrived();
  }

  end(item) {
    this.store.drop(item.id);
    item.row.remove();
    this.items = this.items.filter((each) => each !== item);
    this.next();
  }
}

// The files that wait, on disk, where the browser allows it; only one tab at a time may keep and take them.
class Store {
  open = false;

  async begin() {
    if (!navigator.locks || !window.indexedDB) return [];
    const mine = await new Promise((resolve) => {
      navigator.locks.request("ocr-queue", { ifAvailable: true }, (lock) => {
        resolve(Boolean(lock));
        return lock && new Promise(() => {}); // held as long as this tab is open
      });
    });
    if (!mine) return [];
    try {
      this.base = await done(Object.assign(indexedDB.open("ocr-queue", 1), {
        onupgradeneeded: (event) => event.target.result.createObjectStore("files", { keyPath: "id" }),
      }));
      this.open = true;
      return await done(this.files("readonly").getAll());
    } catch {
      return []; // such as in a private window
    }
  }

  files(mode) {
    return this.base.transaction("files", mode).objectStore("files");
  }

  keep(id, file) {
    if (this.open) done(this.files("readwrite").put({ id, file })).catch(() => {});
  }

  drop(id) {
    if (this.open) done(this.files("readwrite").delete(id)).catch(() => {});
  }
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
