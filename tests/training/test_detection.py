"""The detector's losses and training loop."""

from functools import partial

import lightning as L
import pytest
import torch

from ocr.data.pages.batches import collate_crops
from ocr.data.pages.crops import PageCrops
from ocr.data.pages.datamodule import PageDataModule
from ocr.losses.detection import balanced_bce, dice_loss, extent_loss
from ocr.training.detection import DetectionModule
from ocr.training.optim import adamw, warmup_cosine
from tests.helpers.models import make_detector
from tests.helpers.ruled_pages import CharacterPages, RuledPages
from tests.helpers.training import DETECTION


def module() -> DetectionModule:
    return DetectionModule(
        make_detector(),
        optimizer=partial(adamw, lr=2e-2, weight_decay=0.0, betas=(0.9, 0.98)),
        scheduler=partial(warmup_cosine, warmup_steps=5),
        **DETECTION,
    )


def test_one_batch_is_learnt_by_heart():
    torch.manual_seed(0)
    crops = PageCrops({"characters": CharacterPages()}, length=100, size=(96, 96), paste=0.0, blank=0.0)
    batch = collate_crops([crops[i] for i in range(2)])
    trained = module()
    optimizer = torch.optim.AdamW(trained.model.parameters(), 2e-2)
    history = []
    for _ in range(60):
        loss = trained.losses(batch)
        optimizer.zero_grad()
        sum(loss.values()).backward()
        optimizer.step()
        history.append({name: value.item() for name, value in loss.items()})
    assert history[-1]["line"] < 0.25 * history[0]["line"]
    assert history[-1]["extent"] < 0.25 * history[0]["extent"]
    assert history[-1]["region"] < 0.8 * history[0]["region"]


def test_training_and_validation_run(tmp_path):
    crops = PageCrops({"ruled": RuledPages()}, length=4, size=(64, 64), paste=0.0)
    data = PageDataModule(train=crops, val=RuledPages(), crops_per_batch=2, num_workers=0)
    trainer = L.Trainer(
        max_steps=3,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        val_check_interval=2,
        check_val_every_n_epoch=None,
        default_root_dir=tmp_path,
    )
    trainer.fit(module(), data)
    assert trainer.global_step == 3
    assert {"val/f1", "val/recall", "val/precision"} <= trainer.callback_metrics.keys()


def test_unknown_cells_do_not_count():
    logits = torch.randn(1, 4, 4, requires_grad=True)
    target = torch.zeros(1, 4, 4)
    target[0, :2] = 1
    weight = torch.ones(1, 4, 4)
    weight[0, :, 2:] = 0
    (balanced_bce(logits, target, weight) + dice_loss(logits, target, weight)).backward()
    assert (logits.grad[0, :, 2:] == 0).all() and (logits.grad[0, :, :2] != 0).all()


def test_only_the_hardest_negatives_count():
    logits = torch.full((1, 10, 10), -9.0)
    logits[0, 0, 0], logits[0, 9, 9] = 2.0, 2.0
    target = torch.zeros(1, 10, 10)
    target[0, 0, 0] = 1
    loss = balanced_bce(logits, target, torch.ones(1, 10, 10), ratio=1, floor=0)
    expected = torch.nn.functional.softplus(torch.tensor([-2.0, 2.0])).mean()
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)


def test_all_unknown_is_no_loss():
    logits = torch.randn(1, 4, 4)
    assert float(balanced_bce(logits, torch.ones(1, 4, 4), torch.zeros(1, 4, 4))) == 0


def test_extent_loss_is_scale_free():
    inside = torch.ones(1, 2, 2, dtype=torch.bool)
    loss = [
        float(extent_loss(torch.full((1, 2, 2, 2), a), torch.full((1, 2, 2, 2), b), inside))
        for a, b in [(2000.0, 1000.0), (4000.0, 2000.0), (3000.0, 3000.0)]
    ]
    assert loss[0] == pytest.approx(loss[1], abs=1e-3) and loss[2] == 0
    assert float(extent_loss(torch.ones(1, 2, 2, 2), torch.ones(1, 2, 2, 2), ~inside)) == 0


def test_a_model_without_refiner_trains_characters_alone():
    crops = PageCrops({"characters": CharacterPages()}, length=100, size=(64, 64))
    plain = module()
    plain.model.refiner = None
    assert plain.losses(collate_crops([crops[0], crops[1]])).keys() == {"region", "affinity"}
