"""Averaged weights, the best bundle, pictures, and where a run starts from."""

import copy
import json
import math
import os
import shutil

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

from ocr.bundle import Bundle, registry
from ocr.decoding import Hypothesis
from ocr.errors import BundleError, ConfigError, TrainingError
from ocr.training.callbacks import AveragedWeights, BundleExport, SamplePages, SamplePictures, StepCheckpoint
from ocr.training.checkpoint import check_free, find_checkpoint, locked
from ocr.training.interruption import FiniteSteps
from ocr.training.optim import adamw, warmup_cosine
from ocr.training.start import Start, new_bundle
from ocr.types import ImageBatch, LineBatch, LineSample, Page, TextLine


class OneWeight(nn.Linear):
    """The model of `Scripted`, as bundles build it."""

    def __init__(self) -> None:
        super().__init__(1, 1, bias=False)


@pytest.fixture(autouse=True)
def buildable(monkeypatch):
    """`OneWeight` may be built while these tests run."""
    monkeypatch.setattr(registry, "_REGISTRY", copy.deepcopy(registry._REGISTRY))
    registry.register(OneWeight, role="detector")


class Scripted(L.LightningModule):
    """One weight that is n after step n, and validation scores told beforehand."""

    def __init__(self, scores):
        super().__init__()
        self.model = OneWeight()
        nn.init.zeros_(self.model.weight)
        self.scores = iter(scores)

    def training_step(self, batch, _):
        return -self.model.weight.sum()

    def validation_step(self, batch, _):
        self.seen = self.model.weight.item()

    def on_validation_epoch_end(self):
        self.log("val/cer", next(self.scores))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1.0)


def fit(module, callbacks, steps, folder, *, checkpoint=None, **options):
    batches = DataLoader(torch.zeros(100, 1))
    trainer = L.Trainer(
        accelerator="cpu",
        max_steps=steps,
        callbacks=callbacks,
        default_root_dir=folder,
        enable_model_summary=False,
        enable_progress_bar=False,
        logger=False,
        **({"enable_checkpointing": False, "limit_val_batches": 1, "num_sanity_val_steps": 0} | options),
    )
    trainer.fit(module, batches, batches, ckpt_path=checkpoint, weights_only=False)


def export(folder, mode="min"):
    bundle = Bundle("detector", "x", OneWeight(), {"_target_": f"{__name__}.OneWeight"})
    return BundleExport(bundle, folder, monitor="val/cer", mode=mode)


def test_validation_and_the_bundle_see_the_averaged_weights(tmp_path):
    decay, expected = 0.5, 1.0
    for n in range(1, 6):
        # The n-th update; the first one copies.
        expected += (n + 1 - expected) * (1 - min(decay, (1 + n) / (10 + n)))
    module, bundle = Scripted([9.0]), export(tmp_path / "bundle")
    fit(module, [AveragedWeights(decay=decay), bundle], 6, tmp_path, val_check_interval=6)
    assert module.seen == pytest.approx(expected)
    assert bundle.bundle.model.weight.item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("scores", "mode", "weight", "why"),
    [
        ([9.0, 5.0, 7.0], "min", 4, "the second validation was the best"),
        ([0.1, 0.2, 0.3], "max", 6, "more is better"),
        ([math.nan, 7.0, 8.0], "min", 4, "the first validation tells nothing"),
        ([9.0, math.nan, math.nan], "min", 2, "a run that diverged keeps its good bundle"),
    ],
)
def test_the_best_weights_are_exported(tmp_path, scores, mode, weight, why):
    bundle = export(tmp_path / "bundle", mode)
    fit(Scripted(scores), [bundle], 6, tmp_path, val_check_interval=2)
    assert bundle.bundle.model.weight.item() == weight, why
    written = json.loads((tmp_path / "bundle" / "bundle.json").read_text())
    assert written["metrics"]["steps"] == weight


