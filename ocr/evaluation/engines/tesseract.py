"""Tesseract (Smith, An Overview of the Tesseract OCR Engine, 2007), run by its command line program."""

from __future__ import annotations

import csv
import io
import logging
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from ocr.decoding import Hypothesis
from ocr.errors import ConfigError
from ocr.evaluation.engine import Machine
from ocr.geometry import baseline_from_polygon
from ocr.types import TextLine

PROGRAM = "tesseract"
ONE_LINE, WHOLE_PAGE = "7", "3"
"""Page segmentation modes."""
LINE, WORD = "4", "5"
"""Levels of the rows in the TSV output."""

log = logging.getLogger(__name__)


class Tesseract:
    """Engine that runs the program once per batch of lines and once per page."""

    def __init__(self, version: str, languages: str, threads: int | None) -> None:
        self.title = f"{version} ({languages})"
        self.about = {"version": version, "languages": languages}
        self.languages = languages
        self.environment = os.environ | ({"OMP_THREAD_LIMIT": str(threads)} if threads else {})

    def read_lines(self, images: Sequence[np.ndarray]) -> list[Hypothesis]:
        """Read line images; see `LineEngine`."""
        return [_reading(rows) for rows in self._tables(images, ONE_LINE)]

    def read_page(self, image: np.ndarray) -> list[TextLine]:
        """Read a page; see `PageEngine`."""
        (rows,) = self._tables([image], WHOLE_PAGE)
        lines = []
        for start, row in enumerate(rows):
            if row["level"] != LINE:
                continue
            here = _place(row)
            reading = _reading([other for other in rows[start:] if _place(other) == here])
            if reading.text:
                polygon = _box(row)
                baseline = baseline_from_polygon(polygon)
                lines.append(TextLine(polygon, baseline, text=reading.text, confidence=reading.confidence))
        return lines

    def _tables(self, images: Sequence[np.ndarray], mode: str) -> list[list[dict[str, str]]]:
        """Run the program; returns the rows of its TSV output for each image."""
        with TemporaryDirectory() as folder:
            files = [str(Path(folder) / f"{number}.png") for number in range(len(images))]
            for file, image in zip(files, images, strict=True):
                colors = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
                cv2.imwrite(file, colors, [cv2.IMWRITE_PNG_COMPRESSION, 1])
            names = Path(folder) / "files.txt"
            names.write_text("\n".join(files) + "\n", encoding="utf-8")
            command = [PROGRAM, str(names), "stdout", "-l", self.languages, "--psm", mode]
            done = subprocess.run(
                [*command, "-c", "tessedit_create_tsv=1"], capture_output=True, env=self.environment
            )
        if done.returncode and len(images) > 1:
            # The program stops at the first image that it cannot process: read the others one by one.
            return [table for image in images for table in self._tables([image], mode)]
        tables: list[list[dict[str, str]]] = [[] for _ in images]
        if done.returncode:
            log.warning(
                "tesseract failed on an image: %s", " ".join(done.stderr.decode(errors="replace").split())
            )
            return tables
        text = io.StringIO(done.stdout.decode("utf-8", errors="replace"), newline="\n")
        for row in csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE):
            tables[int(row["page_num"]) - 1].append(row)
        return tables


def load(machine: Machine, *, languages: str = "eng") -> Tesseract:
    """Prepare the program.

    Args:
        languages: names of installed language data, joined by `+`, the most important first.
    Raises:
        ConfigError: the program or a language is not installed.
    """
    version = _output("--version").split("\n")[0].strip()
    known = _output("--list-langs").split("\n")[1:]
    for language in languages.split("+"):
        if language not in known:
            there = ", ".join(name for name in known if name)
            raise ConfigError(f"tesseract.languages={languages}: {language!r} is not installed, only {there}")
    return Tesseract(version, languages, machine.threads)


def _output(option: str) -> str:
    try:
        done = subprocess.run([PROGRAM, option], capture_output=True, check=True)
    except FileNotFoundError as error:
        raise ConfigError(
            "engine=tesseract: the program tesseract is not installed (Debian: apt install tesseract-ocr)"
        ) from error
    except (OSError, subprocess.CalledProcessError) as error:
        raise ConfigError(f"engine=tesseract: the program cannot be run ({error})") from error
    return done.stdout.decode("utf-8", errors="replace")


def _place(row: dict[str, str]) -> tuple[str, str, str]:
    """Identify the line of a row by its block, paragraph and line number."""
    return row["block_num"], row["par_num"], row["line_num"]


def _reading(rows: Sequence[dict[str, str]]) -> Hypothesis:
    """Join the words among some rows to one line; its confidence is their mean."""
    words = [row for row in rows if row["level"] == WORD and (row["text"] or "").strip()]
    if not words:
        return Hypothesis("", 0.0)
    confidence = float(np.mean([float(row["conf"]) for row in words])) / 100
    return Hypothesis(" ".join(row["text"].strip() for row in words), min(max(confidence, 0.0), 1.0))


def _box(row: dict[str, str]) -> np.ndarray:
    """Return the (4, 2) float32 outline of a row."""
    left, top = int(row["left"]), int(row["top"])
    right, bottom = left + int(row["width"]), top + int(row["height"])
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)
