"""Training and validation batches for Lightning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import lightning as L

from ocr.data.lines.batches import EvaluationBatches
from ocr.data.lines.collate import LineCollate
from ocr.data.lines.mix import MixedLines
from ocr.data.lines.pools import Stretching
from ocr.data.lines.sources import ConcatLines, LineSource
from ocr.data.lines.stream import TrainingStream

if TYPE_CHECKING:
    from ocr.image.preprocess import LinePreprocessor


class LineDataModule(L.LightningDataModule):
    """Lines for training and validation; resumes exactly from a checkpoint taken at any batch.

    Args:
        train: a source; one other than `MixedLines` is shuffled anew every epoch.
        val: a source, or sources by name; samples tell them apart by their `source`.
        lines_per_batch, pool, max_columns, equal_lines, augment: see `TrainingStream`.
        val_lines_per_batch: most lines of a validation batch; default `lines_per_batch`.
        num_workers: processes that prepare training lines. val_num_workers: the same for validation.
        seed: of the order of training lines.
    """

    def __init__(
        self,
        *,
        train: LineSource,
        val: LineSource | Mapping[str, LineSource] | None = None,
        preprocess: LinePreprocessor,
        lines_per_batch: int,
        pool: int,
        max_columns: int | None = None,
        equal_lines: bool = False,
        augment: Stretching | None = None,
        val_lines_per_batch: int | None = None,
        num_workers: int,
        val_num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.train = train if isinstance(train, MixedLines) else MixedLines({train.name: train}, seed=seed)
        self.val = ConcatLines(list(val.values())) if isinstance(val, Mapping) else val
        self.preprocess = preprocess
        self.lines_per_batch = lines_per_batch
        self.pool = pool
        self.max_columns = max_columns
        self.equal_lines = equal_lines
        self.augment = augment
        self.val_lines_per_batch = val_lines_per_batch or lines_per_batch
        self.num_workers = num_workers
        self.val_num_workers = val_num_workers
        self.seed = seed
        self.stream: TrainingStream | None = None
        self._state: dict = {}

    def train_dataloader(self) -> TrainingStream:
        """The training stream, the same object every time."""
        if self.stream is None:
            rank, world_size = self._place()
            self.stream = TrainingStream(
                self.train,
                LineCollate(self.preprocess),
                lines_per_batch=self.lines_per_batch,
                pool=self.pool,
                max_columns=self.max_columns,
                equal_lines=self.equal_lines,
                augment=self.augment,
                num_workers=self.num_workers,
                seed=self.seed,
                rank=rank,
                world_size=world_size,
                in_flight=self._in_flight,
            )
            if self._state:
                self.stream.load_state_dict(self._state)
        return self.stream

    def val_dataloader(self) -> EvaluationBatches | list:
        """Every validation line once, widest first."""
        if self.val is None:
            return []
        rank, world_size = self._place()
        return EvaluationBatches(
            self.val,
            self.preprocess,
            batch_size=self.val_lines_per_batch,
            num_workers=self.val_num_workers,
            rank=rank,
            world_size=world_size,
        )

    def state_dict(self) -> dict:
        """Return the position in the data, for a checkpoint."""
        return self.stream.state_dict() if self.stream is not None else self._state

    def load_state_dict(self, state_dict: dict) -> None:
        """Continue at the position of a checkpoint."""
        self._state = state_dict
        if self.stream is not None:
            self.stream.load_state_dict(state_dict)

    def teardown(self, stage: str) -> None:
        """End the worker processes after training."""
        if stage == "fit" and self.stream is not None:
            self.stream.close()

    def _place(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer is not None else (0, 1)

    def _in_flight(self) -> int:
        # 1 where a checkpoint is written in the middle of a step (on an exception), otherwise 0.
        if self.trainer is None:
            return 0
        progress = self.trainer.fit_loop.epoch_loop.batch_progress.current
        return progress.ready - progress.processed
