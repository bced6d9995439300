"""Contact sheet of the lines with the most recognition errors, sorted by their possible cause."""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from rich.table import Table

from ocr.data.lines.sources import LineSource
from ocr.errors import ConfigError, DataError, one_line
from ocr.evaluation.analysis.causes import CAUSES, OTHER, Facts, Measure, causes_of, relate, weigh

WIDTH, HEIGHT, TEXT = 900, 36, 13
"""Width of the sheet, height of a line on it, and size of its captions, in pixels."""

COLUMNS = ("id", "source", "reference", "reading", "cer", "edits")
"""Required keys of the rows written by `ocr evaluate predictions=`."""


@dataclass
class ReadLine:
    """A row of the predictions with the image, uint8 (h, w) or (h, w, 3), and the properties of its line."""

    row: dict[str, Any]
    image: np.ndarray
    facts: Facts


def read_predictions(path: str | Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Read the rows of a file by (source, id). Raises DataError where `ocr evaluate` did not write it."""
    rows = {}
    try:
        with Path(path).open(encoding="utf-8") as file:
            for number, text in enumerate(file, start=1):
                row = json.loads(text)
                if not isinstance(row, dict) or not all(_fits(row.get(key), key) for key in COLUMNS):
                    raise DataError(f"{path}: line {number}: not a row with {', '.join(COLUMNS)}")
                rows[row["source"], row["id"]] = row
    except (OSError, RecursionError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{path}: not readable as JSON lines ({one_line(error)})") from error
    return rows


def _fits(value: object, key: str) -> bool:
    if key in ("cer", "edits"):
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, str)


def measured_lines(rows: dict[tuple[str, str], dict[str, Any]], source: LineSource) -> list[ReadLine]:
    """Measure the predicted lines. Raises DataError if `source` holds none of them."""
    measure = Measure()
    lines = []
    for index in range(len(source)):
        try:
            sample = source[index]
        except DataError:
            continue  # Reported by `ocr evaluate`.
        row = rows.get((sample.source, sample.id))
        if row is not None:
            lines.append(ReadLine(row, sample.image, measure(sample, row["reading"])))
    if not lines:
        raise DataError(f"{source.name}: none of {len(source)} lines is among the predictions")
    relate([line.facts for line in lines])
    return lines


def worst_of_each_source(lines: Sequence[ReadLine], count: int) -> list[ReadLine]:
    """Select the `count` lines with the highest CER of each source, worst first."""
    sources = defaultdict(list)
    for line in sorted(lines, key=lambda line: (-line.row["cer"], -line.row["edits"])):
        sources[line.row["source"]].append(line)
    return [line for each in sources.values() for line in each[:count]]


def draw_sheet(lines: Sequence[ReadLine]) -> Image.Image:
    """Draw lines grouped by their first cause, each with its causes, its label and its text."""
    groups = defaultdict(list)
    for line in lines:
        groups[causes_of(line.facts)[0]].append(line)
    pieces = []
    for cause in (name for name in [*CAUSES, OTHER] if name in groups):
        meaning = CAUSES[cause][0] if cause in CAUSES else "none of the rules holds"
        pieces.append(_captions([(f"{cause}: {meaning}", "white")], background=(70, 70, 70)))
        pieces += [_piece(line) for line in sorted(groups[cause], key=lambda line: -line.row["cer"])]
    sheet = Image.new("RGB", (WIDTH, sum(piece.height for piece in pieces)), "white")
    top = 0
    for piece in pieces:
        sheet.paste(piece, (0, top))
        top += piece.height
    return sheet


def write_sheet(lines: Sequence[ReadLine], path: str | Path) -> None:
    """Draw lines as `draw_sheet` does, into a file. Raises ConfigError where it cannot be written."""
    try:
        draw_sheet(lines).save(path, quality=60)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be written ({one_line(error)})") from error


def _piece(line: ReadLine) -> Image.Image:
    picture = Image.fromarray(line.image).convert("RGB")
    scale = min(HEIGHT / picture.height, WIDTH / picture.width)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    row = line.row
    about = f"{row['source']} {row['id']}   CER {row['cer']:.0f} %   {', '.join(causes_of(line.facts))}"
    texts = _captions(
        [(f"= {row['reference']}", (0, 90, 0)), (f"> {row['reading']}", (170, 0, 0)), (about, "gray")]
    )
    piece = Image.new("RGB", (WIDTH, size[1] + texts.height + 6), "white")
    piece.paste(picture.resize(size, Image.Resampling.LANCZOS))
    piece.paste(texts, (0, size[1]))
    return piece


def _captions(
    texts: Sequence[tuple[str, Any]], *, background: tuple[int, int, int] = (255, 255, 255)
) -> Image.Image:
    """Draw lines of text in given colors below each other."""
    # The default font of Pillow has no accents.
    font = ImageFont.truetype(str(files("ocr.synth") / "assets/fonts/fonts/ABeeZee-Regular.ttf"), TEXT)
    picture = Image.new("RGB", (WIDTH, len(texts) * (TEXT + 4) + 2), background)
    for number, (text, color) in enumerate(texts):
        ImageDraw.Draw(picture).text((3, number * (TEXT + 4)), text, fill=color, font=font)
    return picture


def print_causes(lines: Sequence[ReadLine]) -> None:
    """Print the result of `weigh` as a table."""
    table = Table(title=f"causes, {len(lines)} lines", title_justify="left")
    for heading in ("cause", "lines", "CER % of these", "CER % of others in the same sources"):
        table.add_column(heading, justify="left" if heading == "cause" else "right")
    for name, count, these, others in weigh([line.facts for line in lines]):
        table.add_row(name, str(count), f"{these:.1f}", "-" if others is None else f"{others:.1f}")
    Console(width=None if sys.stdout.isatty() else 140).print(table)
