"""Conversion of UNIPEN files to two Parquet files of pen strokes, of lines and of words, for synthetic handwriting.

Each row has the columns of `SCHEMA`: `writer` (donor and a hash), `donor` (the folder that the organization's files
are in), `style` as recorded, `text`, `split` by writer, `dx` and `dy` (differences of pen positions, of which the
cumulative sum gives x and y down; 64 units are an x-height; y = slope * x is the baseline), `points` (number per
stroke; the pen is up between strokes; one point is a dot) and `slope`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ocr.convert.stroke_geometry import SMALL, Ruling, find_rows, find_ruling, simplify
from ocr.convert.unipen_format import Folder, Segment, UnipenDocument, included_names, read_document
from ocr.errors import DataError

UNITS = 64
"""Units per x-height."""

MAX_DISTANCE = 32000
"""Largest distance of a point from the left end of the baseline, in units: 500 x-heights, longer than any line."""

LINE_LEVELS = ("LINE", "SENTENCE", "TEXT", "PHRASE")
"""Levels of lines; where a recording has several, the first of these."""

RELIABLE_LETTERS = 3
MIN_RELIABLE = 5
MAX_DEVIATION = 1.6
"""Factor by which an x-height may differ from that of the recording; otherwise it counts as a wrong estimate. That of
the recording is the median of at least `MIN_RELIABLE` texts with at least `RELIABLE_LETTERS` small letters."""

SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("writer", "donor", "style", "text", "split")]
    + [("slope", pa.float32())]
    + [(name, pa.list_(pa.int16())) for name in ("dx", "dy", "points")]
)

Keyed = dict[tuple[int, int, int], np.ndarray]


@dataclass(frozen=True)
class Sample:
    """Strokes (y down, tablet units) with their label, before scaling; `name` identifies them in messages."""

    name: str
    writer: str
    donor: str
    style: str
    text: str
    strokes: list[np.ndarray]


@dataclass
class Report:
    """Numbers of converted and left-out items."""

    lines: int = 0
    words: int = 0
    writers: int = 0
    files_left_out: int = 0
    segments_left_out: int = 0
    written: list[Path] = field(default_factory=list)


def convert_unipen(source: Path, destination: Path, *, tell: Callable[[str], None] = print) -> Report:
    """Convert all UNIPEN files (`.dat`) of a folder to `unipen-lines.parquet` and `unipen-words.parquet`.

    Args:
        source: the folder as distributed, with `data` and `include` somewhere in it.
        destination: folder for the two files; made if it is not there.
        tell: receives one line per file or segment that is left out.

    Raises:
        DataError: there is no such folder, or no line and no word in it.
        OSError: the files cannot be written.
    """
    if not source.is_dir():
        raise DataError(f"{source}: no such folder")
    folder, report = Folder(source), Report()
    rows: dict[str, list[dict[str, Any]]] = {"lines": [], "words": []}
    for paths in _recordings(folder, report, tell):
        documents = _read(paths, folder, report, tell)
        for kind, samples in (("lines", _lines), ("words", _words)):
            rows[kind] += _rows(samples(documents, source, report, tell), report, tell)
    if not any(rows.values()):
        raise DataError(f"{source}: no lines and no words of UNIPEN files")
    destination.mkdir(parents=True, exist_ok=True)
    for kind, found in rows.items():
        path = destination / f"unipen-{kind}.parquet"
        pq.write_table(pa.Table.from_pylist(found, SCHEMA), path, row_group_size=4096, compression="zstd")
        report.written.append(path)
    report.lines, report.words = len(rows["lines"]), len(rows["words"])
    report.writers = len({row["writer"] for found in rows.values() for row in found})
    return report


def writer_and_split(donor: str, writer: str) -> tuple[str, str]:
    """Return the hashed writer and its split: one writer in twenty is for validation, one for the test."""
    hashed = f"{donor}-{hashlib.sha1((donor + writer).encode()).hexdigest()[:8]}"
    return hashed, {0: "test", 1: "val"}.get(int(hashlib.sha1(hashed.encode()).hexdigest(), 16) % 20, "train")


def _recordings(folder: Folder, report: Report, tell: Callable[[str], None]) -> Iterable[list[Path]]:
    """Group the files that hold or include the same strokes; files in `include` are read through others only."""
    groups: dict[Path, list[Path]] = defaultdict(list)
    for path in folder.paths:
        inside = path.relative_to(folder.root).parts[:-1]
        if path.suffix.lower() != ".dat" or "include" in (part.lower() for part in inside):
            continue
        try:
            names = included_names(path)
            # The last included file holds the strokes; documentation and lexicon come before.
            groups[folder.included(names[-1], path) if names else path].append(path)
        except DataError as error:
            report.files_left_out += 1
            tell(f"{path}: {error}")
    return groups.values()


def _read(
    paths: Sequence[Path], folder: Folder, report: Report, tell: Callable[[str], None]
) -> list[tuple[Path, UnipenDocument]]:
    documents = []
    for path in paths:
        try:
            documents.append((path, read_document(path, folder)))
        except DataError as error:
            report.files_left_out += 1
            tell(f"{path}: {error}")
    return documents


def _words(
    documents: Sequence[tuple[Path, UnipenDocument]],
    source: Path,
    report: Report,
    tell: Callable[[str], None],
) -> list[Sample]:
    samples = []
    for path, document in documents:
        for segment in document.segments:
            if segment.level == "WORD":
                try:
                    samples.append(_sample(path, document, segment, source))
                except DataError as error:
                    report.segments_left_out += 1
                    tell(f"{path}: {error}")
    return samples


def _lines(
    documents: Sequence[tuple[Path, UnipenDocument]],
    source: Path,
    report: Report,
    tell: Callable[[str], None],
) -> list[Sample]:
    levels = {segment.level for _, document in documents for segment in document.segments}
    level = next((level for level in LINE_LEVELS if level in levels), None)
    words = [
        (document, segment)
        for _, document in documents
        for segment in document.segments
        if segment.level == "WORD"
    ]
    samples = []
    for path, document in documents:
        for segment in document.segments:
            if segment.level == level:
                try:
                    samples += _divide(_sample(path, document, segment, source), document, segment, words)
                except DataError as error:
                    report.segments_left_out += 1
                    tell(f"{path}: {error}")
    return samples


def _sample(path: Path, document: UnipenDocument, segment: Segment, source: Path) -> Sample:
    """Make a sample of a segment. Raises DataError naming the segment where it cannot be used."""
    text = " ".join(segment.label.split())
    name = f"{segment.level} {segment.range} {text[:40]!r}"
    if segment.quality == "BAD":
        raise DataError(f"{name}: marked as bad")
    if not text or not (text.isascii() and text.isprintable()):
        raise DataError(f"{name}: the label is empty or not ASCII")
    try:
        strokes = _flipped(document.strokes(segment))
    except DataError as error:
        raise DataError(f"{name}: {error}") from error
    if not strokes:
        raise DataError(f"{name}: no strokes")
    component = document.components[segment.pieces()[0][0]]
    donor = _donor(path, source)
    # A recording without a writer counts as that of one writer.
    writer = component.writer or path.stem
    return Sample(name, writer, donor, component.style, text, list(strokes.values()))


def _donor(path: Path, source: Path) -> str:
    """Code of the organization: the folder below the category (`data/8/DONOR/...`), else the file's own folder."""
    parts = path.relative_to(source).parts[:-1]
    lower = [part.lower() for part in parts]
    if "data" in lower and len(parts) > lower.index("data") + 2:
        return parts[lower.index("data") + 2]
    return parts[-1] if parts else source.resolve().name