@pytest.mark.parametrize(
    ("scores", "weight", "told"),
    [
        (
            [8.0, 9.0, 10.0],
            0,
            "val/cer: 8.00 before; nothing improved on it, and the starting weights were kept",
        ),
        ([8.0, 6.5, 7.0], 3, "val/cer: 8.00 before, 6.50 after step 3"),
    ],
)
def test_a_run_never_ends_worse_than_it_began(tmp_path, scores, weight, told, capsys):
    bundle = export(tmp_path / "bundle")
    fit(Scripted(scores), [bundle], 6, tmp_path, val_check_interval=3, num_sanity_val_steps=-1)
    assert bundle.bundle.model.weight.item() == weight
    assert told in capsys.readouterr().out


def test_a_glance_before_training_is_no_measurement(tmp_path, capsys):
    bundle = export(tmp_path / "bundle")
    fit(Scripted([1.0, 9.0]), [bundle], 3, tmp_path, val_check_interval=3, num_sanity_val_steps=1)
    assert bundle.bundle.model.weight.item() == 3
    assert "before" not in capsys.readouterr().out


def test_without_validation_the_last_weights_are_exported(tmp_path):
    bundle = export(tmp_path / "bundle")
    fit(Scripted([]), [bundle], 3, tmp_path, limit_val_batches=0)
    assert bundle.bundle.model.weight.item() == 3


@pytest.mark.parametrize(("every", "left"), [(1, "45"), (2, "45"), (3, "35"), (100, "5")])
def test_the_end_of_a_run_is_saved_whatever_the_interval(tmp_path, every, left):
    checkpoint, module = (
        StepCheckpoint(str(tmp_path / "checkpoints"), every=every, minutes=5, keep=2),
        Scripted([1.0] * 9),
    )
    fit(module, [checkpoint], 5, tmp_path, enable_checkpointing=True)
    stems = sorted(path.stem for path in (tmp_path / "checkpoints").iterdir())
    assert stems == [f"000000{step}" for step in left], "the last two are kept"
    assert find_checkpoint(tmp_path, "auto", module=module).stem == "0000005"
    module.model = nn.Linear(2, 1, bias=False)
    with pytest.raises(ConfigError, match=r"another model.*model\.weight"):
        find_checkpoint(tmp_path, "auto", module=module)


def test_pictures_show_lines_with_label_and_reading(tmp_path):
    class Trainer:
        sanity_checking, is_global_zero, num_val_batches, global_step, loggers = False, True, [1], 7, []

    callback = SamplePictures(str(tmp_path), lines=2)
    samples = [LineSample(np.zeros((0, 0), np.uint8), text, text, text) for text in ("été", "b", "c")]
    batch = LineBatch(ImageBatch(torch.zeros(3, 1, 48, 64), torch.tensor([64, 32, 16])), samples)
    callback.on_validation_batch_end(Trainer, None, [Hypothesis("x", 1.0)] * 3, batch, 0)
    callback.on_validation_end(Trainer, None)
    picture = np.asarray(Image.open(tmp_path / "0000007.png"))
    assert picture.shape == (2 * (48 + 36), 600)
    assert (picture[48:84] < 200).any(), "the label is written under the line"


def test_pages_are_drawn_with_found_and_true_lines(tmp_path):
    class Trainer:
        sanity_checking, is_global_zero, global_step, loggers = False, True, 7, []

    square = np.array([(10, 10), (90, 10), (90, 30), (10, 30)], np.float32)
    page = Page("p", 100, 120, lines=[TextLine(square, square[:2])])
    found = [TextLine(square + 40, square[:2])]
    blank = np.full((100, 120, 3), 255, np.uint8)
    SamplePages(str(tmp_path), pages=1).on_validation_batch_end(Trainer, None, found, (blank, page), 0)
    picture = np.asarray(Image.open(tmp_path / "0000007-0.png"))
    assert picture[10, 50].tolist() == [0, 140, 0] and picture[50, 80].tolist() == [220, 0, 0]


