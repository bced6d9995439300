"""Mathematical properties of the recogniser."""

import pytest
import torch

from ocr.losses.recognition import ctc_loss, token_loss
from ocr.types import ImageBatch
from tests.helpers.models import VOCABULARY, make_recognizer

TOKENS = torch.tensor([[1, 5, 6, 7], [1, 8, 9, 0]])


def batch(width: int = 64) -> ImageBatch:
    pixels = torch.rand(2, 1, 16, width, generator=torch.Generator().manual_seed(3))
    widths = torch.tensor([width, width - 20])
    pixels[1, ..., width - 20 :] = 0
    return ImageBatch(pixels, widths)


def test_gradient_reaches_every_parameter(recognizer):
    out = recognizer(batch(), TOKENS)
    (out.ctc_logits.square().mean() + out.decoder_logits.square().mean()).backward()
    silent = [n for n, p in recognizer.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == []


@pytest.mark.parametrize(
    ("patches", "extra_columns"),
    [("conv", 16), ("conv", 5), ("linear", 16), ("linear", 3), ("conv", 64), ("linear", 64)],
)
def test_padding_changes_nothing(patches, extra_columns):
    model = make_recognizer(patches).eval()
    images = batch()
    wider = ImageBatch(torch.nn.functional.pad(images.pixels, (0, extra_columns)), images.widths)
    with torch.no_grad():
        a, b = model(images, TOKENS), model(wider, TOKENS)
    for row, length in enumerate(a.encoded.lengths.tolist()):
        torch.testing.assert_close(
            a.ctc_logits[row, :length], b.ctc_logits[row, :length], atol=1e-5, rtol=1e-4
        )
    assert a.encoded.lengths.tolist() == b.encoded.lengths.tolist()
    torch.testing.assert_close(a.decoder_logits, b.decoder_logits, atol=1e-5, rtol=1e-4)


def test_a_line_does_not_depend_on_its_neighbours(recognizer):
    recognizer.eval()
    images = batch()
    alone = ImageBatch(images.pixels[1:, ..., :44], images.widths[1:])
    with torch.no_grad():
        together = recognizer(images).ctc_logits[1, : 44 // 4]
        single = recognizer(alone).ctc_logits[0]
    torch.testing.assert_close(together, single, atol=1e-5, rtol=1e-4)


def test_several_rows_of_patches_reach_the_decoder():
    model = make_recognizer("grid").eval()
    out = model(batch(), TOKENS)
    assert out.encoded.features.shape == (2, 2 * 16, 32)
    assert out.encoded.mask[1].sum() == 2 * 11, "44 pixels are 11 columns in each of the two rows"


def test_cached_decoding_equals_uncached(recognizer):
    recognizer.eval()
    with torch.no_grad():
        encoded = recognizer.encode(batch())
        full = recognizer.decoder(TOKENS, encoded.features, encoded.mask)
        cache = recognizer.decoder.start(encoded.features, encoded.mask)
        steps = torch.stack([recognizer.decoder.step(column, cache) for column in TOKENS.T], dim=1)
    torch.testing.assert_close(steps, full, atol=1e-5, rtol=1e-4)


def test_cache_rows_can_be_reordered(recognizer):
    recognizer.eval()
    with torch.no_grad():
        encoded = recognizer.encode(batch())
        cache = recognizer.decoder.start(encoded.features, encoded.mask)
        recognizer.decoder.step(TOKENS[:, 0], cache)
        swapped = cache.select(torch.tensor([1, 0]))
        a = recognizer.decoder.step(TOKENS[:, 1], cache)
        b = recognizer.decoder.step(TOKENS[:, 1].flip(0), swapped)
    torch.testing.assert_close(a, b.flip(0), atol=1e-5, rtol=1e-4)


def test_one_batch_can_be_overfitted(recognizer):
    from ocr.decoding import ctc_collapse

    images = batch(96)
    targets = [[5, 6, 6, 7, 4], [8, 9, 10]]
    inputs = torch.tensor([[1, 5, 6, 6, 7, 4], [1, 8, 9, 10, 0, 0]])
    expected = torch.tensor([[5, 6, 6, 7, 4, 2], [8, 9, 10, 2, 0, 0]])
    optimizer = torch.optim.AdamW(recognizer.parameters(), 3e-3)
    for _ in range(120):
        out = recognizer(images, inputs)
        loss = ctc_loss(out.ctc_logits, out.encoded.lengths, targets) + token_loss(
            out.decoder_logits, expected
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    recognizer.eval()
    out = recognizer(images, inputs)
    best = [
        row[:length].argmax(-1).numpy()
        for row, length in zip(out.ctc_logits, out.encoded.lengths, strict=True)
    ]
    assert [[run[0] for run in ctc_collapse(row)] for row in best] == targets
    read = out.decoder_logits.argmax(-1)
    assert torch.equal(read[expected != 0], expected[expected != 0])
    assert out.ctc_logits.shape[-1] == VOCABULARY
