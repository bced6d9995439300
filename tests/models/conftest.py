"""A recogniser small enough to be trained inside a test."""

import pytest
import torch

from ocr.models.decoder import TransformerDecoder
from ocr.models.recognizer import Recognizer
from ocr.models.vit import ViT
from ocr.nn.patch_embed import ConvStem, LinearPatchEmbed
from ocr.nn.position import SinusoidPosition

VOCABULARY = 12


def make_recognizer(patches: str = "conv") -> Recognizer:
    torch.manual_seed(0)
    dim = 32
    stems = {
        "conv": lambda: ConvStem(dim, height=16, channels=(8, 16), extra=1),
        "linear": lambda: LinearPatchEmbed(dim, patch=(16, 4)),
        "grid": lambda: LinearPatchEmbed(dim, patch=(8, 4)),
    }
    encoder = ViT(
        stems[patches](),
        dim=dim,
        depth=2,
        heads=4,
        position=SinusoidPosition(dim),
        conditional_kernel=7,
    )
    decoder = TransformerDecoder(vocabulary=VOCABULARY, dim=32, depth=2, heads=4, max_length=20, dropout=0.0)
    return Recognizer(encoder, ctc_vocabulary=VOCABULARY, decoder=decoder, ctc_dropout=0.0)


@pytest.fixture
def recognizer() -> Recognizer:
    return make_recognizer()
