"""Line samples to a padded batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ocr.types import LineBatch, LineSample

if TYPE_CHECKING:
    from ocr.image.preprocess import LinePreprocessor


class LineCollate:
    """Preprocessing of lines and padding to one batch.

    Samples in a batch have no image (0x0) any more, and their `polygon`, if any, is in pixels of their row of
    the batch.

    Args:
        preprocess: the preprocessor that the model's bundle will carry.
    """

    def __init__(self, preprocess: LinePreprocessor) -> None:
        self.preprocess = preprocess

    def prepare(self, sample: LineSample) -> LineSample:
        """The sample with its image preprocessed and its polygon scaled along.

        Raises:
            ImageError: the image has no pixels.
        """
        image = self.preprocess(sample.image)
        polygon = sample.polygon
        if polygon is not None:
            height, width = sample.image.shape[:2]
            # Paper that a very narrow line gets to its right moves nothing.
            scale = np.array([self.preprocess.columns(height, width) / width, image.shape[0] / height])
            polygon = (polygon * scale).astype(np.float32)
        return replace(sample, image=image, polygon=polygon)

    def join(self, prepared: Sequence[LineSample]) -> LineBatch:
        """A batch of lines that went through `prepare`."""
        images = self.preprocess.batch([sample.image for sample in prepared])
        return LineBatch(images, [replace(sample, image=np.zeros((0, 0), np.uint8)) for sample in prepared])

    def __call__(self, samples: Sequence[LineSample]) -> LineBatch:
        """A batch of lines as they come from a source."""
        return self.join([self.prepare(sample) for sample in samples])
