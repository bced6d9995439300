"""Pages that formats with places in them must hold, each with its reason."""

from dataclasses import replace

import numpy as np

from ocr.types import Page, TextLine, Word


def turned_box(left, top, right, bottom, degrees=0.0) -> np.ndarray:
    """(4, 2) float32: a box turned clockwise around its top-left corner."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    corners = np.array([(0, 0), (right - left, 0), (right - left, bottom - top), (0, bottom - top)])
    return (corners @ np.array([[cos, sin], [-sin, cos]]) + (left, top)).astype(np.float32)


def text_line(text: str, left: float, top: float, *, confidence=0.5, degrees=0.0, words=True) -> TextLine:
    """A line 20 high and 11 a character wide, its words side by side."""
    polygon = turned_box(left, top, left + 11 * max(len(text), 1), top + 20, degrees)
    places, start = [], 0
    for number, word in enumerate(text.split() if words else []):
        start = text.index(word, start)
        cut = np.array([start, start + len(word)]) / len(text)
        (left_top, right_top), (left_bottom, right_bottom) = (
            tuple(a + (b - a) * share for share in cut) for a, b in (polygon[[0, 1]], polygon[[3, 2]])
        )
        outline = np.array([left_top, right_top, right_bottom, left_bottom], np.float32)
        places.append(Word(word, outline, confidence / (number + 1)))
        start += len(word)
    baseline = polygon[[3, 2]] * 0.7 + polygon[[0, 1]] * 0.3
    return TextLine(polygon, baseline, text, confidence, places)


def _page(*lines: TextLine, source: str = "scan 1.jpg") -> Page:
    return Page(source, height=900, width=700, lines=list(lines))


_bent = text_line("über die Brücke", 50, 50)
_bent.baseline = np.array([(50, 64), (120, 60.24), (215.5, 66)], np.float32)
_dot = TextLine(np.full((4, 2), 77.3, np.float32), np.full((2, 2), 77.3, np.float32), ".", 0.3)
_dot.words = [Word(".", _dot.polygon, 0.3)]
_over = TextLine(turned_box(-4, -3, 900, 17), np.array([(-4, 10), (900, 10)], np.float32), "edge", 1.0)

PAGES = {
    "an empty page": _page(),
    "letters, markup and quotes": _page(
        text_line("Żółw & <b> œuvre", 40, 30), text_line('"last" line, ß', 40, 60)
    ),
    "two paragraphs": _page(*(text_line("ein Absatz", 40, y) for y in (30, 60, 90, 200, 230))),
    "columns": _page(*(text_line("Spalte", x, y) for x in (40, 340) for y in (30, 60, 90))),
    "ink that was read as nothing": _page(text_line("oben", 40, 30), text_line("", 40, 60)),
    "a slanted line": _page(text_line("bergab geht es", 40, 100, degrees=12)),
    "a standing line": _page(text_line("am Rand", 400, 100, degrees=90)),
    "a bent baseline": _page(_bent),
    "a line without words": _page(text_line("ohne Wörter hier", 40, 30, words=False)),
    "words of another reading": _page(
        TextLine(turned_box(9, 9, 99, 29), np.array([(9, 25), (99, 25)], np.float32), "a b", 0.9, _bent.words)
    ),
    "a dot smaller than a pixel": _page(_dot),
    "an outline over the page's edge": _page(_over),
    "characters that XML cannot hold": _page(
        text_line("a\x01b\ud800", 40, 30), source="folder\\bad\x02 \"quoted\" 'name'.jpg"
    ),
    "a page of known resolution": replace(_page(text_line("300 dpi", 40, 30)), dpi=300.0),
    "a line in another script": _page(
        text_line("oben", 40, 30), replace(text_line("Tpuber", 40, 60), other_script=True)
    ),
    "letters beyond the basic plane": _page(text_line("𝔉raktur 手紙 שלום", 40, 30)),
}
