"""Searchable PDF: page images with an invisible text layer, word by word along each line.

All pages of a source are written to one PDF, page by page and never held in memory, which PDF libraries do not
offer. The necessary parts of the format (ISO 32000-1) are implemented here, in `pdf_font` and in `pdf_objects`.
"""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from ocr import __version__
from ocr.errors import ConfigError
from ocr.output.document import Document
from ocr.output.layout import outline, parts
from ocr.output.pdf_font import ADVANCE, InvisibleFont
from ocr.output.pdf_objects import PdfObjects, text_value
from ocr.types import Page, TextLine

QUALITY = 90
"""JPEG quality of pages with colors or shades of gray."""

A4 = 841.89
"""Longer side in points of a page of unknown resolution."""


class PdfDocument(Document):
    """PDF of one source, with the name of the source as title."""

    def __init__(self, path: Path, original: Path | bytes | None = None) -> None:
        super().__init__(path, original)
        self.objects = PdfObjects(self.file)
        self.pages: list[int] = []
        self.title = ""
        self.font = InvisibleFont()
        self.font_number, self.tree_number = self.objects.reserve(), self.objects.reserve()

    def add(self, page: Page, image: np.ndarray | None) -> None:
        """Append a page: its image and its text layer. Raises ConfigError without an image."""
        if image is None:
            raise ConfigError(f"{page.source}: the pdf format needs the page's image")
        self.title = self.title or page.source
        scale = 72 / page.dpi if page.dpi else A4 / max(page.height, page.width)
        height, width = page.height * scale, page.width * scale
        picture = self._picture(image)
        text = "".join(self._line(line, scale, height) for line in page.lines)
        content = f"q {width:.3f} 0 0 {height:.3f} 0 0 cm /I Do Q\nBT 3 Tr\n{text}ET\n"
        stream = self.objects.stream(zlib.compress(content.encode("ascii")), {"Filter": "/FlateDecode"})
        resources = f"<< /XObject << /I {picture} 0 R >> /Font << /F {self.font_number} 0 R >> >>"
        self.pages.append(
            self.objects.dictionary(
                {
                    "Type": "/Page",
                    "Parent": f"{self.tree_number} 0 R",
                    "MediaBox": f"[0 0 {width:.3f} {height:.3f}]",
                    # Viewers turn the page upright; the picture itself stays unchanged.
                    "Rotate": str(-page.rotation % 360),
                    "Resources": resources,
                    "Contents": f"{stream} 0 R",
                }
            )
        )

    def finish(self) -> None:
        """Write font, page tree, catalog and the table of objects."""
        self.font.write(self.objects, self.font_number)
        kids = " ".join(f"{number} 0 R" for number in self.pages)
        tree = {"Type": "/Pages", "Kids": f"[{kids}]", "Count": str(len(self.pages))}
        self.objects.dictionary(tree, number=self.tree_number)
        root = self.objects.dictionary({"Type": "/Catalog", "Pages": f"{self.tree_number} 0 R"})
        producer = text_value(f"ocr {__version__}")
        info = self.objects.dictionary({"Title": text_value(self.title), "Producer": producer})
        self.objects.finish(root=root, info=info)

    def _picture(self, image: np.ndarray) -> int:
        """Write the image: black and white without loss at one bit per pixel, other images as JPEG."""
        height, width = image.shape[:2]
        gray = bool((image == image[:, :, :1]).all())
        fields = {
            "Type": "/XObject",
            "Subtype": "/Image",
            "Width": str(width),
            "Height": str(height),
            "ColorSpace": "/DeviceGray" if gray else "/DeviceRGB",
        }
        plane = image[:, :, 0] if gray else image
        if gray and bool(((plane == 0) | (plane == 255)).all()):
            data = zlib.compress(np.packbits(plane > 0, axis=1).tobytes())
            return self.objects.stream(data, {**fields, "BitsPerComponent": "1", "Filter": "/FlateDecode"})
        buffer = io.BytesIO()
        Image.fromarray(plane).save(buffer, format="JPEG", quality=QUALITY)
        return self.objects.stream(
            buffer.getvalue(), {**fields, "BitsPerComponent": "8", "Filter": "/DCTDecode"}
        )

    def _line(self, line: TextLine, scale: float, height: float) -> str:
        """Write the operators that place the words of a line and the spaces between, on a page of `height` points."""
        shown = []
        words = parts(line)
        places = [_place(line, outline(word.polygon)) for word in words]
        for number, (word, place) in enumerate(zip(words, places, strict=True)):
            size = max(place.height * scale, 1.0)
            # y grows upwards in a PDF.
            cos, sin = place.along[0], -place.along[1]
            x, y = place.start[0] * scale, height - place.start[1] * scale
            shown.append(f"/F {size:.2f} Tf {cos:.5f} {sin:.5f} {-sin:.5f} {cos:.5f} {x:.3f} {y:.3f} Tm\n")
            shown.append(self._show(word.text, place.width * scale, size))
            if number + 1 < len(words):
                gap = (places[number + 1].start - place.start) @ place.along - place.width
                shown.append(self._show(" ", gap * scale, size))
        return "".join(shown)

    def _show(self, text: str, width: float, size: float) -> str:
        """Write the operators that show `text`, stretched to `width` points."""
        stretch = 100 * max(width, 0.01 * size) / (len(text) * ADVANCE * size)
        return f"{stretch:.2f} Tz <{self.font.encode(text)}> Tj\n"


class _Place(NamedTuple):
    """Position of a word on its baseline in pixels; `start` and the direction `along` are (2,) float64."""

    start: np.ndarray
    along: np.ndarray
    width: float
    height: float


def _place(line: TextLine, polygon: np.ndarray) -> _Place:
    baseline = np.asarray(line.baseline, np.float64)
    along = _direction(baseline[-1] - baseline[0], otherwise=np.array([1.0, 0.0]))
    frame = np.column_stack([along, (-along[1], along[0])])
    word, path = np.asarray(polygon, np.float64) @ frame, baseline @ frame
    path = path[np.argsort(path[:, 0], kind="stable")]
    ends = np.array([word[:, 0].min(), word[:, 0].max()])
    start, end = np.column_stack([ends, np.interp(ends, *path.T)]) @ frame.T
    along = _direction(end - start, otherwise=along)
    return _Place(start, along, float(np.linalg.norm(end - start)), float(np.ptp(word[:, 1])))


def _direction(vector: np.ndarray, *, otherwise: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vector)
    return vector / length if length > 1e-6 else otherwise
