"""Pages that somebody has checked in the browser."""

import numpy as np
from PIL import Image

from ocr.demo.session import Session, Upload, UploadPage
from ocr.types import Page, TextLine


def checked(session: Session, digest: str, texts: list[str]) -> tuple[Upload, UploadPage]:
    """A page of a session whose lines all have been checked."""
    place = session.folder / digest
    place.mkdir()
    square = np.array([(0, 0), (90, 0), (90, 20), (0, 20)], np.float32)
    lines = [TextLine(square, square[[3, 2]], text) for text in texts]
    page = Page("letter.jpg", 100, 100, lines)
    sheet = UploadPage(1, place)
    sheet.finish(page)
    sheet.checked = dict(enumerate(lines))
    for number in range(len(lines)):
        Image.new("RGB", (300, 96), (number, 0, 0)).save(sheet.crop(number))
    document = Upload(digest, "letter.jpg", place / "file", 0, digest, [sheet])
    session.documents[digest] = document
    return document, sheet
