"""Averaged weights, the best bundle, pictures, and where a run starts from."""

import json
import math
import shutil

import lightning as L
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

from ocr.bundle import Bundle
from ocr.decoding import Hypothesis
from ocr.errors import BundleError, ConfigError
from ocr.training.callbacks import AveragedWeights, BundleExport, SamplePages, SamplePictures, StepCheckpoint
from ocr.training.checkpoint import find_checkpoint
from ocr.training.optim import adamw, warmup_cosine
from ocr.training.start import Start, new_bundle
from ocr.types import ImageBatch, LineBatch, LineSample, Page, TextLine


class Scripted(L.LightningModule):
    """One weight that is n after step n, and validation scores told beforehand."""

    def __init__(self, scores):
        super().__init__()
        self.model = nn.Linear(1, 1, bias=False)
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


def fit(module, callbacks, steps, folder, **options):
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
    trainer.fit(module, batches, batches)


def export(folder, mode="min"):
    return BundleExport(
        Bundle("detector", "x", nn.Linear(1, 1, bias=False), {}), folder, monitor="val/cer", mode=mode
    )


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
        ([8.0, 9.0, 10.0], 0, "val/cer: 8.00 before, 8.00 after step 0"),
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


@pytest.mark.parametrize(("every", "left"), [(2, "0000005"), (100, "0000005")])
def test_the_end_of_a_run_is_saved_whatever_the_interval(tmp_path, every, left):
    checkpoint, module = StepCheckpoint(str(tmp_path / "checkpoints"), every=every), Scripted([1.0] * 9)
    fit(module, [checkpoint], 5, tmp_path, enable_checkpointing=True)
    assert [path.stem for path in (tmp_path / "checkpoints").iterdir()] == [left]
    assert find_checkpoint(tmp_path, "auto", module=module).stem == left
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
    decayed, kept = adamw(model, lr=1e-3, weight_decay=0.1).param_groups
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
