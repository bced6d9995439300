"""The protocol of sources of annotated pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from ocr.types import Page, Polygon


@dataclass
class AnnotatedPage:
    """A page image with all that is known of its lines and characters.

    `image`: uint8 (h, w, 3) RGB. `words`: per word the quads of its characters, None where no characters are
    annotated. `unknown`: outlines of areas whose characters are not annotated.
    """

    image: np.ndarray
    page: Page
    words: list[list[Polygon]] | None = None
    unknown: list[Polygon] = field(default_factory=list)


class PageSource(Protocol):
    """Annotated pages by index.

    An `endless` source draws its pages, which costs more than cropping them: several crops in a row share one.
    """

    endless: bool

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> tuple[np.ndarray, Page]:
        """Return the image, uint8 (h, w, 3) RGB, and its annotation."""
        ...

    def annotated(self, index: int) -> AnnotatedPage:
        """Return the page with its characters."""
        ...
