"""Training crops and whole validation pages for Lightning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import lightning as L
import numpy as np
import torch
from torch.utils.data import ConcatDataset, DataLoader, Sampler

from ocr.data.pages.batches import DetectionBatch, collate_crops
from ocr.data.pages.crops import PageCrops
from ocr.data.pages.sources import PageSource
from ocr.types import Page


class PageDataModule(L.LightningDataModule):
    """Crops of `train` in their numbered order, each epoch a new stretch of it; whole pages of `val`.

    Args:
        train: crops. val: pages, by name or alone; None for no validation.
        crops_per_batch: crops of a batch. num_workers: processes that cut crops.
    """

    def __init__(
        self,
        *,
        train: PageCrops,
        val: PageSource | Mapping[str, PageSource] | None = None,
        crops_per_batch: int,
        num_workers: int,
    ) -> None:
        super().__init__()
        self.train = train
        self.val = ConcatDataset(list(val.values())) if isinstance(val, Mapping) else val
        self.crops_per_batch = crops_per_batch
        self.num_workers = num_workers

    def train_dataloader(self) -> DataLoader:
        """Batches of `DetectionBatch`; a resumed run goes on with the crops that follow."""
        rank, world_size = self._place()
        done = 0
        if self.trainer is not None:
            done = self.trainer.global_step * self.trainer.accumulate_grad_batches * self.crops_per_batch
        return DataLoader(
            self.train,
            sampler=NumberedSampler(len(self.train) // world_size, done, rank=rank, world_size=world_size),
            batch_size=self.crops_per_batch,
            drop_last=True,
            collate_fn=collate_crops,
            num_workers=self.num_workers,
            prefetch_factor=4 if self.num_workers else None,
            persistent_workers=self.num_workers > 0,
        )

    def val_dataloader(self) -> DataLoader | list:
        """Single pages: (image, Page); each process takes its share."""
        if self.val is None:
            return []
        rank, world_size = self._place()
        numbers = range(rank, len(self.val), world_size)
        return DataLoader(self.val, sampler=numbers, batch_size=None, collate_fn=_as_it_is)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Crops move to the device; whole pages stay arrays."""
        return batch.to(device) if isinstance(batch, DetectionBatch) else batch

    def _place(self) -> tuple[int, int]:
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer is not None else (0, 1)


class NumberedSampler(Sampler[int]):
    """Numbers in order, each epoch a new stretch; of every `world_size` numbers one belongs to this process.

    `length`: numbers per epoch. `done`: numbers that this process has used before.
    """

    def __init__(self, length: int, done: int = 0, *, rank: int = 0, world_size: int = 1) -> None:
        self.length, self.done, self.rank, self.world_size = length, done, rank, world_size

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        first, self.done = self.done, self.done + self.length
        return iter(range(first * self.world_size + self.rank, self.done * self.world_size, self.world_size))


def _as_it_is(page: tuple[np.ndarray, Page]) -> tuple[np.ndarray, Page]:
    return page