@pytest.mark.parametrize(
    ("step", "rate", "why"),
    [
        (0, 0.1, "the first step already learns"),
        (9, 1.0, "warm-up done"),
        (10, 1.0, "the peak"),
        (60, 0.6, "half way down to 0.2"),
        (110, 0.2, "the end"),
        (500, 0.2, "past the end it stays"),
    ],
)
def test_the_learning_rate_warms_up_and_falls_by_half_a_cosine(step, rate, why):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = warmup_cosine(optimizer, total_steps=110, warmup_steps=10, final=0.2)
    assert schedule.lr_lambdas[0](step) == pytest.approx(rate), why


def test_only_matrices_decay():
    model = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3))
    decayed, kept = adamw(model, lr=1e-3, weight_decay=0.1, betas=(0.9, 0.98)).param_groups
    assert [p.shape for p in decayed["params"]] == [(3, 2)] and decayed["weight_decay"] == 0.1
    assert len(kept["params"]) == 3 and kept["weight_decay"] == 0


def test_a_run_starts_from_a_bundle_or_says_why_not(tiny_recognizer, tmp_path):
    start = Bundle.load(tiny_recognizer)
    given = Start(start, str(tiny_recognizer))
    parts = {"parts": {}, "tokenizers": {"ctc_tokenizer": start.parts["ctc_tokenizer"]}}
    rows = [{"name": "mine"}]
    made = new_bundle(
        "recognizer",
        "mine",
        start.model_config,
        **parts,
        start=given,
        training_data=rows,
    )
    assert made.name == "mine" and made.training_data == [*start.training_data, *rows]
    for name, weight in start.model.state_dict().items():
        assert torch.equal(weight, made.model.state_dict()[name]), name
    wider = {**start.model_config, "ctc_vocabulary": 9}
    with pytest.raises(ConfigError, match="init_from=.*ctc_head"):
        new_bundle("recognizer", "mine", wider, **parts, start=given)
    other = shutil.copytree(tiny_recognizer, tmp_path / "other")
    text = (other / "bundle.json").read_text().replace('"ab "', '"ba "')
    (other / "bundle.json").write_text(text)
    with pytest.raises(ConfigError, match="ctc_tokenizer"):
        new_bundle(
            "recognizer", "mine", start.model_config, **parts, start=Start(Bundle.load(other), str(other))
        )
    with pytest.raises(BundleError, match="is a recognizer, not a detector"):
        new_bundle("detector", "mine", start.model_config, **parts, start=given)


def test_a_resumed_run_goes_by_the_bundle_on_disk(tmp_path):
    """A checkpoint from before the validation that wrote the bundle must not replace it by a worse one."""
    first, saved = (
        export(tmp_path / "bundle"),
        StepCheckpoint(str(tmp_path / "checkpoints"), every=2, minutes=5, keep=2),
    )
    fit(Scripted([9.0, 5.25]), [first, saved], 4, tmp_path, val_check_interval=2, enable_checkpointing=True)
    checkpoint = tmp_path / "checkpoints" / "0000002.ckpt"
    kept = (tmp_path / "bundle" / "bundle.json").read_bytes()
    again = export(tmp_path / "bundle")
    fit(Scripted([7.0, 5.25]), [again], 6, tmp_path, checkpoint=checkpoint, val_check_interval=2)
    assert (tmp_path / "bundle" / "bundle.json").read_bytes() == kept
    shutil.rmtree(tmp_path / "bundle")
    fit(Scripted([7.0, 8.0]), [again], 6, tmp_path, checkpoint=checkpoint, val_check_interval=2)
    assert Bundle.load(tmp_path / "bundle").metrics["validation"]["cer"] == 7.0, (
        "a lost bundle is written again"
    )


class Diverging(Scripted):
    """Its loss is not finite at the given steps; with `poisoned`, its weights are not from there on."""

    def __init__(self, steps, *, poisoned=False):
        super().__init__([])
        self.at, self.poisoned = steps, poisoned

    def training_step(self, batch, batch_index):
        if batch_index in self.at and self.poisoned:
            with torch.no_grad():
                self.model.weight.fill_(math.nan)
        return -self.model.weight.sum() * (math.nan if batch_index in self.at else 1.0)


