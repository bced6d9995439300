"""Draw regions over image structs: the work of `ImageDrawRegions`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageColor, ImageDraw, ImageFont

from ocr.spark.enums import Color
from ocr.spark.images import from_struct, to_struct
from ocr.spark.worker import EXCEPTION, FAILURES, Row, RowMap, reason


@dataclass(frozen=True)
class Draw(RowMap):
    """Each image with the rectangles of its regions and their numbers in reading order, counted from 1."""

    image: str
    regions: str
    output: str
    line_width: int
    font_size: int
    rotated: bool
    color: Color
    filled: bool

    def compute(self, rows: list[Row]) -> Iterator[tuple[int, Row]]:
        """Compute the new columns of each row; see `RowMap`."""
        for index, row in enumerate(rows):
            if row[self.image] is None or row[self.regions] is None:
                yield index, {}
                continue
            try:
                picture = self._draw(row[self.image], row[self.regions])
            except FAILURES as error:
                yield index, {EXCEPTION: f"{self.output}: {reason(error)}"}
            else:
                yield index, {self.output: picture}

    def _draw(self, image: Row, regions: list[Row]) -> Row:
        import numpy as np

        from ocr.spark.regions import rotated_rect, upright

        picture = Image.fromarray(from_struct(image))
        canvas = ImageDraw.Draw(picture)
        color = ImageColor.getrgb(self.color.value)
        font = ImageFont.load_default(size=self.font_size)
        for number, region in enumerate(regions, start=1):
            corners = rotated_rect(region).polygon()
            if not self.rotated:
                box = upright(corners)
                left, top = box["x"], box["y"]
                right, bottom = left + box["width"], top + box["height"]
                corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
            ring = [(float(x), float(y)) for x, y in corners]
            if self.filled:
                canvas.polygon(ring, fill=color)
            canvas.line([*ring, *ring[:2]], fill=color, width=self.line_width, joint="curve")
            ink = "black" if self.filled and sum(color) > 382 else "white" if self.filled else color
            canvas.text(ring[0], str(number), fill=ink, font=font, anchor="lt" if self.filled else "lb")
        return to_struct(
            np.asarray(picture), origin=image["origin"] or "", resolution=image.get("resolution") or 0
        )
