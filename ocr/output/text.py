"""Plain text: one line of the page a line of the file, in reading order."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ocr.types import Page


def page_text(page: Page) -> str:
    """The page's text, ending in a newline unless it is empty. Lines that were read as nothing are left out."""
    return "".join(f"{line.text}\n" for line in page.lines if line.text)


def write(page: Page, image: np.ndarray | None, path: Path) -> None:
    """Write the text as UTF-8; `image` is not used. Raises OSError if `path` cannot be written."""
    path.write_text(page_text(page), encoding="utf-8", newline="\n")
