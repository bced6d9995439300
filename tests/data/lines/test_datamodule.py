import lightning as L
import pytest
import torch

from ocr.data.lines.datamodule import LineDataModule
from ocr.data.lines.mix import MixedLines
from ocr.image.preprocess import LinePreprocessor
from tests.helpers.lines import MemoryLines


class Recorder(L.LightningModule):
    """Notes the ids of the batches it is given; dies in the middle of step `die_at`."""

    def __init__(self, die_at: int | None = None) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen: list[list[str]] = []
        self.validated: list[str] = []
        self.die_at = die_at

    def training_step(self, batch, index):
        if self.global_step == self.die_at:
            raise KeyboardInterrupt
        self.seen.append([sample.id for sample in batch.samples])
        return self.weight.sum() * batch.images.pixels.mean()

    def validation_step(self, batch, index):
        self.validated += [sample.id for sample in batch.samples]

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def _data(workers: int) -> LineDataModule:
    return LineDataModule(
        train=MixedLines(
            {"memory": MemoryLines(40), "other": MemoryLines(30, name="other")},
            {"memory": 1, "other": 2},
            length=48,
            seed=1,
        ),
        val={"a": MemoryLines(5, name="a"), "b": MemoryLines(3, name="b")},
        preprocess=LinePreprocessor(height=16, max_width=160),
        lines_per_batch=4,
        pool=8,
        num_workers=workers,
        seed=1,
    )


def _fit(module, data, folder, *, steps, checkpoint=None, every=1, val_check=None):
    saver = L.pytorch.callbacks.ModelCheckpoint(
        dirpath=folder,
        filename="{step}",
        save_top_k=-1,
        every_n_train_steps=every,
        save_on_train_epoch_end=False,
    )
    trainer = L.Trainer(
        max_steps=steps,
        accelerator="cpu",
        callbacks=[saver],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        val_check_interval=val_check,
        check_val_every_n_epoch=None if val_check else 1,
    )
    trainer.fit(module, data, ckpt_path=checkpoint)
    return trainer


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """30 steps, 12 an epoch, and a checkpoint after each."""
    folder = tmp_path_factory.mktemp("whole")
    module = Recorder()
    _fit(module, _data(0), folder, steps=30)
    return module, folder


def test_lightning_epochs_follow_the_stream(uninterrupted):
    module, _ = uninterrupted
    stream = _data(0).train_dataloader()
    expected = [[sample.id for sample in batch.samples] for _ in range(3) for batch in stream][:30]
    assert module.seen == expected
    assert len(module.validated) == 2 * 8, "both sources, once an epoch"
    assert set(module.validated) == {f"a-{i}" for i in range(5)} | {f"b-{i}" for i in range(3)}


@pytest.mark.parametrize(
    ("step", "workers", "reason"),
    [
        (1, 0, "right after the start"),
        (5, 1, "in the middle of a pool, with batches prepared ahead"),
        (12, 0, "the last batch of an epoch"),
        (13, 0, "the first batch of an epoch"),
        (24, 1, "the end of a later epoch"),
        (29, 2, "one step before the end"),
    ],
)
def test_a_run_resumed_from_any_checkpoint_sees_the_same_batches(
    uninterrupted, tmp_path, step, workers, reason
):
    whole, folder = uninterrupted
    resumed = Recorder()
    _fit(resumed, _data(workers), tmp_path, steps=30, checkpoint=folder / f"step={step}.ckpt")
    assert resumed.seen == whole.seen[step:], reason


def test_validation_inside_an_epoch_does_not_disturb_resuming(uninterrupted, tmp_path):
    whole, _ = uninterrupted
    first = Recorder()
    _fit(first, _data(0), tmp_path / "a", steps=10, every=5, val_check=5)
    resumed = Recorder()
    _fit(resumed, _data(0), tmp_path / "b", steps=20, val_check=5, checkpoint=tmp_path / "a" / "step=5.ckpt")
    assert first.seen + resumed.seen[5:] == whole.seen[:20]


def test_a_batch_whose_step_did_not_finish_comes_again(uninterrupted, tmp_path):
    whole, _ = uninterrupted
    data, module = _data(0), Recorder(die_at=7)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        _fit(module, data, tmp_path, steps=30)
    assert data.trainer.fit_loop.epoch_loop.batch_progress.current.ready == 8
    data.trainer.save_checkpoint(tmp_path / "dying.ckpt")
    resumed = Recorder()
    _fit(resumed, _data(0), tmp_path / "more", steps=20, checkpoint=tmp_path / "dying.ckpt")
    assert module.seen + resumed.seen == whole.seen[:20]


def test_a_plain_source_is_shuffled_every_epoch():
    data = LineDataModule(
        train=MemoryLines(16),
        preprocess=LinePreprocessor(height=16),
        lines_per_batch=4,
        pool=16,
        num_workers=0,
    )
    stream = data.train_dataloader()
    epochs = [[sample.id for batch in stream for sample in batch.samples] for _ in range(2)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(f"memory-{i}" for i in range(16))
    assert epochs[0] != epochs[1]
    assert data.val_dataloader() == []
