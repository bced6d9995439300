"""Networks small enough to be trained inside a test."""

import torch

from ocr.models.backbones.light import LightUNet
from ocr.models.decoder import TransformerDecoder
from ocr.models.detector import Detector, LineRefiner
from ocr.models.recognizer import Recognizer
from ocr.models.vit import ViT
from ocr.nn.patch_embed import ConvStem, LinearPatchEmbed
from ocr.nn.position import SinusoidPosition

VOCABULARY = 12


def make_recognizer(patches: str = "conv") -> Recognizer:
    """A recognizer with both heads, small enough to be trained inside a test."""
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


def make_detector() -> Detector:
    """A detector with a line refiner, small enough to be trained inside a test."""
    torch.manual_seed(0)
    backbone = LightUNet(stem=4, widths=(8, 8, 8, 8), depths=(1, 1, 1), dilations=(1, 2), decoder=(8, 8, 8))
    return Detector(backbone, LineRefiner(8, hidden=8, dilations=(1,)))
