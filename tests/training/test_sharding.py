"""Two processes that hold half of the weights each train as one that holds all, and their files are whole."""

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import lightning as L
import pytest
import torch
from lightning.pytorch.strategies import SingleDeviceStrategy
from safetensors.torch import load_file
from torch.distributed.tensor import DTensor
from torch.multiprocessing import start_processes
from torch.utils.data import DataLoader

from ocr.bundle import Bundle
from ocr.commands import train
from ocr.data.pages.batches import collate_crops
from ocr.data.pages.crops import PageCrops
from ocr.errors import BundleError, ConfigError
from ocr.training.callbacks import AveragedWeights, BundleExport, StepCheckpoint
from ocr.training.detection import DetectionModule
from ocr.training.module import TrainingModule
from ocr.training.optim import adamw
from ocr.training.recognition import RecognitionModule
from ocr.training.sharding import FullySharded
from ocr.types import ImageBatch, LineBatch
from tests.helpers.models import make_detector, make_recognizer
from tests.helpers.ruled_pages import CharacterPages, RuledPages
from tests.helpers.training import (
    DETECTION,
    SETTINGS,
    STOP,
    TOKENIZER,
    FixedNorms,
    KeepScores,
    Lines,
    batch,
    losses,
)

pytestmark = pytest.mark.usefixtures("one_thread")


def constant(optimizer: torch.optim.Optimizer, *, total_steps: int) -> torch.optim.lr_scheduler.LRScheduler:
    return torch.optim.lr_scheduler.ConstantLR(optimizer, 1.0)


def recognizer() -> RecognitionModule:
    return RecognitionModule(
        make_recognizer(),
        ctc_tokenizer=TOKENIZER,
        tokenizer=TOKENIZER,
        augment=None,
        # Unlike Adam's, its steps grow with the gradients: a sum over processes taken for a mean would show.
        optimizer=lambda model: torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9),
        scheduler=constant,
        token_mask=0.0,
        label_smoothing=0.1,
        val_decode=("ctc", "greedy"),
    )


def detector() -> DetectionModule:
    return DetectionModule(
        make_detector(),
        optimizer=partial(adamw, lr=1e-2, weight_decay=0.1, betas=(0.9, 0.98)),
        scheduler=constant,
        **DETECTION,
    )


class RecognizerData(Lines):
    """Steps of two lines, one a process; validation of other sources and numbers of batches in each process."""

    def train_dataloader(self) -> DataLoader:
        steps = [("abc", "dada"), ("fade", "g"), ("bee", "cab")] * 2
        mine = slice(self.trainer.global_rank, None, self.trainer.world_size)
        batches = [batch("train", list(texts)) for texts in steps]
        shares = [
            LineBatch(ImageBatch(each.images.pixels[mine], each.images.widths[mine]), each.samples[mine])
            for each in batches
        ]
        return DataLoader(shares, batch_size=None)


class DetectorData(L.LightningDataModule):
    """Always the same crop, in each process, for its loss is a mean of the processes' own."""

    def train_dataloader(self) -> DataLoader:
        crops = PageCrops({"characters": CharacterPages()}, length=100, size=(64, 64), paste=0.0, blank=0.0)
        return DataLoader([collate_crops([crops[0]])] * 6, batch_size=None)

    def val_dataloader(self) -> DataLoader:
        pages = [RuledPages()[index] for index in range(2 - self.trainer.global_rank)]
        return DataLoader(pages, batch_size=None, collate_fn=lambda page: page)


KINDS = {
    "recognizer": (recognizer, RecognizerData, "val/cer"),
    "detector": (detector, DetectorData, "val/f1"),
}


class OwnStatistics(L.Callback):
    """Makes batch statistics differ between processes when validation begins, as those of their own lines would."""

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        for name, buffer in pl_module.named_buffers():
            if name.endswith("running_mean"):
                buffer += trainer.global_rank


