"""What one user has on the server: files, their pages, and what was found and corrected on them."""

from __future__ import annotations

import asyncio
import secrets
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ocr.errors import OcrError
from ocr.types import Page, TextLine

WAITING, READING, DONE, FAILED = "waiting", "reading", "done", "failed"
"""The states of a page."""

MAX_NAME_BYTES = 160
"""Bytes of a file name that are kept; file systems take 255, and results get longer suffixes."""

_RESERVED = frozenset('<>:"/\\|?*')
"""Besides control characters: what one file system or another does not take in names."""


class MissingError(OcrError):
    """There is no such session, file, page or line; or there is no more."""


@dataclass
class UploadPage:
    """A page of a file. `checked` holds the lines that a person has confirmed or corrected, by their number."""

    number: int
    folder: Path
    size: tuple[int, int] = (0, 0)
    """(height, width) in pixels as the file's header tells, before any rotation; (0, 0) if it does not."""
    state: str = WAITING
    message: str = ""
    """Why it failed."""
    page: Page | None = None
    checked: dict[int, TextLine] = field(default_factory=dict)

    def picture(self) -> Path:
        """The page to look at."""
        return self.folder / "page.jpg"

    def thumbnail(self) -> Path:
        return self.folder / "thumbnail.jpg"

    def crop(self, line: int) -> Path:
        """The straightened picture of a line, counted from 0."""
        return self.folder / f"{line}.png"

    def result(self) -> Page:
        """The page with its corrections. Raises MissingError before it is read."""
        if self.page is None:
            raise MissingError(f"page {self.number} has not been read")
        return replace(self.page, lines=[self.checked.get(i, line) for i, line in enumerate(self.page.lines)])

    def line(self, number: int) -> TextLine:
        """A line as it was read, counted from 0. Raises MissingError."""
        if self.page is None or not 0 <= number < len(self.page.lines):
            raise MissingError(f"page {self.number} has no line {number + 1}")
        return self.page.lines[number]


@dataclass
class Upload:
    """A file as it came: its name as it may be shown and used, where it lies, what tells it from others."""

    id: str
    name: str
    path: Path
    size: int
    """Bytes."""
    digest: str
    """Of its bytes: the same file is the same document in every session."""
    sheets: list[UploadPage] = field(default_factory=list)

    def sheet(self, number: int) -> UploadPage:
        """A page, counted from 1. Raises MissingError."""
        if not 0 < number <= len(self.sheets):
            raise MissingError(f"{self.name} has no page {number}")
        return self.sheets[number - 1]

    def where(self, sheet: UploadPage) -> str:
        """What messages call a page."""
        return self.name if len(self.sheets) == 1 else f"{self.name}, page {sheet.number}"


class Session:
    """One user's documents. `id` lets one in; `tag` may be seen by all."""

    def __init__(self, folder: Path) -> None:
        self.id = secrets.token_urlsafe(24)
        self.tag = secrets.token_hex(3)
        self.folder = folder / secrets.token_hex(8)
        self.folder.mkdir()
        self.documents: dict[str, Upload] = {}
        self.held_bytes = 0
        """Of all files, those on their way included."""
        self.seen = time.monotonic()
        self.saving = asyncio.Lock()
        """Held by who writes the lines to learn from."""

    def document(self, name: str) -> Upload:
        """A document by its id. Raises MissingError."""
        if name not in self.documents:
            raise MissingError("there is no such file, or no longer")
        return self.documents[name]

    def sheets(self) -> Iterator[tuple[Upload, UploadPage]]:
        """All pages, in the order in which they came."""
        for document in self.documents.values():
            for sheet in document.sheets:
                yield document, sheet


def clean_name(name: str) -> str:
    """A file name from outside that can be shown, and used as a name on any system; never empty.

    Folders, control and direction characters and leading dots go; what some system reserves becomes `_`.
    """
    name = name.replace("\\", "/").rpartition("/")[2]
    name = "".join(character for character in name if unicodedata.category(character)[0] != "C")
    name = "".join("_" if character in _RESERVED else character for character in name).strip(" .")
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix.encode()) > 8:
        stem, dot, suffix = name, "", ""
    stem = stem.encode()[: MAX_NAME_BYTES - len(suffix.encode())].decode(errors="ignore").rstrip(" .")
    return f"{stem or 'page'}{dot}{suffix}"
