"""Files that hold all pages of a source and grow page by page, so that none is kept in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import numpy as np

from ocr.types import Page


class Document(ABC):
    """As a context manager it is complete on leaving, whatever ended it, or gone if it could not be written.

    `path` is opened at once. Raises OSError, from every method, if it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = open(path, "wb")  # noqa: SIM115 - open until the last page is written

    @abstractmethod
    def add(self, page: Page, image: np.ndarray | None) -> None:
        """Append a page and its image, uint8 (h, w, 3) RGB. Raises ConfigError without one."""

    @abstractmethod
    def finish(self) -> None:
        """Write what comes after the last page."""

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