def _flipped(strokes: Keyed) -> Keyed:
    """Turn y down, because in UNIPEN it points up."""
    return {key: stroke * np.array([1.0, -1.0]) for key, stroke in strokes.items()}


def _divide(
    sample: Sample,
    document: UnipenDocument,
    segment: Segment,
    words: Sequence[tuple[UnipenDocument, Segment]],
) -> list[Sample]:
    """Cut a text into its rows of writing, with the help of its line breaks or of the words within it.

    Raises:
        DataError: the parts of the label cannot be assigned to rows.
    """
    rows = find_rows(sample.strokes)
    count = int(rows.max()) + 1
    if count == 1:
        return [sample]
    broken = [" ".join(line.split()) for line in segment.label.split("\n") if line.strip()]
    texts = broken if len(broken) == count else _texts_by_row(sample, document, segment, rows, words)
    if texts is None:
        raise DataError(f"{sample.name}: {count} rows of writing, and no words that tell what is in each")
    return [
        Sample(
            f"{sample.name} row {row}",
            sample.writer,
            sample.donor,
            sample.style,
            text,
            [stroke for stroke, its_row in zip(sample.strokes, rows, strict=True) if its_row == row],
        )
        for row, text in enumerate(texts)
    ]


def _texts_by_row(
    sample: Sample,
    document: UnipenDocument,
    segment: Segment,
    rows: np.ndarray,
    words: Sequence[tuple[UnipenDocument, Segment]],
) -> list[str] | None:
    """Join the words of each row; None unless the words make up the label."""
    row_of = dict(zip(document.strokes(segment), rows.tolist(), strict=True))
    found: dict[tuple[tuple[int, int, int], ...], tuple[int, str]] = {}
    for other, word in words:
        try:
            keys = tuple(other.strokes(word))
        except DataError:
            continue  # Reported where words are converted.
        if keys and all(key in row_of for key in keys):
            row = int(np.median([row_of[key] for key in keys]))
            found.setdefault(keys, (row, " ".join(word.label.split())))
    ordered = [found[keys] for keys in sorted(found)]
    if " ".join(text for _, text in ordered).split() != sample.text.split():
        return None
    texts = [
        " ".join(text for its_row, text in ordered if its_row == row) for row in range(int(rows.max()) + 1)
    ]
    return texts if all(texts) else None


