"""Detector maps of pictures too long for one look: of overlapping tiles, blended where they overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from ocr.models.detector import DetectorOutput

MAX_TILE = 2560
"""Longest side in input pixels that the network sees at once."""

OVERLAP = 256
"""Input pixels that neighboring tiles share: about eight lines of context on either side of a seam."""

GRID = 32
"""Tiles begin at multiples of this many input pixels, so that the network's cells lie as in one whole picture."""


def spans(length: int) -> list[tuple[int, int]]:
    """Overlapping parts (start, end) of a side of `length` input pixels, of about equal lengths; one if it fits."""
    if length <= MAX_TILE:
        return [(0, length)]
    count = -(-(length - OVERLAP) // (MAX_TILE - OVERLAP - GRID))
    step = -(-(length - OVERLAP) // (count * GRID)) * GRID
    return [(start, min(start + step + OVERLAP, length)) for start in range(0, length - OVERLAP, step)]


def tiled_maps(
    image: np.ndarray, look: Callable[[np.ndarray], DetectorOutput], *, stride: int
) -> DetectorOutput:
    """Compute the maps of a picture of input pixels, uint8 (h, w) or (h, w, 3), from those of its tiles.

    Each map is a weighted mean of the tiles that show a cell; the weight of a tile falls to 0 towards its seams,
    where it lacks context. Lines are found in the whole map, so no seam cuts or repeats one.

    Args:
        look: the network, from the pixels of a tile (h', w') to maps of one picture (1, ..., ceil(h'/s), ceil(w'/s)).
        stride: input pixels of a cell.
    """
    height, width = image.shape[:2]
    size = -(-height // stride), -(-width // stride)
    total: dict[str, torch.Tensor] = {}
    weights = torch.zeros(size)
    for (top, bottom), (left, right) in _tiles(height, width):
        output = look(np.ascontiguousarray(image[top:bottom, left:right]))
        weight = torch.outer(
            _ramp(bottom - top, stride, first=top == 0, last=bottom == height),
            _ramp(right - left, stride, first=left == 0, last=right == width),
        )
        rows = slice(top // stride, top // stride + weight.shape[0])
        columns = slice(left // stride, left // stride + weight.shape[1])
        weights[rows, columns] += weight
        for name, value in vars(output).items():
            if value is not None:
                if name not in total:
                    total[name] = value.new_zeros((*value.shape[:-2], *size))
                total[name][..., rows, columns] += value * weight
    return DetectorOutput(**{name: value / weights for name, value in total.items()})


def _tiles(height: int, width: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    for rows in spans(height):
        for columns in spans(width):
            yield rows, columns


def _ramp(length: int, stride: int, *, first: bool, last: bool) -> torch.Tensor:
    """(ceil(length / stride),) weights: 1 inside, falling to nearly 0 at the ends that are seams."""
    cells = -(-length // stride)
    at = torch.arange(cells) + 0.5
    overlap = OVERLAP / stride
    weight = torch.ones(cells)
    if not first:
        weight = torch.minimum(weight, at / overlap)
    if not last:
        weight = torch.minimum(weight, (cells - at) / overlap)
    return weight
