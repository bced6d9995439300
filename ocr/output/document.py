"""Files that hold all pages of a source and are written page by page, so that no page is kept in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import numpy as np

from ocr.types import Page


class Document(ABC):
    """Base class of files with several pages.

    A context manager: on leaving, the file is complete, also after an error, or removed if it could not be written.
    `path` is opened by the constructor. Every method raises OSError if it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = open(path, "wb")  # noqa: SIM115 - open until the last page is written

    @abstractmethod
    def add(self, page: Page, image: np.ndarray | None) -> None:
        """Append a page and its image, uint8 (h, w, 3) RGB. Raises ConfigError without one."""

    @abstractmethod
    def finish(self) -> None:
        """Write the end of the file, after the last page."""

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
