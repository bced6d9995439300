"""Batches for validation and evaluation: every usable line once, like widths together."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from torch.utils.data import DataLoader, Dataset

from ocr.data.lines.collate import LineCollate
from ocr.data.lines.sampler import group_by_columns
from ocr.data.lines.sources import LineSource
from ocr.data.lines.stream import one_thread
from ocr.errors import OcrError
from ocr.types import LineBatch, LineSample

if TYPE_CHECKING:
    from ocr.image.preprocess import LinePreprocessor

log = logging.getLogger(__name__)


class PreparedLines(Dataset):
    """A source's lines preprocessed, or the error that row i raises."""

    def __init__(self, source: LineSource, collate: LineCollate) -> None:
        self.source = source
        self.collate = collate

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> LineSample | tuple[int, OcrError]:
        try:
            return self.collate.prepare(self.source[index])
        except OcrError as error:
            return index, error


class EvaluationBatches:
    """Iterable of `LineBatch`es over a source, widest lines first, each line once.

    Args:
        batch_size: most lines of a batch.
        max_columns: most padded columns of a batch; default no limit.
        on_error: called with (row, error) for each unusable line, which is left out; default a warning.
        rank, world_size: this process takes every `world_size`-th batch.
    """

    def __init__(
        self,
        source: LineSource,
        preprocess: LinePreprocessor,
        *,
        batch_size: int,
        max_columns: int | None = None,
        num_workers: int = 0,
        on_error: Callable[[int, OcrError], None] | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.collate = LineCollate(preprocess)
        self.lines = PreparedLines(source, self.collate)
        self.on_error = on_error or _warn
        self.num_workers = num_workers
        aspects = source.widths().tolist()
        columns = np.array(
            [aspect if math.isnan(aspect) else preprocess.columns(1, aspect) for aspect in aspects]
        )
        known = columns[~np.isnan(columns)]
        groups = group_by_columns(
            np.where(np.isnan(columns), np.median(known) if len(known) else 1.0, columns),
            max_columns=max_columns or batch_size * (preprocess.max_width + 16),
            max_lines=batch_size,
        )
        self.batches = [group.tolist() for group in groups[rank::world_size]]

    def __len__(self) -> int:
        """Batches; fewer come where all lines of one are unusable."""
        return len(self.batches)

    def __iter__(self) -> Iterator[LineBatch]:
        loader = DataLoader(
            self.lines,
            batch_sampler=self.batches,
            collate_fn=list,
            num_workers=self.num_workers,
            worker_init_fn=one_thread,
        )
        for rows in loader:
            for row in rows:
                if isinstance(row, tuple):
                    self.on_error(*row)
            usable = [row for row in rows if isinstance(row, LineSample)]
            if usable:
                yield self.collate.join(usable)


def _warn(row: int, error: OcrError) -> None:
    log.warning("line skipped: %s", error)
