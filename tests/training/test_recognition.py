"""The recogniser's loop: what cannot be learned from is named and left out, and the rest is learned."""

import numpy as np
import pytest
import torch

from ocr.data.lines.collate import LineCollate
from ocr.errors import ConfigError
from ocr.image.preprocess import LinePreprocessor
from ocr.text.tokenizer import CharTokenizer
from ocr.training import recognition
from ocr.training.recognition import RecognitionModule
from ocr.types import LineSample
from tests.helpers.models import make_recognizer

TOKENIZER = CharTokenizer("abcdefg ")


def module(model=None, **options) -> RecognitionModule:
    made = RecognitionModule(
        model or make_recognizer(),
        ctc_tokenizer=TOKENIZER,
        tokenizer=TOKENIZER,
        augment=None,
        optimizer=torch.optim.AdamW,
        scheduler=None,
        label_smoothing=0.1,
        val_decode=["ctc"],
        **options,
    )
    made.log = lambda *args, **kwargs: None
    return made


def batch(*texts: str):
    rng = np.random.default_rng(0)
    collate = LineCollate(LinePreprocessor(height=16, multiple=16))
    lines = [
        LineSample(rng.integers(0, 255, (16, 80), np.uint8), text, f"line-{i}", "doc")
        for i, text in enumerate(texts)
    ]
    return collate(lines)


def test_a_label_outside_the_charset_is_named_and_left_out(monkeypatch):
    warnings = []
    monkeypatch.setattr(recognition.log, "warning", lambda text, *values: warnings.append(text % values))
    trained = module()
    for _ in range(2):
        assert torch.isfinite(trained.training_step(batch("abc", "n€in", "bad"), 0))
    assert len(warnings) == 1, "named once, not every epoch"
    assert "line-1" in warnings[0] and "'€'" in warnings[0]


def test_a_batch_without_a_usable_label_is_no_step():
    assert module().training_step(batch("€", "ß"), 0) is None


@pytest.mark.parametrize("fraction", [0.01, 0.5, 1.0])
def test_any_share_of_lines_may_train_the_decoder(fraction):
    loss = module(decoder_fraction=fraction).training_step(batch("abc", "bad", "cab", "dad"), 0)
    assert torch.isfinite(loss)


def test_unrelated_words_train_the_ctc_head_but_not_the_decoder():
    lines = batch("abc", "bad")
    for sample in lines.samples:
        sample.running_text = False
    trained = module(decoder_fraction=1.0)
    trained.training_step(lines, 0).backward()
    assert all(not p.grad.any() for p in trained.model.decoder.parameters() if p.grad is not None)
    assert any(p.grad.any() for p in trained.model.ctc_head.parameters())


def test_ctc_alone_leaves_the_decoder_untouched():
    trained = module(ctc_weight=1.0)
    trained.training_step(batch("abc", "bad"), 0).backward()
    assert all(p.grad is None for p in trained.model.decoder.parameters())


def test_a_decoder_loss_without_a_decoder_is_refused():
    model = make_recognizer()
    model.decoder = None
    with pytest.raises(ConfigError, match="needs a decoder"):
        module(model)
