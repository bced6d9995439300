"""Sources of annotated pages in memory."""

import numpy as np

from ocr.data.pages.sources import AnnotatedPage
from ocr.types import Page, TextLine


class RuledPages:
    """White pages whose lines are black bars exactly where their core should be."""

    endless = False

    def __init__(self, *, lines: bool = True, complete: bool = True) -> None:
        self.lines, self.complete = lines, complete

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int):
        image = np.full((600, 500, 3), 255, np.uint8)
        page = Page("page", 600, 500, complete=self.complete)
        for base in range(80, 560, 60) if self.lines else ():
            image[base - 15 : base + 2, 50:450] = 0
            outline = [[50, base - 30], [450, base - 30], [450, base + 12], [50, base + 12]]
            page.lines.append(
                TextLine(np.array(outline, np.float32), np.array([[50, base], [450, base]], np.float32))
            )
        return image, page

    def annotated(self, index: int) -> AnnotatedPage:
        return AnnotatedPage(*self[index])


class CharacterPages(RuledPages):
    """The same with a character every 40 pixels."""

    def annotated(self, index: int) -> AnnotatedPage:
        image, page = self[index]
        corners = np.array([[0, -30], [40, -30], [40, 12], [0, 12]], np.float32)
        words = [[corners + line.baseline[0] + (40 * k, 0) for k in range(10)] for line in page.lines]
        return AnnotatedPage(image, page, words)
