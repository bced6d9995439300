"""Line manifests: Parquet files with the encoded image beside its transcription."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ocr.data.lines.decode import decode_line
from ocr.data.lines.sources import LineSource
from ocr.errors import DataError
from ocr.text.normalize import normalize as normalize_text
from ocr.types import LineSample

REQUIRED_COLUMNS = ("id", "image", "text", "width")
OPTIONAL_COLUMNS = ("page_id", "source", "language", "writer", "kind", "polygon")
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
        values = {column: table.column(column)[row].as_py() for column in table.column_names}
        return line_of(values, file=file, source=self.name, normalize=self.normalize)

    def widths(self) -> np.ndarray:
        """(len,) float64 width / height, NaN where the manifest does not say."""
        columns = [
            table.column("width").cast(pa.float64()).to_numpy(zero_copy_only=False) for table in self.tables
        ]
        return np.concatenate(columns).astype(np.float64) / MANIFEST_HEIGHT

    def documents(self) -> list[str]:
        """The page of each line, or the line's own id where the manifest does not say."""
        found: list[str] = []
        for table in self.tables:
            ids = table.column("id").to_pylist()
            pages = table.column("page_id").to_pylist() if "page_id" in table.column_names else ids
            found += [page or str(line_id) for page, line_id in zip(pages, ids, strict=True)]
        return found


def line_of(values: dict, *, file: Path, source: str, normalize: bool) -> LineSample:
    """One row of a manifest; `source` where the row names none. Raises DataError, naming file and row."""
    line_id = values["id"]
    image, text = values["image"], values["text"]
    if isinstance(image, dict):
        image = image.get("bytes")
    if image is None:
        raise DataError(f"{file}: row {line_id!r} has no image")
    if text is None or not (text := normalize_text(text) if normalize else text):
        raise DataError(f"{file}: row {line_id!r} has no text")
    polygon = values.get("polygon")
    return LineSample(
        image=decode_line(image, name=f"{file}: row {line_id!r}"),
        text=text,
        id=str(line_id),
        document=values.get("page_id") or str(line_id),
        source=values.get("source") or source,
        language=values.get("language") or "",
        writer=values.get("writer") or "",
        kind=values.get("kind") or "",
        polygon=np.asarray(polygon, np.float32).reshape(-1, 2) if polygon else None,
    )


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


def columns_of(schema: pa.Schema, *, file: Path) -> list[str]:
    """The columns of a manifest that are read. Raises DataError where `file` lacks one that must be there."""
    missing = [column for column in REQUIRED_COLUMNS if column not in schema.names]
    if missing:
        raise DataError(f"{file}: missing column {', '.join(missing)}")
    return [*REQUIRED_COLUMNS, *(column for column in OPTIONAL_COLUMNS if column in schema.names)]


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
        table = table.filter(pc.is_in(table.column(column), pa.array(list(wanted), pa.string())))
    return table


def write_manifest(lines: LineSource, path: str | Path, *, height: int = MANIFEST_HEIGHT) -> list[DataError]:
    """Write any source as a Parquet manifest that `ParquetLines` reads; images become grey PNG of `height`.

    Returns the errors of the lines that could not be used and were left out.

    Raises:
        DataError: no line could be used.
    """
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("image", pa.binary()),
            ("text", pa.string()),
            *((column, pa.string()) for column in ("page_id", "source", "language", "writer", "kind")),
            ("width", pa.int32()),
            ("polygon", pa.list_(pa.float32())),
        ]
    )
    errors: list[DataError] = []
    written = 0
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, len(lines), 1000):
            rows = []
            for index in range(start, min(start + 1000, len(lines))):
                try:
                    rows.append(_row(lines[index], height))
                except DataError as error:
                    errors.append(error)
            writer.write_table(pa.Table.from_pylist(rows, schema))
            written += len(rows)
    if not written:
        raise DataError(
            f"{path}: none of {len(lines)} lines can be used" + (f": {errors[0]}" if errors else "")
        )
    return errors


def _row(sample: LineSample, height: int) -> dict:
    image = sample.image if sample.image.ndim == 2 else cv2.cvtColor(sample.image, cv2.COLOR_RGB2GRAY)
    scale = height / image.shape[0]
    width = max(1, round(image.shape[1] * scale))
    if image.shape != (height, width):
        shrinks = scale < 1
        image = cv2.resize(
            image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        )
    return {
        "id": sample.id,
        "image": cv2.imencode(".png", image)[1].tobytes(),
        "text": sample.text,
        "page_id": sample.document,
        "source": sample.source,
        "language": sample.language,
        "writer": sample.writer,
        "kind": sample.kind,
        "width": width,
        "polygon": None if sample.polygon is None else (sample.polygon * scale).reshape(-1).tolist(),
    }
