"""Possible causes of recognition errors, by rules on measurable properties of a line.

Rules are applied to all lines, read well or badly, and several may hold for a line. `weigh` compares the error rate
of the lines for which a rule holds with that of other lines. The thresholds are round numbers near the outer 5 % of
1395 validation lines of six collections.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from rapidfuzz.distance import Levenshtein

from ocr.image.preprocess import LinePreprocessor
from ocr.text.ngram import CharNgram
from ocr.text.normalize import normalize
from ocr.text.tokenizer import CharTokenizer
from ocr.types import LineSample

MIN_OTHER_LINES = 3
"""Lowest number of other lines for the error rate of a document, and for the letter width of a collection."""


@dataclass
class Facts:
    """Measured properties of a line.

    `edits`, `caseless`: edits between label and text, with and without regard to case. `contrast`: gray levels
    between paper and ink. `border`: share of columns with ink in the uppermost or in the lowest row. `ink`: share of
    the crop that is ink. `pitch`: line heights per character of the label. `digits`, `capitals`: shares of the
    characters and words of the label. `usual`: mean log-probability of the characters of the label under the n-gram
    model of the package. `typical_pitch` (the median of the source) and `others` (CER of the other lines of the
    document over that of all lines) are set by `relate`; None where there are too few lines.
    """

    source: str
    document: str
    characters: int
    edits: int
    caseless: int
    contrast: float
    border: float
    ink: float
    pitch: float
    digits: float
    capitals: float
    usual: float
    typical_pitch: float | None = None
    others: float | None = None


CAUSES: dict[str, tuple[str, Callable[[Facts], bool]]] = {
    "case": (
        "half of the errors or more are capitals for small letters, or the reverse",
        lambda f: f.edits > 0 and f.caseless <= f.edits / 2,
    ),
    "label": (
        "letters 1.8 times as wide or as narrow as usual in the source: label and ink may differ",
        lambda f: f.typical_pitch is not None and not 1 / 1.8 < f.pitch / f.typical_pitch < 1.8,
    ),
    "crop": ("the upper or lower border is inked in a seventh of the columns", lambda f: f.border > 1 / 7),
    "faint": ("fewer than 80 gray levels between ink and paper", lambda f: f.contrast < 80),
    "heavy": (
        "more than 13 % of the crop is ink: thick pen, blots, lines struck out",
        lambda f: f.ink > 0.13,
    ),
    "numbers": ("a third of the characters are digits", lambda f: f.digits >= 1 / 3),
    "names": ("two thirds of the words begin with a capital", lambda f: f.capitals >= 2 / 3),
    "unusual": (
        "the language model finds the label unlikely: another language or time, abbreviations",
        lambda f: f.usual < -4.4,
    ),
    "short": ("at most 5 characters", lambda f: f.characters <= 5),
    "hand": (
        "the other lines of the document are read 1.5 times as badly as all lines, or worse",
        lambda f: f.others is not None and f.others >= 1.5,
    ),
}
OTHER = "other"


def causes_of(facts: Facts) -> list[str]:
    """List the rules that hold, in the order of `CAUSES`; `other` where none does."""
    return [name for name, (_, holds) in CAUSES.items() if holds(facts)] or [OTHER]


class Measure:
    """Measurement of the properties of single lines."""

    def __init__(self) -> None:
        self.preprocess = LinePreprocessor(height=48, flatten=True)
        self.tokenizer = CharTokenizer()
        self.ngram = CharNgram("western7.ngram")

    def __call__(self, sample: LineSample, reading: str) -> Facts:
        """Measure a line that was read as `reading`. Raises ImageError for an image without pixels."""
        inked = self.preprocess(sample.image) < 128
        gray = sample.image if sample.image.ndim == 2 else cv2.cvtColor(sample.image, cv2.COLOR_RGB2GRAY)
        ink, paper = np.percentile(gray, (1, 70))
        columns = np.flatnonzero(inked.any(0))
        reach = (columns[-1] - columns[0] + 1 if len(columns) else 1) / len(inked)
        label, reading = normalize(sample.text), normalize(reading)
        letters, words = [c for c in label if not c.isspace()], label.split()
        return Facts(
            source=sample.source,
            document=sample.document,
            characters=len(label),
            edits=Levenshtein.distance(label, reading),
            caseless=Levenshtein.distance(label.lower(), reading.lower()),
            contrast=float(abs(paper - ink)),
            border=float(max(inked[0].mean(), inked[-1].mean())),
            ink=float(inked.mean()),
            pitch=float(reach / max(len(label), 1)),
            digits=sum(c.isdigit() for c in letters) / max(len(letters), 1),
            capitals=sum(w[0].isupper() for w in words) / max(len(words), 1),
            usual=self._usual(label),
        )

    def _usual(self, label: str) -> float:
        missing = set(self.tokenizer.missing(label))
        ids = self.tokenizer.encode("".join(c for c in label if c not in missing))
        space = self.tokenizer.encode(" ")[0]
        # A label of unknown characters alone has the lowest probability.
        return float(self.ngram.text_log_probs(ids, space=space).mean()) if ids else -np.inf


def relate(facts: Sequence[Facts]) -> None:
    """Set the properties that depend on other lines, in place."""
    pitches = defaultdict(list)
    documents = defaultdict(lambda: np.zeros(3))
    for line in facts:
        pitches[line.source].append(line.pitch)
        documents[line.source, line.document] += (line.edits, line.characters, 1)
    edits, characters, _ = sum(documents.values(), np.zeros(3))
    for line in facts:
        rest = documents[line.source, line.document] - (line.edits, line.characters, 1)
        if rest[2] >= MIN_OTHER_LINES and edits and rest[1]:
            line.others = float(rest[0] / rest[1] / (edits / characters))
        if len(pitches[line.source]) > MIN_OTHER_LINES:
            line.typical_pitch = float(np.median(pitches[line.source]))


def weigh(facts: Sequence[Facts]) -> list[tuple[str, int, float, float | None]]:
    """Compare the lines for which each rule holds with other lines.

    Returns:
        For each rule that holds for any line: name, number of lines, their CER in percent, and the CER of the lines
        of the same sources for which it does not hold, weighted alike (None where there are none).
    """
    rows = []
    for name in [*CAUSES, OTHER]:
        sums = {line.source: np.zeros((2, 3)) for line in facts}
        for line in facts:
            sums[line.source][int(name in causes_of(line))] += (line.edits, line.characters, 1)
        table = np.stack(list(sums.values()))
        edits, characters, lines = table[:, 1].sum(0)
        if lines:
            known = table[:, 1, 1] * (table[:, 0, 1] > 0)
            rates = table[:, 0, 0] / np.maximum(table[:, 0, 1], 1)
            expected = 100 * float((known * rates).sum() / known.sum()) if known.sum() else None
            rows.append((name, int(lines), 100 * float(edits / max(characters, 1)), expected))
    return rows
