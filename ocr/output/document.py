"""Files of results, which are written page by page, so that no page is kept in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import numpy as np

from ocr.types import Page


class Document(ABC):
    """Base class of the formats: a file that holds the pages of a source.

    A context manager: on leaving, the file is complete, also after an error, or removed if it could not be written.
    `path` is opened by the constructor. Every method raises OSError if it cannot be written.

    Args:
        original: the file that the pages come from, as a path or its bytes; None where it is not known.
    """

    def __init__(self, path: Path, original: Path | bytes | None = None) -> None:
        self.path = path
        self.original = original
        self.file = open(path, "wb")  # noqa: SIM115 - open until the last page is written

    @abstractmethod
    def add(self, page: Page, image: np.ndarray | None) -> None:
        """Append a page and its image, uint8 (h, w, 3) RGB. Raises ConfigError without one."""

    def finish(self) -> None:  # noqa: B027 - most formats have nothing to add
        """Write the end of the file, after the last page."""

    def put(self, text: str) -> None:
        """Append text as UTF-8."""
        self.file.write(text.encode("utf-8", errors="replace"))

    def __enter__(self) -> Document:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.finish()
            self.file.close()
        except OSError:
            with suppress(OSError):
                self.file.close()
            with suppress(OSError):
                self.path.unlink()
            if error is None:
                raise


class XmlDocument(Document):
    """Base class of XML formats whose files can hold many pages.

    Every page is serialized as a complete file of one page; of the second and further ones only the part from
    `page_start` up to `pages_end` is written.
    """

    page_start: bytes
    """Beginning of the element of a page, which occurs nowhere before."""
    pages_end: bytes
    """End tag of the element that holds the pages."""
    tail = b""

    @abstractmethod
    def serialize(self, page: Page) -> bytes:
        """Serialize a file of one page."""

    def add(self, page: Page, image: np.ndarray | None) -> None:
        """Append a page; `image` is not used."""
        content = self.serialize(page)
        start = content.index(self.page_start) if self.tail else 0
        end = content.rindex(self.pages_end)
        self.file.write(content[start:end])
        self.tail = content[end:]

    def finish(self) -> None:
        """Close the elements that hold the pages."""
        self.file.write(self.tail)
