"""Layouts of synthetic pages: letters, notes, lists, columns, forms, tables, and pages without text.

Every layout writes its lines in reading order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ocr.synth.paper import scribble, stamp
from ocr.synth.scribe import Hand, Scribe
from ocr.synth.sheet import Sheet

Layout = Callable[["Desk"], None]


@dataclass
class Desk:
    """A sheet, the hand that writes on it, and the area within the margins; `pitch` is the line height in pixels."""

    sheet: Sheet
    scribe: Scribe
    rng: np.random.Generator
    hand: Hand
    pitch: float
    left: float
    top: float
    right: float
    bottom: float
    slope: float
    """Degrees by which the lines of this writer slope downwards."""

    @property
    def width(self) -> float:
        """Width in pixels between the margins."""
        return self.right - self.left

    def chance(self, probability: float) -> bool:
        """Draw True with the given probability."""
        return bool(self.rng.random() < probability)

    def on_rule(self, y: float) -> float:
        """Return `y`, or on ruled paper the next rule below it, with a random deviation."""
        if self.sheet.pitch:
            y = self.sheet.first_rule + np.ceil((y - self.sheet.first_rule) / self.pitch - 1e-6) * self.pitch
            return float(y + self.rng.normal(-0.03, 0.03) * self.pitch)
        return float(y + self.rng.normal(0, 0.05) * self.pitch)

    def write(
        self,
        x: float,
        y: float,
        width: float,
        *,
        hand: Hand | None = None,
        text: str | None = None,
        fill: float = 1.0,
        align: float = 0.0,
        angle: float | None = None,
        strike: float = 0.03,
    ) -> float:
        """Write one line and return the x of its end (`x` where nothing could be written)."""
        hand = hand or self.hand
        if angle is None:
            angle = self.slope + (self.rng.normal(0, 0.25) if hand.kind == "handwritten" else 0)
        if width < 2 * hand.char_width:
            return x
        line = self.sheet.write(
            self.scribe,
            self.rng,
            hand,
            x,
            y,
            width=width,
            text=text,
            fill=fill,
            angle=angle,
            align=align,
            strike=strike if hand.kind == "handwritten" else 0.0,
        )
        if line is None:
            return x
        if hand.kind == "handwritten" and self.chance(0.02):
            underline = line.baseline + (0, 0.35 * hand.x_height)
            self.sheet.stroke(underline, hand.color, thickness=1 if self.chance(0.7) else 2, strength=220)
        return float(line.polygon[:, 0].max())

    def paragraph(
        self,
        y: float,
        rows: int,
        *,
        left: float | None = None,
        right: float | None = None,
        hand: Hand | None = None,
        indent: float = 0.0,
    ) -> float:
        """Write rows of running text from a baseline at `y`; returns the next free baseline."""
        left, right = self.left if left is None else left, self.right if right is None else right
        pitch = self.pitch if hand is None else min(self.pitch, 2.4 * hand.x_height)
        for row in range(rows):
            y = self.on_rule(y) if hand is None else y
            if y > self.bottom:
                return y
            ragged = self.rng.normal(0, 0.01) * (right - left)
            x = left + (indent if row == 0 else 0) + ragged
            fill = self.rng.uniform(0.2, 0.9) if row == rows - 1 else self.rng.uniform(0.9, 1.02)
            self.write(x, y, right - x, hand=hand, fill=fill)
            y += pitch
        return y

    def print_hand(self, size: float = 0.8) -> Hand:
        """Choose a print font; `size` is relative to the handwriting."""
        return self.scribe.hand(self.rng, max(4.5, size * self.hand.x_height), kind="print")


def prose(desk: Desk) -> None:
    """Write a page or part of a page of running text, at times under a heading."""
    rng, y = desk.rng, desk.top
    if desk.chance(0.3):
        desk.write(desk.left, desk.on_rule(y), desk.width, hand=desk.hand.scaled(1.3), fill=0.4, align=0.5)
        y += 1.8 * desk.pitch
    end = desk.bottom if desk.chance(0.7) else desk.top + rng.uniform(0.2, 1) * (desk.bottom - desk.top)
    indent = rng.uniform(0, 0.15) * desk.width if desk.chance(0.6) else 0.0
    while y < end:
        y = desk.paragraph(y, int(rng.integers(2, 14)), indent=indent)
        y += desk.pitch if desk.chance(0.35) else 0
    if desk.chance(0.25) and y < desk.bottom:
        desk.write(
            desk.left, desk.bottom, desk.width, text=str(rng.integers(1, 400)), align=rng.choice([0.5, 1.0])
        )


def letter(desk: Desk) -> None:
    """Write a letter: letterhead or none, place and date, salutation, body, closing and signature."""
    rng, y = desk.rng, desk.top
    if desk.chance(0.35):
        heading = desk.print_hand(rng.uniform(0.9, 1.7))
        align = rng.choice([0.0, 0.5, 0.5, 1.0])
        for _ in range(int(rng.integers(1, 4))):
            desk.write(desk.left, y, desk.width, hand=heading, fill=rng.uniform(0.2, 0.7), align=align)
            y += 2.1 * heading.x_height
            heading = heading.scaled(rng.uniform(0.65, 0.95)) if heading.x_height > 7 else heading
        y += desk.pitch
    at = desk.left + rng.uniform(0.35, 0.6) * desk.width
    for _ in range(int(rng.integers(1, 4))):
        y = desk.on_rule(y)
        desk.write(at, y, desk.right - at, fill=rng.uniform(0.5, 0.95), strike=0)
        y += desk.pitch
    y += rng.uniform(0, 1.5) * desk.pitch
    desk.write(desk.left, desk.on_rule(y), 0.6 * desk.width, fill=rng.uniform(0.4, 0.9))
    y += rng.uniform(1, 2) * desk.pitch
    end = desk.bottom - (3.5 * desk.pitch if desk.chance(0.7) else 0)
    indent = rng.uniform(0, 0.25) * desk.width
    while y < end:
        rows = max(1, min(int(rng.integers(2, 12)), int((end - y) / desk.pitch)))
        y = desk.paragraph(y, rows, indent=indent)
    if y < desk.bottom:
        at = desk.left + rng.uniform(0.3, 0.55) * desk.width
        desk.write(at, desk.on_rule(y), desk.right - at, fill=rng.uniform(0.4, 0.9))
        _sign(desk, at, y + rng.uniform(1.2, 2) * desk.pitch)


def _sign(desk: Desk, x: float, y: float) -> None:
    """Sign with a name in larger writing, at times with a flourish, or with an illegible curve."""
    rng = desk.rng
    if desk.chance(0.35):
        scribble(
            rng,
            desk.sheet,
            x,
            min(y, desk.sheet.size[0] - 20),
            rng.uniform(0.15, 0.35) * desk.width,
            desk.hand.color,
        )
        return
    hand = replace(desk.hand.scaled(rng.uniform(1.1, 1.8)), color=desk.hand.color)
    end = desk.write(x, y, desk.right - x, hand=hand, fill=0.6, angle=rng.normal(-6, 5), strike=0)
    if end > x and desk.chance(0.5):
        xs = np.linspace(x, end, 12)
        wave = rng.normal(0, 0.12, 12) * desk.pitch + 0.5 * desk.pitch
        desk.sheet.stroke(np.stack([xs, y + wave], 1), hand.color, thickness=int(rng.integers(1, 3)))


def notes(desk: Desk) -> None:
    """Write notes: short lines, bullets, indents and arrows, in more than one size."""
    rng, y = desk.rng, desk.top
    end = desk.top + rng.uniform(0.3, 1) * (desk.bottom - desk.top)
    while y < end:
        y = desk.on_rule(y)
        level = int(rng.integers(0, 3)) if desk.chance(0.7) else int(rng.integers(3, 8))
        x = desk.left + level * 0.05 * desk.width
        hand = desk.hand.scaled(1.4) if desk.chance(0.12) else desk.hand
        if desk.chance(0.4):
            _bullet(desk, x - 1.2 * hand.x_height, y)
        x = desk.write(x, y, desk.right - x, hand=hand, fill=rng.uniform(0.1, 0.9))
        if desk.chance(0.12) and desk.right - x > 0.2 * desk.width:
            _arrow(desk, x + 6, y, x + 0.08 * desk.width)
            desk.write(x + 0.1 * desk.width, y, desk.right - x - 0.1 * desk.width, fill=rng.uniform(0.3, 0.9))
        y += desk.pitch * (rng.uniform(1.5, 3) if desk.chance(0.15) else 1)


def _bullet(desk: Desk, x: float, y: float) -> None:
    size = 0.35 * desk.hand.x_height
    middle = y - 0.5 * desk.hand.x_height
    kind = desk.rng.integers(3)
    if kind == 0:
        desk.sheet.stroke([[x - size, middle], [x + size, middle]], desk.hand.color, thickness=2)
    elif kind == 1:
        around = np.linspace(0, 2 * np.pi, 9)
        ring = np.stack([x + size * np.cos(around), middle + size * np.sin(around)], 1)
        desk.sheet.stroke(ring, desk.hand.color, thickness=2)
    else:
        square = [
            [x - size, middle - size],
            [x + size, middle - size],
            [x + size, middle + size],
            [x - size, middle + size],
        ]
        desk.sheet.stroke(np.array(square) * 1.0, desk.hand.color, closed=True)


def _arrow(desk: Desk, x: float, y: float, end: float) -> None:
    y -= 0.5 * desk.hand.x_height
    points = [[x, y], [end, y], [end - 6, y - 4], [end, y], [end - 6, y + 4]]
    desk.sheet.stroke(points, desk.hand.color, thickness=int(desk.rng.integers(1, 3)))


def listing(desk: Desk) -> None:
    """Write a numbered or plain list, at times with amounts to the right."""
    rng, y = desk.rng, desk.top
    numbered, amounts = desk.chance(0.5), desk.chance(0.4)
    if desk.chance(0.6):
        desk.write(desk.left, desk.on_rule(y), desk.width, hand=desk.hand.scaled(1.25), fill=0.35)
        y += 1.6 * desk.pitch
    reach = rng.uniform(0.4, 0.75) * desk.width
    for number in range(1, int(rng.integers(4, 26))):
        y = desk.on_rule(y)
        if y > desk.bottom:
            break
        x = desk.left
        if numbered:
            x = (
                desk.write(x, y, 0.1 * desk.width, text=f"{number}{rng.choice(list('.)'))}", strike=0)
                + desk.hand.x_height
            )
        elif desk.chance(0.5):
            _bullet(desk, x - desk.hand.x_height, y)
        desk.write(x, y, reach, fill=rng.uniform(0.2, 0.9))
        if amounts:
            amount = (
                f"{rng.integers(1, 900)}.{rng.integers(100):02d}"
                if desk.chance(0.6)
                else str(rng.integers(1, 99))
            )
            desk.write(desk.right - 0.2 * desk.width, y, 0.2 * desk.width, text=amount, align=1.0, strike=0)
        y += desk.pitch


def columns(desk: Desk) -> None:
    """Write two columns, or the two pages of an open book, at times under a common heading."""
    rng, y = desk.rng, desk.top
    if desk.chance(0.4):
        desk.write(
            desk.left,
            desk.on_rule(y),
            desk.width,
            hand=desk.hand.scaled(1.3),
            fill=rng.uniform(0.4, 0.9),
            align=0.5,
        )
        y += 2 * desk.pitch
    gap = rng.uniform(0.04, 0.1) * desk.width
    middle = desk.left + desk.width * rng.uniform(0.44, 0.56)
    if desk.chance(0.3):
        desk.sheet.stroke([[middle, y - desk.pitch], [middle, desk.bottom]], (90, 90, 90), strength=170)
    for left, right in ((desk.left, middle - gap / 2), (middle + gap / 2, desk.right)):
        end = y + rng.uniform(0.5, 1) * (desk.bottom - y)
        at = y
        while at < end:
            at = desk.paragraph(at, int(rng.integers(2, 9)), left=left, right=right)
            at += desk.pitch if desk.chance(0.3) else 0


def form(desk: Desk) -> None:
    """Fill in a form: printed labels, and answers by hand on lines, in boxes or after a colon."""
    rng, y = desk.rng, desk.top
    labels = desk.print_hand(rng.uniform(0.55, 0.95))
    heading = desk.print_hand(1.3)
    desk.write(
        desk.left, y, desk.width, hand=heading, fill=rng.uniform(0.3, 0.7), align=rng.choice([0.0, 0.5])
    )
    y += 1.6 * desk.pitch
    style = rng.choice(["line", "dots", "box", "none"])
    pitch = max(desk.pitch, 3.4 * desk.hand.x_height) * rng.uniform(1.0, 1.4)
    while y < desk.bottom:
        if desk.chance(0.08):
            desk.write(desk.left, y, desk.width, hand=heading.scaled(0.8), fill=0.4)
            y += pitch
            continue
        if desk.chance(0.1):
            y = desk.paragraph(y, int(rng.integers(1, 4)), hand=labels) + 0.4 * pitch
            continue
        parts = int(rng.choice([1, 1, 2, 3]))
        edges = desk.left + np.linspace(0, desk.width, parts + 1)
        for left, right in zip(edges, edges[1:], strict=False):
            _field(desk, left, right - 0.015 * desk.width, y, labels, style, pitch)
        y += pitch
    if desk.chance(0.5):
        _sign(desk, desk.left + 0.5 * desk.width, desk.bottom)


def _field(desk: Desk, left: float, right: float, y: float, labels: Hand, style: str, pitch: float) -> None:
    rng, sheet = desk.rng, desk.sheet
    above = desk.chance(0.2) and style == "box"
    end = desk.write(
        left + 3,
        y - (0.62 * pitch if above else 0),
        0.45 * (right - left),
        hand=labels,
        fill=rng.uniform(0.3, 1),
    )
    start = left + 5 if above else end + 0.8 * labels.x_height
    if right - start < 3 * desk.hand.char_width:
        return
    gray = (90, 90, 90)
    if style == "line":
        sheet.stroke([[start, y + 2], [right, y + 2]], gray, strength=200)
    elif style == "dots":
        for x in np.arange(start, right, 5):
            sheet.stroke([[x, y + 2], [x + 1, y + 2]], gray, strength=220)
    elif style == "box":
        top, bottom = y - 0.7 * pitch, y + 0.24 * pitch
        sheet.stroke(
            [[left, top], [right, top], [right, bottom], [left, bottom]], gray, closed=True, strength=220
        )
    if desk.chance(0.82):
        desk.write(start + 3, y - 0.02 * pitch, right - start - 4, fill=rng.uniform(0.2, 0.95), strike=0.02)


def table(desk: Desk) -> None:
    """Fill in a ruled or unruled table: short entries by hand, a head in print or by hand."""
    rng = desk.rng
    count = int(rng.integers(2, 7))
    shares = rng.uniform(0.5, 2, count)
    edges = desk.left + np.concatenate([[0], np.cumsum(shares / shares.sum())]) * desk.width
    pitch = max(desk.pitch, 2.8 * desk.hand.x_height)
    rows = int(min(rng.integers(4, 30), (desk.bottom - desk.top) / pitch))
    head = desk.print_hand(0.8) if desk.chance(0.5) else desk.hand
    ruled = rng.random() < 0.7
    for row in range(rows):
        y = desk.top + row * pitch
        for left, right in zip(edges, edges[1:], strict=False):
            if desk.chance(0.85):
                number = (
                    str(rng.integers(0, 10 ** int(rng.integers(1, 5)))) if row and desk.chance(0.45) else None
                )
                desk.write(
                    left + 5, y, right - left - 9, hand=head if row == 0 else None, text=number,
                    fill=rng.uniform(0.3, 0.95), strike=0.01, angle=0.0,
                )  # fmt: skip
        if ruled:
            desk.sheet.stroke(
                [[desk.left, y + 0.3 * pitch], [desk.right, y + 0.3 * pitch]], (80, 80, 90), strength=180
            )
    if ruled:
        bottom = desk.top + (rows - 0.7) * pitch
        for x in edges:
            desk.sheet.stroke([[x, desk.top - 0.7 * pitch], [x, bottom]], (80, 80, 90), strength=180)


def typed(desk: Desk) -> None:
    """Write a typed or printed page with a few remarks by hand."""
    rng, hand = desk.rng, desk.hand
    print_hand = desk.print_hand(rng.uniform(0.6, 0.9))
    y, pitch = desk.top, print_hand.x_height * rng.uniform(2.2, 3.4)
    last = desk.top + rng.uniform(0.4, 1.0) * (desk.bottom - desk.top)
    while y < last:
        for row in range(int(rng.integers(2, 9))):
            if y > desk.bottom:
                break
            desk.write(desk.left, y, desk.width, hand=print_hand, fill=1.0 if row else rng.uniform(0.3, 1))
            y += pitch
        y += pitch
    if y + 2 * desk.pitch < desk.bottom and desk.chance(0.7):
        y = desk.paragraph(y + desk.pitch, int(rng.integers(1, 6)))
        if y < desk.bottom:
            _sign(desk, desk.left + 0.5 * desk.width, y + desk.pitch)
    desk.hand = hand


def consent_sheet(desk: Desk) -> None:
    """Fill in a sheet of a data collection: a small printed notice, a number to the right, then text by hand."""
    rng = desk.rng
    if desk.chance(0.8):
        at = desk.left + 0.6 * desk.width
        desk.write(
            at,
            desk.top,
            desk.right - at,
            text=f"{desk.scribe.text(rng, desk.hand, 3, 9)}_{rng.integers(9999):04d}",
        )
    y = desk.top + desk.pitch
    if desk.chance(0.7):
        small = desk.print_hand(0.5)
        y = desk.paragraph(y, int(rng.integers(1, 4)), hand=small) + desk.pitch
    for _ in range(int(rng.integers(1, 4))):
        y = desk.paragraph(y, int(rng.integers(2, 8)))
        y += desk.pitch if desk.chance(0.4) else 0


def sparse(desk: Desk) -> None:
    """Write a few words, as on an envelope, a label or a cover."""
    rng = desk.rng
    at = rng.uniform(desk.top, desk.top + 0.6 * (desk.bottom - desk.top))
    x = rng.uniform(desk.left, desk.left + 0.5 * desk.width)
    hand = desk.hand.scaled(rng.uniform(0.9, 2.2))
    for _ in range(int(rng.integers(1, 6))):
        if at > desk.bottom:
            break
        desk.write(x, at, desk.right - x, hand=hand, fill=rng.uniform(0.2, 0.9))
        x = float(np.clip(x + rng.normal(0, 0.05) * desk.width, desk.left, desk.right - 0.3 * desk.width))
        at += hand.x_height * rng.uniform(2.6, 4)


def blank(desk: Desk) -> None:
    """Make a page without text: empty, or with doodles, a drawing or a picture."""
    rng, sheet = desk.rng, desk.sheet
    kind = rng.random()
    if kind < 0.35:
        return
    for _ in range(int(rng.integers(1, 7))):
        center = np.array([rng.uniform(desk.left, desk.right), rng.uniform(desk.top, desk.bottom)])
        radius = rng.uniform(0.02, 0.22) * desk.width
        if kind < 0.6:
            count = int(rng.integers(3, 40))
            around = np.sort(rng.uniform(0, 2 * np.pi, count))
            ring = np.stack([np.cos(around), np.sin(around)], 1) * radius * rng.uniform(0.5, 1.2, (count, 1))
            sheet.stroke(
                center + ring, desk.hand.color, thickness=int(rng.integers(1, 4)), closed=desk.chance(0.5)
            )
        elif kind < 0.8:
            steps = rng.normal(0, radius / 4, (int(rng.integers(4, 60)), 2))
            sheet.stroke(
                center + np.cumsum(steps, axis=0), desk.hand.color, thickness=int(rng.integers(1, 3))
            )
        else:
            size = int(2 * radius) + 8, int(rng.uniform(1, 3) * radius) + 8
            noise = rng.random((int(rng.integers(2, 30)), int(rng.integers(2, 30)))).astype(np.float32)
            picture = cv2.resize(
                noise, size, interpolation=int(rng.choice([cv2.INTER_NEAREST, cv2.INTER_CUBIC]))
            )
            sheet.lay(
                (np.clip(picture, 0, 1) * 255).astype(np.uint8),
                int(center[0]),
                int(center[1]),
                desk.hand.color,
            )


def margin_notes(desk: Desk) -> None:
    """Write remarks in the left margin, horizontally or vertically; they are read at their height on the page."""
    rng = desk.rng
    room = desk.left - 12
    if room < 60 or not desk.sheet.lines:
        return
    small = desk.hand.scaled(0.75)
    if desk.chance(0.35):
        y = rng.uniform(desk.top + 0.4 * (desk.bottom - desk.top), desk.bottom)
        desk.write(
            rng.uniform(0.3, 0.6) * room,
            y,
            0.3 * (desk.bottom - desk.top),
            hand=small,
            angle=-90 + rng.normal(0, 3),
        )
        return
    for _ in range(int(rng.integers(1, 4))):
        y = rng.uniform(desk.top, desk.bottom)
        for _ in range(int(rng.integers(1, 3))):
            before = len(desk.sheet.lines)
            desk.write(10, y, room, hand=small, fill=rng.uniform(0.5, 1), angle=rng.normal(0, 4))
            if len(desk.sheet.lines) > before:
                note = desk.sheet.lines.pop()
                _insert_level(desk.sheet, note)
            y += 2.2 * small.x_height


def _insert_level(sheet: Sheet, note) -> None:
    """Insert a note before the first line whose start lies lower."""
    level = note.baseline[:, 1].mean()
    lower = [i for i, line in enumerate(sheet.lines) if line.baseline[0, 1] > level - 2]
    sheet.lines.insert(lower[0] if lower else len(sheet.lines), note)


def office_marks(desk: Desk) -> None:
    """Stamp the page, at times over the text."""
    for _ in range(int(desk.rng.integers(1, 3))):
        stamp(desk.rng, desk.sheet, desk.scribe)


LAYOUTS: dict[str, tuple[Layout, float]] = {
    "prose": (prose, 0.22),
    "letter": (letter, 0.20),
    "notes": (notes, 0.10),
    "listing": (listing, 0.06),
    "columns": (columns, 0.08),
    "form": (form, 0.09),
    "table": (table, 0.05),
    "typed": (typed, 0.05),
    "consent_sheet": (consent_sheet, 0.07),
    "sparse": (sparse, 0.04),
    "blank": (blank, 0.04),
}
"""Layouts by name, each with its share of pages."""