def test_a_step_without_a_finite_loss_changes_nothing(tmp_path, capsys):
    module, finite = Diverging({1, 3}), FiniteSteps()
    fit(module, [finite], 6, tmp_path, limit_val_batches=0)
    assert module.model.weight.item() == 4 and finite.skipped == 2
    assert capsys.readouterr().err.count("skipped, the loss is not finite: step") == 2


def test_ten_in_a_row_end_the_run_and_name_their_samples(tmp_path):
    module = Diverging(set(range(3, 50)))
    with pytest.raises(
        TrainingError, match=r"10 steps in a row without a finite loss: step 3.*step 12"
    ) as caught:
        fit(module, [FiniteSteps()], 40, tmp_path, limit_val_batches=0)
    assert module.model.weight.item() == 3 and "\n" not in str(caught.value)


def test_the_samples_of_a_skipped_step_are_named(tmp_path):
    class Trainer:
        global_step = 7

    callback = FiniteSteps()
    samples = [LineSample(np.zeros((0, 0), np.uint8), "a", id, "page") for id in ("line 1", "line 2")]
    batch = LineBatch(ImageBatch(torch.zeros(2, 1, 8, 8), torch.tensor([8, 8])), samples)
    callback.on_train_batch_start(Trainer, None, batch, 0)
    assert callback._names == "step 7: line 1, line 2"


def test_the_last_finite_checkpoint_is_kept(tmp_path):
    saved = StepCheckpoint(str(tmp_path / "checkpoints"), every=1, minutes=5, keep=2)
    fit(
        Diverging({3}, poisoned=True),
        [saved, FiniteSteps()],
        8,
        tmp_path,
        limit_val_batches=0,
        enable_checkpointing=True,
    )
    assert sorted(path.stem for path in (tmp_path / "checkpoints").iterdir()) == ["0000002", "0000003"]


def test_checkpoints_are_written_by_time_as_well(tmp_path):
    saved = StepCheckpoint(str(tmp_path / "checkpoints"), every=1000, minutes=0, keep=2)
    fit(Scripted([]), [saved], 3, tmp_path, limit_val_batches=0, enable_checkpointing=True)
    assert sorted(path.stem for path in (tmp_path / "checkpoints").iterdir()) == ["0000002", "0000003"]


def test_a_full_disk_ends_in_one_line(tmp_path, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(L.Trainer, "save_checkpoint", full)
    saved = StepCheckpoint(str(tmp_path / "checkpoints"), every=1, minutes=5, keep=2)
    with pytest.raises(TrainingError, match=r"0000001\.ckpt: cannot be written \(No space left on device\)"):
        fit(Scripted([]), [saved], 3, tmp_path, limit_val_batches=0, enable_checkpointing=True)


def test_a_run_folder_is_used_by_one_run_at_a_time(tmp_path):
    with (
        locked(tmp_path),
        pytest.raises(ConfigError, match=rf"run_dir=.*: in use by process {os.getpid()} on"),
        locked(tmp_path),
    ):
        pass
    (tmp_path / ".lock").write_text("1 on elsewhere\n")
    with locked(tmp_path):
        pass  # What a killed process left is no lock.


def test_a_finished_bundle_is_replaced_only_when_told(tmp_path):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "checkpoints").mkdir()
    for name in ("bundle/bundle.json", "checkpoints/0000001.ckpt"):
        (tmp_path / name).touch()
    with pytest.raises(ConfigError, match="holds the bundle of another run.*overwrite=true"):
        check_free(tmp_path, resumes=False, overwrite=False)
    check_free(tmp_path, resumes=True, overwrite=False)
    assert (tmp_path / "checkpoints" / "0000001.ckpt").exists()
    check_free(tmp_path, resumes=False, overwrite=True)
    assert not (tmp_path / "checkpoints" / "0000001.ckpt").exists()
