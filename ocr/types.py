"""The plain data that travels between stages.

Pixel coordinates are (x, y), float32, origin at the top-left corner of the top-left pixel. Sizes are
(height, width) everywhere. Images outside tensors are uint8 numpy arrays, (height, width, 3) RGB or
(height, width) grey.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

Polygon = np.ndarray
"""(n, 2) float32 vertices in page pixels, clockwise on screen, not closed (last != first)."""

Baseline = np.ndarray
"""(n, 2) float32 points in reading direction, n >= 2."""


@dataclass
class TextRegion:
    """A word, line or character found (or annotated) on a page."""

    polygon: Polygon
    score: float = 1.0
    label: str = "word"
    """`character`, `word` or `line`."""


@dataclass
class Character:
    """One recognised character: where it is on the page, and a probability in [0, 1]."""

    text: str
    polygon: Polygon
    confidence: float


@dataclass
class Word:
    """One recognised word: its text, where it is on the page, and a probability in [0, 1]."""

    text: str
    polygon: Polygon
    confidence: float
    characters: list[Character] = field(default_factory=list)


@dataclass
class TextLine:
    """One line of a page, in page pixels; `text` is empty until it is recognised."""

    polygon: Polygon
    baseline: Baseline
    text: str = ""
    confidence: float = 0.0
    words: list[Word] = field(default_factory=list)
    detection_score: float = 1.0
    kind: str = ""
    """`handwritten`, `typed`, `print` or empty where unknown (ground truth only)."""
    id: str = ""


@dataclass
class Page:
    """One page: its origin, its size in pixels, and its lines in reading order."""

    source: str
    height: int
    width: int
    lines: list[TextLine] = field(default_factory=list)
    number: int = 1
    """1-based position inside a multi-page file."""
    dpi: float = 0.0
    """Pixels per inch; 0 where unknown."""
    rotation: int = 0
    """Degrees clockwise by which the page as it is given is turned: 0, 90, 180 or 270. Lines lie as on that page."""
    embedded_text: str = ""
    """What the file itself says is written here: the text of a PDF that was born digital, or read before."""
    ignore: list[Polygon] = field(default_factory=list)
    """Areas left out of loss and score (ground truth only)."""
    complete: bool = True
    """False where ink outside `lines` may be text (ground truth only)."""

    @property
    def text(self) -> str:
        """Lines joined by newlines, in reading order; lines in which nothing was read are left out."""
        return "\n".join(line.text for line in self.lines if line.text)


@dataclass
class LineSample:
    """One line image with its label and the origin that splits and scores are grouped by."""

    image: np.ndarray
    """uint8, (height, width) grey or (height, width, 3) RGB, any height."""
    text: str
    id: str
    document: str
    """Page or document id: the unit of bootstrap and of splits."""
    source: str = ""
    language: str = ""
    writer: str = ""
    kind: str = ""
    polygon: Polygon | None = None
    """Outline of the line's own ink, in crop pixels, where known."""
    running_text: bool = True
    """False where the words do not follow from one another: a decoder would learn a wrong language from them."""
    stretch: float | None = None
    """Factor by which augmentation will change the width, 1 for a line it leaves alone; None: not drawn yet."""


@dataclass
class ImageBatch:
    """Line images padded to one size, with the true sizes that make padding harmless.

    `pixels`: (b, c, h, w) float32, ink near 1 and paper near 0, zeros in the padding; c is 1 (grey) unless the
    model's preprocessor keeps colors (3, inverted red, green and blue).
    `widths`: (b,) int64, valid columns of each row.
    """

    pixels: torch.Tensor
    widths: torch.Tensor

    def to(self, device: torch.device | str) -> ImageBatch:
        return ImageBatch(
            self.pixels.to(device, non_blocking=True), self.widths.to(device, non_blocking=True)
        )

    def __len__(self) -> int:
        return self.pixels.shape[0]


@dataclass
class LineBatch:
    """A training or evaluation batch: images and their samples' labels and origins, row by row."""

    images: ImageBatch
    samples: list[LineSample]
    """Samples with `image` dropped (a 0x0 array) once it is in `images`."""

    def to(self, device: torch.device | str) -> LineBatch:
        return LineBatch(self.images.to(device), self.samples)

    def __len__(self) -> int:
        return len(self.images)
