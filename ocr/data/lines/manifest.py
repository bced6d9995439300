"""Line manifests: Parquet files with the encoded image beside its transcription."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ocr.data.lines.columns import MANIFEST_SCHEMA, columns_of
from ocr.data.lines.decode import decode_line
from ocr.data.lines.sources import LineSource
from ocr.errors import DataError
from ocr.image.encode import encode_png
from ocr.image.preprocess import ink_gray
from ocr.text.normalize import normalize as normalize_text
from ocr.types import LineSample, Polygon

MANIFEST_HEIGHT = 64
"""Height in pixels that the `width` column of a manifest refers to."""


class ParquetLines:
    """Lines of one or several Parquet manifests; images stay encoded until they are asked for.

    Columns: `id`, `image` (bytes, or a struct with `bytes`), `text`, `width` (pixels at a height of 64), and
    optionally `page_id`, `source`, `language`, `writer`, `kind`, `polygon` (x, y, x, y ... in crop pixels).

    Args:
        path: a file, a glob, or a list of them.
        kind: keep only lines of this kind, such as `handwritten`.
        sources: keep only lines of these sources.
        normalize: bring the text to the project's normal form.
        name: shown in messages; default the first file's stem.

    Raises:
        DataError: no file matches, a file cannot be read, lacks a column, or nothing is left after filtering;
            from `[i]`, a row without text or with an undecodable image.
    """

    endless = False

    def __init__(
        self,
        path: str | Path | Sequence[str | Path],
        *,
        kind: str | None = None,
        sources: Sequence[str] | None = None,
        normalize: bool = True,
        name: str | None = None,
    ) -> None:
        self.files = expand_paths(path)
        self.normalize = normalize
        self.name = name or self.files[0].stem
        self.tables = [_filtered(_read(file), kind, sources) for file in self.files]
        self.ends = np.cumsum([table.num_rows for table in self.tables])
        if not len(self):
            wanted = ", ".join(
                text
                for text, given in ((f"kind={kind!r}", kind), (f"sources={sources!r}", sources))
                if given is not None
            )
            raise DataError(f"{self.files[0]}: no lines" + (f" with {wanted}" if wanted else ""))

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, index: int) -> LineSample:
        if not 0 <= index < len(self):
            raise IndexError(f"{self.name}: index {index} of {len(self)} lines")
        which = int(np.searchsorted(self.ends, index, side="right"))
        table, file = self.tables[which], self.files[which]
        row = index - (int(self.ends[which - 1]) if which else 0)
        values = row_of(table, row, file=file)
        return line_of(values, file=file, source=self.name, normalize=self.normalize)

    def widths(self) -> np.ndarray:
        """(len,) float64 width / height, NaN where the manifest does not say."""
        columns = [
            table.column("width").cast(pa.float64()).to_numpy(zero_copy_only=False) for table in self.tables
        ]
        widths = np.concatenate(columns).astype(np.float64) / MANIFEST_HEIGHT
        return np.where(np.isfinite(widths) & (widths > 0), widths, np.nan)

    def documents(self) -> list[str]:
        """The page of each line, or the line's own id where the manifest does not say."""
        found: list[str] = []
        for table in self.tables:
            ids = _printed(table.column("id"))
            pages = _printed(table.column("page_id")) if "page_id" in table.column_names else ids
            found += [page or line_id for page, line_id in zip(pages, ids, strict=True)]
        return found


def row_of(table: pa.Table, row: int, *, file: Path) -> dict:
    """A row of a manifest as Python values. Raises DataError, naming file and row, for text that is not UTF-8."""
    try:
        return {column: table.column(column)[row].as_py() for column in table.column_names}
    except (UnicodeDecodeError, pa.ArrowException) as error:
        raise DataError(f"{file}: row {row}: {error}") from error


def line_of(values: dict, *, file: Path, source: str, normalize: bool) -> LineSample:
    """One row of a manifest; `source` where the row names none. Raises DataError, naming file and row."""
    line_id = values["id"]
    where = f"{file}: row {line_id!r}"
    image, text = values["image"], values["text"]
    if isinstance(image, dict):
        image = image.get("bytes")
    if image is None:
        raise DataError(f"{where} has no image")
    if text is None or not (text := normalize_text(text) if normalize else text):
        raise DataError(f"{where} has no text")
    return LineSample(
        image=decode_line(image, name=where),
        text=text,
        id=str(line_id),
        document=str(values.get("page_id") or line_id),
        source=values.get("source") or source,
        language=values.get("language") or "",
        writer=values.get("writer") or "",
        kind=values.get("kind") or "",
        polygon=_polygon(values.get("polygon"), where),
    )