class KeepShares(L.Callback):
    """Writes which part of all weights, moments and averages this process holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_end(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        average = next(each for each in trainer.callbacks if isinstance(each, AveragedWeights)).average
        state = trainer.optimizers[0].state.values()
        moments = [value for values in state for value in values.values() if value.ndim]
        everything = [*pl_module.parameters(), *average.parameters(), *moments]
        own = sum(
            each.to_local().numel() if isinstance(each, DTensor) else each.numel() for each in everything
        )
        torch.save(
            own / sum(each.numel() for each in everything), self.folder / f"share-{trainer.global_rank}.pt"
        )


class UncheckedExport(BundleExport):
    """Export of a model that was built by hand: its bundle has no configuration to be loaded by."""

    def on_train_end(self, trainer: L.Trainer, pl_module: TrainingModule) -> None:
        with suppress(BundleError):
            super().on_train_end(trainer, pl_module)


def fit(kind: str, folder: Path, steps: int, resume: Path | None = None, *, strategy: str = "one", **options):
    """Train in this process, one of those that torchrun's variables tell of."""
    make, data, monitor = KINDS[kind]
    module = make()
    bundle = Bundle(kind, kind, make().model, {})
    trainer = L.Trainer(
        accelerator="cpu",
        devices=2 if strategy == "fsdp" else 1,
        strategy=FullySharded(timeout=timedelta(seconds=100))
        if strategy == "fsdp"
        else SingleDeviceStrategy("cpu"),
        max_steps=steps,
        # Some steps are clipped, others are not.
        gradient_clip_val=6.0 if kind == "recognizer" else 1.0,
        callbacks=[
            AveragedWeights(decay=0.6),
            StepCheckpoint(str(folder / "checkpoints"), every=100, minutes=5, keep=2),
            UncheckedExport(bundle, folder / "bundle", monitor=monitor),
            FixedNorms(),
            OwnStatistics(),
            KeepScores(folder),
            KeepShares(folder),
        ],
        val_check_interval=3,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=1,
        use_distributed_sampler=False,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        **options,
    )
    trainer.fit(module, data(), ckpt_path=resume, weights_only=False)


def _child(rank: int, port: int, work: Callable[[], None]) -> None:
    os.environ |= {
        "TORCHELASTIC_RUN_ID": "test",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "GROUP_RANK": "0",
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
    }
    work()


def in_two(work: Callable[[], None]) -> None:
    """Two processes with the variables that torchrun would set, without its starting Python anew."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start_processes(_child, args=(port, work), nprocs=2, start_method="fork")


def fit_sharded(*arguments, **options) -> None:
    """As `fit`, in two processes."""
    in_two(partial(fit, *arguments, strategy="fsdp", **options))


def validated(file: Path) -> dict[str, float]:
    return {name: value for name, value in torch.load(file).items() if name.startswith("val/")}


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    """For a run that is whole, and one that is split."""
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    return one, two


def test_two_sharded_processes_train_as_one(folders):
    one, two = folders
    fit("recognizer", one, 6)
    fit_sharded("recognizer", two, 6)
    bundles = [load_file(run / "bundle/model.safetensors") for run in (two, one)]
    torch.testing.assert_close(*bundles, rtol=2e-3, atol=2e-4)
    expected = validated(one / "1-0.pt")
    assert {"val/cer", "val/cer_greedy", "val/loss"} <= expected.keys()
    for rank in range(2):
        assert validated(two / f"2-{rank}.pt") == pytest.approx(expected, rel=1e-4)
        assert 0.4 < torch.load(two / f"share-{rank}.pt") < 0.6


def test_a_run_of_one_goes_on_as_two_sharded_and_again(folders):
    one, two = folders
    fit("detector", one, 6)
    fit("detector", two, 2)
    for run, (step, last) in [(fit_sharded, (4, 2)), (fit_sharded, (6, 4))]:
        run("detector", two, step, two / f"checkpoints/{last:07d}.ckpt")
    whole, resumed = (torch.load(run / "checkpoints/0000006.ckpt", weights_only=False) for run in (one, two))
    for key in ("state_dict", "current_model_state", "optimizer_states"):
        torch.testing.assert_close(resumed[key], whole[key], rtol=1e-3, atol=1e-5)


def train_by(arguments: list[str]) -> None:
    assert train.main(arguments) == 0


def test_train_py_splits_the_model_and_one_process_goes_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one, two = tmp_path / "one", tmp_path / "two"
    shared = ["trainer=fsdp", "trainer.accelerator=cpu", "trainer.devices=2", "data.lines_per_batch=2"]
    stop = "+callbacks.stop._target_=tests.helpers.training.StopEarly"
    in_two(partial(train_by, [*SETTINGS, *shared, "data.pool=2", f"run_dir={two}", stop]))
    assert sorted(losses(two)) == list(range(STOP))
    alone = [*SETTINGS, "data.lines_per_batch=4", "data.pool=4"]
    train_by([*alone, f"run_dir={one}"])
    train_by([*alone, f"run_dir={two}", "resume=auto"])
    assert losses(two) == pytest.approx(losses(one), rel=1e-5)
    bundles = [load_file(run / "bundle/model.safetensors") for run in (two, one)]
    torch.testing.assert_close(*bundles, rtol=0, atol=2e-3)


def test_scaled_losses_are_refused(tmp_path):
    trainer = L.Trainer(accelerator="cpu", strategy=FullySharded(), logger=False, default_root_dir=tmp_path)
    trainer.strategy.precision_plugin.scaler = object()
    with pytest.raises(ConfigError, match=r"16-mixed.*bf16-mixed"):
        trainer.strategy.configure_ddp()
