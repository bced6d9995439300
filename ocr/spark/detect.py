"""Find text on image structs: the work of `ImageTextDetectorV2`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ocr.spark.images import PAGENUM, from_struct
from ocr.spark.worker import EXCEPTION, FAILURES, Row, RowMap, line_finder, reason, task_device

if TYPE_CHECKING:
    from ocr.detection.settings import DetectionSettings
    from ocr.inference.detector import LineFinder


@dataclass(frozen=True)
class Detect(RowMap):
    """The regions of each image: lines with the refiner, words without. None where there is no image."""

    image: str
    output: str
    bundle: str
    settings: DetectionSettings
    merge: bool
    use_gpu: bool

    def compute(self, rows: list[Row]) -> Iterator[tuple[int, Row]]:
        """Compute the new columns of each row; see `RowMap`."""
        finder = line_finder(self.bundle, task_device(self.use_gpu), self.settings)
        for index, row in enumerate(rows):
            if row[self.image] is None:
                yield index, {}
                continue
            try:
                regions = self._find(finder, from_struct(row[self.image]), row.get(PAGENUM) or 0)
            except FAILURES as error:
                yield index, {EXCEPTION: f"{self.output}: {reason(error)}"}
            else:
                yield index, {self.output: regions}

    def _find(self, finder: LineFinder, image: np.ndarray, page: int) -> list[Row]:
        from ocr.spark.regions import line_region, merge, word_region

        if finder.settings.with_refiner:
            lines = finder.find(image)
            regions = [line_region(line, index=i, page=page) for i, line in enumerate(lines)]
        else:
            words = finder.find_words(image)
            regions = [word_region(word, index=i, page=page) for i, word in enumerate(words)]
        return merge(regions) if self.merge else regions