def _polygon(values: list | None, where: str) -> Polygon | None:
    if not values:
        return None
    if len(values) % 2 or None in values:
        raise DataError(f"{where}: polygon: expected x, y, x, y ..., got {len(values)} values")
    polygon = np.asarray(values, np.float32).reshape(-1, 2)
    if not np.isfinite(polygon).all():
        raise DataError(f"{where}: polygon: a coordinate is not finite")
    return polygon


def _printed(column: pa.ChunkedArray) -> list[str]:
    """A column as texts, empty where it has no value, whatever bytes they hold."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.cast(pa.large_binary())
    values = column.to_pylist()
    return [
        value.decode(errors="replace") if isinstance(value, bytes) else "" if value is None else str(value)
        for value in values
    ]


def expand_paths(path: str | Path | Sequence[str | Path]) -> list[Path]:
    """Files named by a path, a glob, or a list of them, each glob sorted.

    Raises:
        DataError: one of them matches no file.
    """
    patterns = [path] if isinstance(path, str | Path) else list(path)
    files = []
    for pattern in patterns:
        if Path(pattern).is_file():
            files.append(Path(pattern))
            continue
        matches = sorted(Path(match) for match in glob.glob(str(pattern), recursive=True))
        matches = [match for match in matches if match.is_file()]
        if not matches:
            raise DataError(f"{pattern}: no such file")
        files.extend(matches)
    if not files:
        raise DataError("an empty list of files was given")
    return files


def _read(file: Path) -> pa.Table:
    try:
        return pq.read_table(file, columns=columns_of(pq.read_schema(file), file=file))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file}: not a readable Parquet file: {str(error).splitlines()[0]}") from error


def _filtered(table: pa.Table, kind: str | None, sources: Sequence[str] | None) -> pa.Table:
    for column, wanted in (("kind", None if kind is None else [kind]), ("source", sources)):
        if wanted is None:
            continue
        if column not in table.column_names:
            raise DataError(f"cannot select {column}={list(wanted)!r}: the manifest has no column {column}")
        values = table.column(column).cast(pa.string())
        table = table.filter(pc.is_in(values, pa.array(list(wanted), pa.string())))
    return table


def write_manifest(lines: LineSource, path: str | Path, *, height: int = MANIFEST_HEIGHT) -> list[DataError]:
    """Write any source as a Parquet manifest that `ParquetLines` reads; images become gray PNG of `height`.

    The file has its name when it is complete; a file of that name stays as it is until then.

    Returns the errors of the lines that could not be used and were left out.

    Raises:
        DataError: no line could be used. OSError: the file cannot be written.
    """
    path = Path(path)
    # Hidden from patterns such as *.parquet, should the process be killed.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    errors: list[DataError] = []
    try:
        if not _write_rows(lines, part, height, errors):
            raise DataError(
                f"{path}: none of {len(lines)} lines can be used" + (f": {errors[0]}" if errors else "")
            )
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return errors


def write_rows(rows: Sequence[dict], file: BinaryIO) -> None:
    """Write values of `manifest_row` as a manifest. Raises OSError."""
    pq.write_table(pa.Table.from_pylist(list(rows), MANIFEST_SCHEMA), file)


def _write_rows(lines: LineSource, path: Path, height: int, errors: list[DataError]) -> int:
    """Write the usable lines to a file, and note the errors of the others. Returns how many were written."""
    written = 0
    with pq.ParquetWriter(path, MANIFEST_SCHEMA) as writer:
        for start in range(0, len(lines), 1000):
            rows = []
            for index in range(start, min(start + 1000, len(lines))):
                try:
                    rows.append(manifest_row(lines[index], height))
                except DataError as error:
                    errors.append(error)
            writer.write_table(pa.Table.from_pylist(rows, MANIFEST_SCHEMA))
            written += len(rows)
    return written


def manifest_row(sample: LineSample, height: int = MANIFEST_HEIGHT) -> dict:
    """Return a line as the values of a manifest's row, its image as gray PNG of `height`."""
    image = sample.image if sample.image.ndim == 2 else ink_gray(sample.image)
    scale = height / image.shape[0]
    width = max(1, round(image.shape[1] * scale))
    if image.shape != (height, width):
        shrinks = scale < 1
        image = cv2.resize(
            image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        )
    return {
        "id": sample.id,
        "image": encode_png(image),
        "text": sample.text,
        "page_id": sample.document,
        "source": sample.source,
        "language": sample.language,
        "writer": sample.writer,
        "kind": sample.kind,
        "width": width,
        "polygon": None if sample.polygon is None else (sample.polygon * scale).reshape(-1).tolist(),
    }
