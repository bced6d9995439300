// The page's picture with what was found on it.

import { pagePath } from "./api.js";
import { $, shape } from "./dom.js";

const STEP = 1.25;

export class Viewer {
  // `choose(number)` a line; `drawn(points)` is called with the corners of a box, in pixels of the upright page.
  constructor({ choose, drawn }) {
    this.choose = choose;
    this.drawn = drawn;
    this.zoom = 1;
    this.outlines = [];
    $("larger").onclick = () => this.scale(this.zoom * STEP);
    $("smaller").onclick = () => this.scale(this.zoom / STEP);
    $("fit").onclick = () => this.scale(1);
    $("whole").onclick = () => this.fitPage();
    $("draw").onclick = () => this.draw($("draw").ariaPressed !== "true");
    $("canvas").addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey) return;
        event.preventDefault();
        this.scale(this.zoom * (event.deltaY < 0 ? STEP : 1 / STEP));
      },
      { passive: false },
    );
    $("sheet").onpointerdown = (event) => this.begin(event);
  }

  // A box can be drawn until one was, or Esc is pressed.
  draw(on) {
    $("draw").ariaPressed = on;
    $("sheet").classList.toggle("drawing", on);
  }

  begin(start) {
    if ($("draw").ariaPressed !== "true" || start.button !== 0) return;
    start.preventDefault();
    const sheet = $("sheet");
    const box = shape("polygon", { class: "active" });
    const corners = (event) => {
      const area = sheet.getBoundingClientRect();
      const at = ({ clientX, clientY }) => [
        Math.min(Math.max((clientX - area.left) / area.width, 0), 1) * this.size.width,
        Math.min(Math.max((clientY - area.top) / area.height, 0), 1) * this.size.height,
      ];
      const [[x, y], [u, v]] = [at(start), at(event)];
      const [left, right, top, bottom] = [Math.min(x, u), Math.max(x, u), Math.min(y, v), Math.max(y, v)];
      return [[left, top], [right, top], [right, bottom], [left, bottom]];
    };
    $("overlay").append(box);
    sheet.setPointerCapture(start.pointerId);
    sheet.onpointermove = (event) => box.setAttribute("points", corners(event).join(" "));
    sheet.onpointerup = sheet.onpointercancel = (event) => {
      sheet.onpointermove = sheet.onpointerup = sheet.onpointercancel = null;
      box.remove();
      const points = corners(event);
      const big = points[1][0] - points[0][0] > 8 && points[2][1] - points[1][1] > 8;
      if (event.type !== "pointerup" || !big) return;
      this.draw(false);
      this.drawn(points);
    };
  }

  // So that all of it is to be seen.
  fitPage() {
    const canvas = $("canvas");
    const room = getComputedStyle(canvas);
    const height = canvas.clientHeight - parseFloat(room.paddingTop) - parseFloat(room.paddingBottom);
    const width = canvas.clientWidth - parseFloat(room.paddingLeft) - parseFloat(room.paddingRight);
    this.scale(Math.min(1, (height * this.size.width) / (width * this.size.height)));
  }

  // Something to say in place of a page.
  say(text) {
    $("notice").textContent = text;
    $("notice").hidden = false;
    $("sheet").hidden = true;
  }

  show(page, data, readings) {
    $("notice").hidden = true;
    $("sheet").hidden = false;
    $("picture").src = `api/${pagePath(page)}/image?${readings}`;
    $("picture").alt = `Page ${page.number} as it was sent`;
    const upright = turnedBack(data);
    this.size = upright;
    $("picture").width = upright.width;
    $("picture").height = upright.height;
    $("overlay").setAttribute("viewBox", `0 0 ${upright.width} ${upright.height}`);
    const { transform } = upright;
    this.words = shape("g", { class: "words", transform });
    this.outlines = data.lines.map((line, number) => {
      const outline = shape("polygon", { transform });
      outline.addEventListener("click", () => $("draw").ariaPressed === "true" || this.choose(number));
      return outline;
    });
    data.lines.forEach((line, number) => this.update(number, line));
    $("overlay").replaceChildren(...this.outlines, this.words);
    $("canvas").scrollTo(0, 0);
    this.active = undefined;
  }

  update(number, line) {
    const outline = this.outlines[number];
    outline.setAttribute("points", line.points);
    outline.style.setProperty("--color", line.color);
    outline.classList.toggle("checked", line.checked);
    if (number === this.active) this.drawWords(line);
  }

  select(number, line) {
    this.outlines[this.active]?.classList.remove("active");
    this.active = number;
    this.drawWords(line);
    if (number === undefined) return;
    this.outlines[number].classList.add("active");
    this.reveal(this.outlines[number]);
  }

  drawWords(line) {
    const words = line ? line.words : [];
    this.words?.replaceChildren(
      ...words.map((word) => {
        const outline = shape("polygon", { points: word.points });
        outline.style.setProperty("--color", word.color);
        return outline;
      }),
    );
  }

  scale(zoom) {
    const canvas = $("canvas");
    const middle = (canvas.scrollTop + canvas.clientHeight / 2) / canvas.scrollHeight;
    this.zoom = Math.min(Math.max(zoom, 0.02), 12);
    $("sheet").style.setProperty("--zoom", this.zoom);
    canvas.scrollTop = middle * canvas.scrollHeight - canvas.clientHeight / 2;
  }

  // Only the canvas scrolls, and only where the line is not in sight already.
  reveal(outline) {
    const canvas = $("canvas");
    const [inside, outside] = [outline.getBoundingClientRect(), canvas.getBoundingClientRect()];
    if (inside.top < outside.top + 20 || inside.bottom > outside.bottom - 20) {
      const offset = inside.top + inside.height / 2 - outside.top - outside.height / 2;
      canvas.scrollBy({ top: offset, behavior: "smooth" });
    }
    if (inside.left < outside.left || inside.left > outside.right - 80) {
      canvas.scrollBy({ left: inside.left - outside.left - 20, behavior: "smooth" });
    }
  }
}

// The size of the upright page, and the way there from the page as it was given, turned clockwise by `rotation`.
function turnedBack({ width, height, rotation }) {
  const transform = {
    0: "matrix(1 0 0 1 0 0)",
    90: `matrix(0 -1 1 0 0 ${width})`,
    180: `matrix(-1 0 0 -1 ${width} ${height})`,
    270: `matrix(0 1 -1 0 ${height} 0)`,
  }[rotation];
  return rotation % 180 ? { width: height, height: width, transform } : { width, height, transform };
}
