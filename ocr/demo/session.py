"""Session of one user: files, their pages, and the recognized and corrected lines on them."""

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
"""States of a page."""

MAX_NAME_BYTES = 160
"""Number of bytes of a file name that are kept; file systems allow 255, and results get longer suffixes."""

_RESERVED = frozenset('<>:"/\\|?*')
"""Characters, besides control characters, that some file system does not allow in names."""


class MissingError(OcrError):
    """A session, file, page or line does not exist, or no longer."""


@dataclass
class UploadPage:
    """A page of a file; `checked` holds the lines that a person has confirmed or corrected, by their number."""

    number: int
    folder: Path
    size: tuple[int, int] = (0, 0)
    """(height, width) in pixels by the header of the file, before any rotation; (0, 0) where unknown."""
    state: str = WAITING
    message: str = ""
    """Reason of a failure."""
    page: Page | None = None
    checked: dict[int, TextLine] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    """Numbers of the lines in reading order; lines that are not in it have been removed."""
    rotation: int | None = None
    """Rotation of the page as a person set it, see `Page.rotation`; None: found by the reader."""
    readings: int = 0
    """How many times it was read; its pictures change with it."""
    rows: dict[int, dict] = field(default_factory=dict)
    """Rows of a training manifest by line, their pictures encoded; see `ocr.demo.corrections`."""

    def bare(self) -> UploadPage:
        """Copy the page without what was read on it."""
        return UploadPage(self.number, self.folder, self.size, rotation=self.rotation)

    def picture(self) -> Path:
        """Return the path of the picture of the page."""
        return self.folder / "page.jpg"

    def thumbnail(self) -> Path:
        """Return the path of the small picture of the page."""
        return self.folder / "thumbnail.jpg"

    def crop(self, line: int) -> Path:
        """Return the path of the rectified picture of a line, counted from 0."""
        return self.folder / f"{line}.png"

    def result(self) -> Page:
        """Return the page with its corrections. Raises MissingError before it is read."""
        if self.page is None:
            raise MissingError(f"page {self.number} has not been read")
        lines = [self.checked.get(number, self.page.lines[number]) for number in self.order]
        return replace(self.page, lines=lines)

    @property
    def next_number(self) -> int:
        """Number of the next line that is added."""
        return len(self.page.lines) if self.page is not None else 0

    def add(self, lines: list[TextLine]) -> list[int]:
        """Add lines, which are not in the reading order yet; returns their numbers."""
        first = self.next_number
        self.page.lines.extend(lines)
        return list(range(first, self.next_number))

    def finish(self, page: Page) -> None:
        """Take the result of reading."""
        self.page, self.order, self.state = page, list(range(len(page.lines))), DONE
        self.readings += 1

    def restart(self, rotation: int | None) -> None:
        """Forget the result, to be read again at a rotation. Raises OcrError while it waits or is read."""
        if self.state in (WAITING, READING):
            raise OcrError(f"page {self.number} is still being read")
        self.rotation, self.state, self.message, self.page = rotation, WAITING, "", None
        self.order, self.checked, self.rows = [], {}, {}

    def line(self, number: int) -> TextLine:
        """Return a line as it was recognized, counted from 0. Raises MissingError."""
        if self.page is None or not 0 <= number < len(self.page.lines):
            raise MissingError(f"page {self.number} has no line {number + 1}")
        return self.page.lines[number]


@dataclass
class Upload:
    """An uploaded file: its cleaned name, its path and its digest."""

    id: str
    name: str
    path: Path
    size: int
    """Size in bytes."""
    digest: str
    """Digest of its bytes, by which the same file is recognized in every session."""
    sheets: list[UploadPage] = field(default_factory=list)
    place: int = 0
    """Place among the files of a session, lowest first; those of the same place stand as they came."""

    def bare(self) -> Upload:
        """Copy the document without what was read in it, as it is sent to another process."""
        return replace(self, sheets=[sheet.bare() for sheet in self.sheets])

    def sheet(self, number: int) -> UploadPage:
        """Return a page, counted from 1. Raises MissingError."""
        if not 0 < number <= len(self.sheets):
            raise MissingError(f"{self.name} has no page {number}")
        return self.sheets[number - 1]

    def move(self, folder: Path) -> None:
        """Move all files of the document into a new folder. Raises OSError."""
        self.path.parent.rename(folder)
        self.path = folder / self.path.name
        for sheet in self.sheets:
            sheet.folder = folder / sheet.folder.name

    def where(self, sheet: UploadPage) -> str:
        """Return the name of a page in messages."""
        return self.name if len(self.sheets) == 1 else f"{self.name}, page {sheet.number}"


class Session:
    """Documents of one user; `id` is the secret value of the cookie, `tag` a public identifier.

    `client` names the machine that opened it; empty for the server's own.
    """

    def __init__(self, folder: Path, name: str = "", *, client: str = "") -> None:
        self.client = client
        self.id = name or secrets.token_urlsafe(24)
        self.tag = secrets.token_hex(3)
        self.folder = folder / secrets.token_hex(8)
        self.folder.mkdir()
        self.documents: dict[str, Upload] = {}
        self.seen = time.monotonic()
        self.saving = asyncio.Lock()
        """Lock for writing the manifests of checked lines."""
        self.editing = asyncio.Lock()
        """Lock for adding lines to pages."""

    def document(self, name: str) -> Upload:
        """Return a document by its id. Raises MissingError."""
        if name not in self.documents:
            raise MissingError("there is no such file, or no longer")
        return self.documents[name]

    def sheets(self) -> Iterator[tuple[Upload, UploadPage]]:
        """Yield all pages in the order of their upload."""
        for document in self.documents.values():
            for sheet in document.sheets:
                yield document, sheet


def clean_name(name: str) -> str:
    """Clean a file name of a client, so that it can be shown and used on any system; never empty.

    Folders, control and direction characters and leading dots are removed; reserved characters become `_`.
    """
    name = name.replace("\\", "/").rpartition("/")[2]
    name = "".join(character for character in name if unicodedata.category(character)[0] != "C")
    name = "".join("_" if character in _RESERVED else character for character in name).strip(" .")
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix.encode()) > 8:
        stem, dot, suffix = name, "", ""
    stem = stem.encode()[: MAX_NAME_BYTES - len(suffix.encode())].decode(errors="ignore").rstrip(" .")
    return f"{stem or 'page'}{dot}{suffix}"