def _rows(samples: Sequence[Sample], report: Report, tell: Callable[[str], None]) -> Iterable[dict[str, Any]]:
    """Scale the samples of a recording to rows, each sample once, as categories repeat words of others."""
    samples = list({sample.name: sample for sample in samples}.values())
    rulings = [find_ruling(sample.strokes, sample.text) for sample in samples]
    reliable = [
        ruling.x_height
        for sample, ruling in zip(samples, rulings, strict=True)
        if ruling and sum(character in SMALL for character in sample.text) >= RELIABLE_LETTERS
    ]
    usual = float(np.median(reliable)) if len(reliable) >= MIN_RELIABLE else None
    for sample, ruling in zip(samples, rulings, strict=True):
        try:
            yield _row(sample, ruling, usual)
        except DataError as error:
            report.segments_left_out += 1
            tell(f"{sample.donor}/{sample.writer}: {sample.name}: {error}")


def _row(sample: Sample, ruling: Ruling | None, usual: float | None) -> dict[str, Any]:
    if ruling is None:
        raise DataError("baseline and x-height cannot be estimated")
    x_height = ruling.x_height
    if usual is not None and not usual / MAX_DEVIATION <= x_height <= usual * MAX_DEVIATION:
        x_height = usual
    scale, left = UNITS / x_height, min(stroke[:, 0].min() for stroke in sample.strokes)
    origin = np.array([left, ruling.slope * left + ruling.offset])
    scaled = [(stroke - origin) * scale for stroke in sample.strokes]
    if max(np.abs(stroke).max() for stroke in scaled) > MAX_DISTANCE:
        raise DataError("strokes too far apart")
    strokes = [simplify(np.rint(stroke).astype(np.int64)) for stroke in scaled]
    steps = np.diff(np.concatenate([[[0, 0]], *strokes]), axis=0)
    if np.abs(steps).max() > np.iinfo(np.int16).max:
        raise DataError("strokes too far apart")
    writer, split = writer_and_split(sample.donor, sample.writer)
    return {
        "writer": writer,
        "donor": sample.donor,
        "style": sample.style,
        "text": sample.text,
        "split": split,
        "slope": ruling.slope,
        "dx": steps[:, 0].astype(np.int16),
        "dy": steps[:, 1].astype(np.int16),
        "points": np.array([len(stroke) for stroke in strokes], np.int16),
    }
