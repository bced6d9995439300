"""Line data sets in the Hugging Face `datasets` format, local or from the Hub."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import datasets
import numpy as np

from ocr.data.lines.decode import decode_line, image_aspect, load_line
from ocr.errors import ConfigError, DataError
from ocr.text.normalize import normalize as normalize_text
from ocr.types import LineSample

_ORIGINS = ("id", "document", "source", "language", "writer", "kind")


class HuggingFaceLines:
    """Lines of a data set that `datasets.load_dataset` can open; images stay encoded until asked for.

    With `streaming` nothing is downloaded ahead, and lines come in order only: `[i]` moves forward, and back no
    further than `buffer` lines; further back raises DataError. The stream starts over at its end, so that it
    can be mixed into training as an endless source (`MixedLines` reads those in order). Every worker process
    reads the whole stream, which keeps training batches the same for any number of them: one is enough.

    Args:
        path, name, split, data_files, revision: as `datasets.load_dataset` takes them.
        image_column: an Image feature, bytes, or a file's path. text_column: the transcription.
        columns: where to find `id`, `document`, `source`, `language`, `writer`, `kind`, as
            {"document": "page", ...}.
        length: lines of a streamed split, where the data set itself does not say.
        buffer: streamed lines kept, encoded. shuffle_buffer: streamed lines shuffled together; 0 for none.
        normalize: bring the text to the project's normal form.

    Raises:
        DataError: the data set or a column does not exist; from `[i]`, a row without text or with an
            undecodable image, or a streamed line that is no longer kept.
        ConfigError: an unknown key in `columns`, or a stream of unknown length.
    """

    def __init__(
        self,
        path: str,
        *,
        split: str,
        name: str | None = None,
        image_column: str,
        text_column: str,
        columns: Mapping[str, str] | None = None,
        data_files: str | Sequence[str] | Mapping[str, str | Sequence[str]] | None = None,
        revision: str | None = None,
        streaming: bool = False,
        length: int | None = None,
        buffer: int = 4096,
        shuffle_buffer: int = 0,
        normalize: bool = True,
    ) -> None:
        self.columns = dict(columns or {})
        if unknown := [key for key in self.columns if key not in _ORIGINS]:
            raise ConfigError(f"columns: unknown {', '.join(unknown)}; known are {', '.join(_ORIGINS)}")
        self.name = name or Path(path).name
        self.label = f"{path}[{split}]"
        self.image_column = image_column
        self.text_column = text_column
        self.normalize = normalize
        self.endless = streaming
        self.buffer = buffer
        self.shuffle_buffer = shuffle_buffer
        try:
            data = datasets.load_dataset(
                path,
                name,
                split=split,
                streaming=streaming,
                revision=revision,
                data_files=dict(data_files) if isinstance(data_files, Mapping) else data_files,
            )
        except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
            raise DataError(f"{self.label}: cannot be loaded: {str(error).splitlines()[0]}") from error
        features = data.features
        if features is None:
            data = data._resolve_features()
            features = data.features
        wanted = [image_column, text_column, *self.columns.values()]
        if missing := [column for column in wanted if column not in features]:
            raise DataError(f"{self.label}: no column {', '.join(missing)}; it has {', '.join(features)}")
        if isinstance(features[image_column], datasets.Image):
            data = data.cast_column(image_column, datasets.Image(decode=False))
        self.data = data.select_columns(list(dict.fromkeys(wanted)))
        self._length = self._known_length(length) if streaming else len(data)
        self._aspects: np.ndarray | None = None
        self._rewind()

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> LineSample:
        if not 0 <= index < len(self):
            raise IndexError(f"{self.name}: index {index} of {len(self)} lines")
        return self.at(index) if self.endless else self._sample(self.data[index], index)

    def at(self, index: int) -> LineSample:
        """Line `index` of a stream, which goes on over its end.

        Raises:
            DataError: the line has passed and is no longer kept, or the stream has no lines.
        """
        if index < self._next - len(self._kept):
            raise DataError(
                f"{self.label}: a stream is read in order: line {index} asked for after line {self._next - 1} "
                f"with a buffer of {self.buffer}; load it without streaming"
            )
        if self._rows is None:
            self._rows = self._endless_rows()
        while self._next <= index:
            self._kept.append(next(self._rows))
            self._next += 1
        return self._sample(self._kept[index - self._next], index)

    def widths(self) -> np.ndarray:
        """(len,) float64 width / height from the images' headers; NaN for a stream."""
        if self.endless:
            return np.full(len(self), np.nan)
        if self._aspects is None:
            images = self.data.select_columns([self.image_column])
            self._aspects = np.array([self._aspect(row[self.image_column]) for row in images], np.float64)
        return self._aspects

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_rows": None, "_kept": None, "_next": 0}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._rewind()

    def _rewind(self) -> None:
        self._rows: Iterator[dict] | None = None
        self._kept: deque[dict] = deque(maxlen=self.buffer)
        self._next = 0

    def _known_length(self, length: int | None) -> int:
        if length is not None:
            return length
        splits = self.data.info.splits or {}
        known = splits.get(str(self.data.split))
        if known is None or not known.num_examples:
            raise ConfigError(f"{self.label}: a stream of unknown length, say length=")
        return known.num_examples

    def _endless_rows(self) -> Iterator[dict]:
        passes = 0
        while True:
            data = self.data
            if self.shuffle_buffer:
                data = data.shuffle(seed=passes, buffer_size=self.shuffle_buffer)
            empty = True
            # Batches, because iterating over single rows in a loader's worker would skip other workers' files.
            for batch in data.iter(batch_size=16):
                empty = False
                yield from (dict(zip(batch, row, strict=True)) for row in zip(*batch.values(), strict=True))
            if empty:
                raise DataError(f"{self.label}: no lines")
            passes += 1

    def _aspect(self, value: object) -> float:
        encoded = value.get("bytes") or value.get("path") if isinstance(value, dict) else value
        return image_aspect(Path(encoded) if isinstance(encoded, str) else encoded) if encoded else np.nan

    def _sample(self, row: Mapping, index: int) -> LineSample:
        origin = {key: str(row[column] or "") for key, column in self.columns.items()}
        line_id = origin.get("id") or f"{self.name}-{index}"
        name = f"{self.label}: row {index}"
        text = row[self.text_column]
        if text is None or not (text := normalize_text(str(text)) if self.normalize else str(text)):
            raise DataError(f"{name} has no text")
        image = row[self.image_column]
        if isinstance(image, dict):
            image = image.get("bytes") or image.get("path")
        if not image:
            raise DataError(f"{name} has no image")
        pixels = (
            decode_line(image, name=name) if isinstance(image, bytes) else load_line(Path(image), name=name)
        )
        return LineSample(
            image=pixels,
            text=text,
            id=line_id,
            document=origin.get("document") or line_id,
            source=origin.get("source") or self.name,
            language=origin.get("language", ""),
            writer=origin.get("writer", ""),
            kind=origin.get("kind", ""),
        )
