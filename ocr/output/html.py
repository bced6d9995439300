"""HTML report for proofreading: the picture of each line beside its text, colored by confidence.

On a narrow screen the text stands below the picture; colors follow the light or dark theme of the browser. The lines
of lowest confidence are listed at the end. All pages of a source are written to one self-contained HTML
file, which is well-formed XML and has no scripts.
"""

from __future__ import annotations

import io
from base64 import b64encode
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

from ocr.errors import ConfigError, DataError
from ocr.geometry import paragraphs, rectify_line
from ocr.output.document import Document
from ocr.output.draw import confidence_color
from ocr.output.layout import file_name, parts, xml_text
from ocr.types import Page, TextLine, Word

LOW_CONFIDENCE = 0.6
"""Confidence below which lines are listed for review."""

CROP_HEIGHT = 48
"""Height in pixels of the pictures of lines."""

STYLE = """
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --faint: #666; --rule: #e5e5e5; --mark: #fff3c4;
  --depth: .25; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e4e4; --paper: #16181a; --faint: #a0a0a0; --rule: #34383c; --mark: #4a3f12; --depth: .5; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 75rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin-top: 2.5rem; }
a { color: LinkText; }
.paragraph { margin: 0 0 1.5rem; }
.line { display: grid; grid-template-columns: 2rem minmax(0, 1fr) minmax(0, 1fr) 3rem; gap: 1rem;
  align-items: center; padding: .2rem 0; border-bottom: 1px solid var(--rule); break-inside: avoid; }
.line:target { background: var(--mark); }
.line img { max-width: 100%; height: auto; display: block; border-radius: 3px; }
.note { color: var(--faint); font-size: .85rem; }
.text, td { overflow-wrap: anywhere; }
.word { border-radius: 3px; padding: 0 .15em; background: rgba(var(--tint), var(--depth)); }
td, th { padding: .2rem 1rem .2rem 0; text-align: left; vertical-align: top; }
@media (max-width: 40rem) {
  body { margin: 1rem auto; }
  .line { grid-template-columns: 1.5rem minmax(0, 1fr) 3rem; gap: .25rem .5rem; padding: .5rem 0; }
  .line > :nth-child(2) { grid-column: 2 / 4; }
  .line > :nth-child(3) { grid-column: 2; grid-row: 2; }
  .line > :nth-child(4) { grid-column: 3; grid-row: 2; text-align: right; }
}
"""


class HtmlReport(Document):
    """Report of one source; `unsure` collects confidence, position and text of the lines to be checked."""

    def __init__(self, path: Path, original: Path | bytes | None = None) -> None:
        super().__init__(path, original)
        self.started = False
        self.unsure: list[tuple[float, tuple[int, int], str]] = []

    def add(self, page: Page, image: np.ndarray | None) -> None:
        """Append a page with the pictures of its lines. Raises ConfigError without an image."""
        if image is None:
            raise ConfigError(f"{page.source}: the html format needs the page's image")
        if not self.started:
            self._start(_text(file_name(page)))
        self._put(f'<h2 id="{_anchor(page.number)}">Page {page.number}</h2>')
        number = 0
        for group in paragraphs(page.lines):
            self._put('<div class="paragraph">')
            for line in group:
                number += 1
                self._line(line, image, (page.number, number))
            self._put("</div>")
        if not number:
            self._put('<p class="note">No text was found.</p>')

    def finish(self) -> None:
        """Write the list of lines to be checked and the end of the file."""
        if not self.started:
            self._start("")
        self._put(
            f'<h2 id="review">To be checked: lines below {LOW_CONFIDENCE:.0%}, the least sure first</h2>'
        )
        rows = [
            f'<tr><td>{confidence:.0%}</td><td><a href="#{_anchor(*place)}">page {place[0]}, line {place[1]}</a></td>'
            f"<td>{text}</td></tr>"
            for confidence, place, text in sorted(self.unsure)
        ]
        head = "<tr><th>sure</th><th>where</th><th>text</th></tr>"
        table = ["<table>", head, *rows, "</table>"] if rows else ['<p class="note">None.</p>']
        self._put(*table, "</body>", "</html>")

    def _start(self, title: str) -> None:
        self.started = True
        self._put(
            "<!DOCTYPE html>",
            '<html xmlns="http://www.w3.org/1999/xhtml">',
            '<head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>',
            f"<title>{title}</title><style>{STYLE}</style></head>",
            "<body>",
            f"<h1>{title}</h1>",
            f'<p>{_scale()} <a href="#review">Lines to be checked</a></p>',
        )

    def _line(self, line: TextLine, image: np.ndarray, place: tuple[int, int]) -> None:
        words = " ".join(_word(word) for word in parts(line))
        self._put(
            f'<div class="line" id="{_anchor(*place)}">',
            f'<span class="note">{place[1]}</span>',
            f"<span>{_crop(line, image)}</span>",
            f'<span class="text">{words}</span>' if words else '<span class="note">nothing was read</span>',
            f'<span class="note">{f"{line.confidence:.0%}" if words else ""}</span>',
            "</div>",
        )
        if words and line.confidence < LOW_CONFIDENCE:
            self.unsure.append((line.confidence, place, _text(line.text)))

    def _put(self, *lines: str) -> None:
        self.file.write("".join(f"{line}\n" for line in lines).encode("utf-8"))


def _word(word: Word) -> str:
    percent = f"{word.confidence:.0%}"
    return f'<span class="word" style="{_tint(word.confidence)}" title="{percent}">{_text(word.text)}</span>'


def _crop(line: TextLine, image: np.ndarray) -> str:
    """Make an element with the rectified picture of a line; empty where its outline has no extent."""
    try:
        crop = rectify_line(image, line.polygon, line.baseline, height=CROP_HEIGHT).image
    except DataError:
        return ""
    buffer = io.BytesIO()
    Image.fromarray(crop).save(buffer, format="JPEG", quality=80)
    data = b64encode(buffer.getvalue()).decode("ascii")
    height, width = crop.shape[:2]
    return f'<img alt="" width="{width}" height="{height}" src="data:image/jpeg;base64,{data}"/>'


def _scale() -> str:
    steps = (0.5, 0.75, 1.0)
    return "Sure: " + " ".join(
        f'<span class="word" style="{_tint(step)}">{step:.0%}</span>' for step in steps
    )


def _tint(confidence: float) -> str:
    red, green, blue = confidence_color(confidence)
    return f"--tint: {red}, {green}, {blue}"


def _anchor(*place: int) -> str:
    return "-".join(["page", *map(str, place)])


def _text(text: str) -> str:
    return escape(xml_text(text))
