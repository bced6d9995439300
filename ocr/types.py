"""Plain data types that are passed between stages.

Pixel coordinates are (x, y), float32, origin at the top-left corner of the top-left pixel. Sizes are
(height, width) everywhere. Images outside tensors are uint8 numpy arrays, (height, width, 3) RGB or
(height, width) gray.
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
    """A word, line or character detected or annotated on a page."""

    polygon: Polygon
    score: float = 1.0
    label: str = "word"
    """`character`, `word` or `line`."""


@dataclass
class Character:
    """One recognized character with its outline on the page and a probability in [0, 1]."""

    text: str
    polygon: Polygon
    confidence: float


@dataclass
class Word:
    """One recognized word with its outline on the page and a probability in [0, 1]."""

    text: str
    polygon: Polygon
    confidence: float
    characters: list[Character] = field(default_factory=list)


@dataclass
class TextLine:
    """One line of a page, in page pixels; `text` is empty until it is recognized."""

    polygon: Polygon
    baseline: Baseline
    text: str = ""
    confidence: float = 0.0
    words: list[Word] = field(default_factory=list)
    detection_score: float = 1.0
    script_score: float = 0.0
    """Log-odds of a script that the recognizer does not know; 0 where nothing tells."""
    other_script: bool = False
    """True where the writing seems to be in such a script, by the whole page; the text is then invented."""
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
    """Degrees clockwise by which the given image is turned: 0, 90, 180 or 270. Coordinates refer to that image."""
    embedded_text: str = ""
    """The text layer of the file: that of a born-digital PDF, or of one that was recognized before."""
    ignore: list[Polygon] = field(default_factory=list)
    """Areas left out of loss and score (ground truth only)."""
    warnings: list[str] = field(default_factory=list)
    """One line each on what a user should know about the result, such as that nothing was found."""
    complete: bool = True
    """False where ink outside `lines` may be text (ground truth only)."""

    @property
    def text(self) -> str:
        """Lines in reading order joined by newlines, without lines of empty text."""
        return "\n".join(line.text for line in self.lines if line.text)


@dataclass
class LineSample:
    """One line image with its label and its origin, by which splits and scores are grouped."""

    image: np.ndarray
    """uint8, (height, width) gray or (height, width, 3) RGB, any height."""
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
    """False where the words are unrelated, so that no language should be learned from them."""
    stretch: float | None = None
    """Factor by which augmentation will change the width, 1 for a line it leaves alone; None: not drawn yet."""


@dataclass
class ImageBatch:
    """Line images padded to one size, with their own widths, by which padding is masked.

    `pixels`: (b, c, h, w) float32, ink near 1 and paper near 0, zeros in the padding; c is 1 (gray) unless the
    model's preprocessor keeps colors (3, inverted red, green and blue).
    `widths`: (b,) int64, valid columns of each row.
    """

    pixels: torch.Tensor
    widths: torch.Tensor

    def to(self, device: torch.device | str) -> ImageBatch:
        """Copy the batch to a device."""
        return ImageBatch(
            self.pixels.to(device, non_blocking=True), self.widths.to(device, non_blocking=True)
        )

    def select(self, rows: list[int]) -> ImageBatch:
        """Return a batch of the given rows; the batch itself where these are all, in order."""
        if rows == list(range(len(self))):
            return self
        return ImageBatch(self.pixels[rows], self.widths[rows])

    def __len__(self) -> int:
        return self.pixels.shape[0]


@dataclass
class LineBatch:
    """A training or evaluation batch: images, and the labels and origins of their samples, row by row."""

    images: ImageBatch
    samples: list[LineSample]
    """Samples whose `image` has been replaced by a 0x0 array, as the pixels are in `images`."""

    def to(self, device: torch.device | str) -> LineBatch:
        """Copy the images to a device."""
        return LineBatch(self.images.to(device), self.samples)

    def __len__(self) -> int:
        return len(self.images)
