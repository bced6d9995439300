"""Files of results: one per source and format, or one per page."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ocr.errors import ConfigError
from ocr.inference.inputs import Source, printable

if TYPE_CHECKING:
    import numpy as np

    from ocr.output import Document, Writer
    from ocr.types import Page

_INCOMPLETE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors that can end a write after it has begun."""


class Results:
    """Output folder for pages in the given formats; without a folder, nothing is written.

    Args:
        split: write a file per page of sources with several pages, instead of one per source.
    Raises:
        ConfigError: the folder cannot be created or written to.
    """

    def __init__(self, folder: str | None, writers: Sequence[Writer], *, split: bool = False) -> None:
        self.writers = [replace(writer, many_pages=writer.many_pages and not split) for writer in writers]
        self.folder = Path(folder) if folder else None
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"output={printable(folder)}: cannot be made ({error.strerror})") from error
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise ConfigError(f"output={printable(folder)}: not writable")

    @contextmanager
    def of(self, source: Source, content: Path | bytes | None = None) -> Iterator[SourceResults]:
        """Open the results of one source; on leaving, its files are complete with the pages that were added.

        Args:
            content: the file, as a path or its bytes, of which some formats keep parts.
        """
        base = None if self.folder is None else self.folder / source.name
        with ExitStack() as stack:
            yield SourceResults(base, self.writers, stack, content=content)


class SourceResults:
    """Files of one source: the path `base` with the suffixes of the formats."""

    def __init__(
        self, base: Path | None, writers: Sequence[Writer], stack: ExitStack, *, content: Path | bytes | None
    ) -> None:
        self.base = base
        self.content = content
        self.writers = writers
        self.stack = stack
        self.documents: dict[Path, Document] = {}

    def add(
        self, page: Page, image: np.ndarray, *, file_size: tuple[int, int] | None = None, pages: int = 1
    ) -> None:
        """Write one page: append it to NAME.SUFFIX, or write NAME-001.SUFFIX, NAME-002.SUFFIX and so on.

        Args:
            page: in the pixels of `image`, uint8 (h, w, 3).
            pages: number of pages of the source.
            file_size: (height, width) of the picture in its file, where `image` was reduced from it. Coordinates in
                formats without image are converted to pixels of the file, as other programs will show that file.
        Raises:
            OSError: names the first file that could not be written and the number of further ones.
        """
        if self.base is None:
            return
        self.base.parent.mkdir(parents=True, exist_ok=True)
        problems: list[OSError] = []
        in_file = page
        if file_size is not None:
            from ocr.geometry import resize_page

            in_file = resize_page(page, file_size)
        for writer in self.writers:
            try:
                self._write(writer, page if writer.uses_image else in_file, image, pages)
            except OSError as error:
                problems.append(error)
        if len(problems) > 1:
            problems[0].strerror += f" (nor could {len(problems) - 1} more files of this page be written)"
        if problems:
            raise problems[0]

    def _write(self, writer: Writer, page: Page, image: np.ndarray, pages: int) -> None:
        if not writer.many_pages:
            # With leading zeros, so that the files sort by their numbers.
            number = f"-{page.number:0{max(3, len(str(pages)))}d}" if pages > 1 else ""
            path = self.base.with_name(f"{self.base.name}{number}{writer.suffix}")
            with _named(path):
                writer.write(page, image, path, original=self.content)
            return
        path = self.base.with_name(self.base.name + writer.suffix)
        with _named(path):
            if path not in self.documents:
                # Entered first, so that it is left after the document is closed, which also writes.
                self.stack.enter_context(_named(path))
                self.documents[path] = self.stack.enter_context(writer.document(path, self.content))
            self.documents[path].add(page, image)
            # So that a full disk is noticed here, and an interrupted run leaves the pages that were read.
            self.documents[path].file.flush()


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Add the file name to errors; a file that was begun and cannot be finished is removed."""
    try:
        yield
    except OSError as error:
        # An error that concerns another file has its name already.
        if error.filename is None:
            error.filename = str(path)
        if error.errno in _INCOMPLETE and error.filename == str(path):
            with suppress(OSError):
                path.unlink()
        raise
