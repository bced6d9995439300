"""Limits of sessions and of the server."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ocr.errors import ConfigError, OcrError


class LimitError(OcrError):
    """A limit of a session or of the server is exceeded."""


class BusyError(LimitError):
    """Too many users or uploads at the same time; a later request may succeed."""


@dataclass(frozen=True)
class Limits:
    """Highest values. Raises ConfigError for a value that is not above 0."""

    megabytes: float = 200
    """Size of all files of a session."""
    pages: int = 100
    """Pages per session."""
    megapixels: float = 100
    """Size of a page."""
    sessions: int = 100
    """Sessions at the same time."""
    hours: float = 12
    """Time without use after which a session is ended."""
    empty_minutes: float = 5
    """The same for a session without files."""
    idle_minutes: float = 10
    """Time without use after which a session may be ended to make room for another user's."""
    idle_seconds: float = 30
    """Time for a request to send its head, and then for each further 16 kB of its body."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 < value < math.inf:
                raise ConfigError(f"{name}={value}: must be a number above 0")

    def check_bytes(self, name: str, *, held: int, added: int) -> None:
        """Raise LimitError if a file of at least `added` bytes is too much on top of `held`."""
        if held + added > self.megabytes * 1e6:
            rest = f", and {held / 1e6:.0f} MB are here already: remove pages first" if held else ""
            raise LimitError(f"{name}: more than the {self.megabytes:g} MB that can be kept{rest}")

    def check_pages(self, name: str, *, held: int, added: int) -> None:
        """Raise LimitError if a file of `added` pages is too much on top of `held`."""
        if held + added > self.pages:
            rest = f", and {held} are here already: remove some first" if held else ""
            raise LimitError(f"{name}: has {added} pages; {self.pages} can be kept{rest}")

    def check_pixels(self, name: str, size: tuple[int, int]) -> None:
        """Raise LimitError for a page whose `size` (height, width) is too large."""
        height, width = size
        if height * width > self.megapixels * 1e6:
            raise LimitError(
                f"{name}: {width} x {height} is {width * height / 1e6:.0f} megapixels, "
                f"more than {self.megapixels:g}"
            )
