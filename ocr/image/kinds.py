"""Kinds of files that hold pages, told by their suffix or by their first bytes."""

from __future__ import annotations

from pathlib import Path

from ocr.errors import ImageError

IMAGE_SUFFIXES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".webp",
        ".tif",
        ".tiff",
        ".bmp",
        ".gif",
        ".pbm",
        ".pgm",
        ".ppm",
        ".pnm",
        ".jp2",
        ".avif",
    ]
)
"""Suffixes of images that belong to the lines or annotations of a data set."""

PAGE_SUFFIXES = IMAGE_SUFFIXES | {".pdf", ".heic", ".heif"}
"""Suffixes looked for in folders; a file named on its own is opened whatever its suffix."""

_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"II*\0", b"MM\0*", b"RIFF", b"GIF8", b"BM")
"""Beginnings of pictures, which may speak of PDF in their first bytes."""


def file_head(source: str | Path | bytes, name: str) -> bytes:
    """Return the first bytes of a file, which tell its kind. Raises ImageError for no file or an empty one."""
    if isinstance(source, bytes):
        head = source[:1024]
    elif Path(source).is_dir():
        raise ImageError(f"{name}: is a folder, not a picture")
    else:
        try:
            with open(source, "rb") as file:
                head = file.read(1024)
        except (OSError, ValueError) as error:
            raise ImageError(f"{name}: {getattr(error, 'strerror', None) or error}") from error
    if not head:
        raise ImageError(f"{name}: the file is empty")
    return head


def is_pdf(head: bytes) -> bool:
    """Recognize the beginning of a PDF: other bytes may come before its header, as programs that show PDFs allow."""
    picture = head.startswith(_PICTURES) or head[4:8] in (b"ftyp", b"jP  ")
    return b"%PDF-" in head[:1024] and not picture
