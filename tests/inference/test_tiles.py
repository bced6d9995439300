"""Strips: pictures much longer than wide, or much wider than high, are seen in tiles that leave no trace."""

import cv2
import numpy as np
import pytest
import torch

from ocr.bundle import Bundle
from ocr.image.io import load_image
from ocr.inference.detector import LineFinder
from ocr.inference.tiles import GRID, MAX_TILE, OVERLAP, spans, tiled_maps
from ocr.models.detector import DetectorOutput
from tests.helpers.ink_detector import finder, page


@pytest.mark.parametrize("length", [1, 31, 2560, 2561, 2600, 4000, 5000, 12345, 200_000])
def test_spans_cover_a_side_and_overlap(length):
    found = spans(length)
    assert found[0][0] == 0 and found[-1][1] == length
    for start, end in found:
        assert 0 < end - start <= MAX_TILE and start % GRID == 0
    for left, right in zip(found, found[1:], strict=False):
        assert left[1] - right[0] >= OVERLAP, "each seam has context on both sides"


@pytest.mark.parametrize(
    "size", [(2 * MAX_TILE + 333, 75), (75, MAX_TILE + 77), (MAX_TILE + 1, MAX_TILE + 2)]
)
def test_maps_of_tiles_are_those_of_the_whole_where_the_network_sees_cell_by_cell(size):
    """No seam shows, in either direction, with cells that do not divide the sides."""
    image = np.random.default_rng(0).integers(0, 256, size, np.uint8)

    def look(pixels):
        maps = torch.from_numpy(np.ascontiguousarray(pixels[::4, ::4])).float()[None]
        return DetectorOutput(maps, -maps, None, torch.stack([maps, 2 * maps], dim=1))

    whole, tiled = look(image), tiled_maps(image, look, stride=4)
    assert tiled.line is None
    for name in ("region", "affinity", "extent"):
        torch.testing.assert_close(getattr(tiled, name), getattr(whole, name), atol=1e-3, rtol=0)


def bars(count: int, *, across: int, pitch: int = 60) -> np.ndarray:
    """A column of `count` lines, `pitch` pixels apart, each `across` pixels long."""
    core = pitch // 5
    bars = ((20, pitch * (i + 1) - core, 20 + across, pitch * (i + 1)) for i in range(count))
    return page(*bars, size=(pitch * (count + 1), across + 40))


@pytest.mark.parametrize(
    ("image", "count", "reason"),
    [
        (bars(110, across=360), 110, "a receipt"),
        (bars(80, across=1260, pitch=160), 80, "a page of 1300 pixels that never ends"),
        (bars(6, across=9000), 6, "a panorama, whose lines run across all seams"),
        (bars(1, across=12000), 1, "a single line"),
        (bars(110, across=60), 110, "hardly wider than a word"),
    ],
)
def test_each_line_of_a_strip_is_found_once_and_whole(image, count, reason):
    lines = finder().find(image)
    assert len(lines) == count, reason
    tops = [line.baseline[:, 1].mean() for line in lines]
    assert tops == sorted(tops), reason
    for line in lines:
        assert np.ptp(line.baseline[:, 0]) > image.shape[1] - 70, f"{reason}: cut"


@pytest.mark.slow
@pytest.mark.weights
@pytest.mark.parametrize(("axis", "reason"), [(0, "tall"), (1, "wide")])
def test_pages_in_a_row_are_found_as_each_alone(axis, reason):
    """The shipped detector finds about as many lines as on each page alone."""
    letter = load_image("examples/letter.jpg")
    letter = cv2.resize(letter, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    letter = cv2.copyMakeBorder(letter, 20, 20, 60, 60, cv2.BORDER_REPLICATE)
    find = LineFinder(Bundle.load("image_text_detector_v2"))
    strip = np.concatenate([letter] * 4, axis=axis)
    assert len(find.find(strip)) == pytest.approx(4 * len(find.find(letter)), rel=0.05), reason
