"""A detector that takes dark pixels for lines."""

import numpy as np
import torch
from torch import nn

from ocr.bundle import Bundle
from ocr.image.page_preprocess import PagePreprocessor
from ocr.inference.detector import LineFinder
from ocr.models.detector import DetectorOutput


class InkDetector(nn.Module):
    """Takes dark bars for line cores of text that reaches `reach` pixels both ways, and each bar for a word."""

    stride = 4

    def __init__(self, *, refiner: bool = True, reach: float = 15.0) -> None:
        super().__init__()
        self.reach = reach
        self.refiner = nn.Identity() if refiner else None
        self.calls: list[tuple[int, int]] = []

    def forward(self, pixels):
        self.calls.append(tuple(pixels.shape[-2:]))
        ink = nn.functional.avg_pool2d(1 - pixels.mean(1, keepdim=True), 4, ceil_mode=True)[:, 0]
        logits = (ink - 0.5) * 20
        extent = torch.full((1, 2, *ink.shape[1:]), self.reach)
        return DetectorOutput(logits, logits - 100, logits if self.refiner is not None else None, extent)


def finder(*, refiner: bool = True, reach: float = 15.0, **settings) -> LineFinder:
    model, preprocess = InkDetector(refiner=refiner, reach=reach), PagePreprocessor(max_side=640)
    bundle = Bundle("detector", "ink", model, {}, parts={"preprocess": preprocess})
    return LineFinder(bundle, settings=settings)


def page(*bars, size=(640, 480)):
    image = np.full((*size, 3), 255, np.uint8)
    for left, top, right, bottom in bars:
        image[top:bottom, left:right] = 0
    return image
