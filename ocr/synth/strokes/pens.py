"""Pens: the width and the darkness of a line of ink, from the path of the pen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from ocr.synth.degrade import grain_tile
from ocr.synth.strokes.library import Strokes

SUPERSAMPLING = 4
"""Pixels of the drawing surface, in each direction, per pixel of the result."""
STEP = 0.11
"""Longest piece of a drawn curve, in x-heights."""
MAX_PIECES = 10
"""Straight pieces per segment between two stored pen positions."""


@dataclass(frozen=True)
class Pen:
    """Shape and flow of a pen. Widths are in x-heights."""

    width: float
    """Mean width of a line."""
    nib_contrast: float = 0.0
    """0: round point; towards 1: broad nib, thin along `nib_angle` and wide across it."""
    nib_angle: float = 0.7
    """Direction of the broad nib's edge, radians from horizontal, counterclockwise."""
    swell: float = 0.0
    """Share by which a flexible point widens on strokes towards the writer (downwards)."""
    taper: float = 0.0
    """Share of the width lost at the ends of a stroke."""
    curvature_gain: float = 0.0
    """Share of the width gained in tight curves, where the pen is slow."""
    grain: float = 0.0
    """Depth, 0 to 1, of the paper's grain in the line (pencil)."""
    fade: float = 0.0
    """Depth, 0 to 1, of slow changes of the ink's darkness."""
    breaks: float = 0.0
    """Share of the line, 0 to 1, where the ink does not flow."""


def sample_pen(rng: np.random.Generator, *, old: bool) -> Pen:
    """Draw a pen at random; `old` prefers nibs and flexible points."""
    kinds = ("ball", "felt", "fountain", "flexible", "pencil", "marker")
    shares = (0.08, 0.02, 0.34, 0.46, 0.08, 0.02) if old else (0.46, 0.14, 0.16, 0.06, 0.13, 0.05)
    kind = kinds[int(rng.choice(len(kinds), p=shares))]
    return _SAMPLERS[kind](rng)


def _ball(rng: np.random.Generator) -> Pen:
    return Pen(
        width=0.105 * math.exp(rng.normal(0, 0.28)),
        taper=rng.uniform(0, 0.35),
        curvature_gain=rng.uniform(0, 0.3),
        fade=rng.uniform(0, 0.45),
        breaks=rng.uniform(0.01, 0.07) if rng.random() < 0.3 else 0.0,
    )


def _felt(rng: np.random.Generator) -> Pen:
    return Pen(width=0.17 * math.exp(rng.normal(0, 0.22)), curvature_gain=rng.uniform(0, 0.2))


def _fountain(rng: np.random.Generator) -> Pen:
    return Pen(
        width=0.125 * math.exp(rng.normal(0, 0.28)),
        nib_contrast=rng.uniform(0.2, 0.8),
        nib_angle=rng.normal(0.7, 0.25),
        taper=rng.uniform(0, 0.3),
        fade=rng.uniform(0, 0.4),
    )


def _flexible(rng: np.random.Generator) -> Pen:
    return Pen(
        width=0.1 * math.exp(rng.normal(0, 0.3)),
        swell=rng.uniform(0.4, 2.0),
        taper=rng.uniform(0.1, 0.5),
        fade=rng.uniform(0.1, 0.5),
        breaks=rng.uniform(0.01, 0.06) if rng.random() < 0.2 else 0.0,
    )


def _pencil(rng: np.random.Generator) -> Pen:
    return Pen(
        width=0.12 * math.exp(rng.normal(0, 0.3)),
        taper=rng.uniform(0, 0.3),
        grain=rng.uniform(0.25, 0.8),
        fade=rng.uniform(0.1, 0.5),
    )


def _marker(rng: np.random.Generator) -> Pen:
    return Pen(
        width=0.25 * math.exp(rng.normal(0, 0.2)),
        nib_contrast=rng.uniform(0, 0.5),
        nib_angle=rng.normal(0.7, 0.3),
    )


_SAMPLERS = {
    "ball": _ball,
    "felt": _felt,
    "fountain": _fountain,
    "flexible": _flexible,
    "pencil": _pencil,
    "marker": _marker,
}


@dataclass(frozen=True)
class PenPath:
    """A smooth path of the pen, in pieces short enough to be drawn straight. Units as in `Strokes`."""

    points: np.ndarray
    """(m, 2) float32."""
    starts: np.ndarray
    """(s,) int64 index of the first point of each stroke."""


def smooth(strokes: Strokes, *, roundness: float = 1.0, corner: float = 2.0) -> PenPath:
    """Centripetal Catmull-Rom spline through the pen positions (Yuksel et al. 2011).

    Args:
        roundness: factor on the tangents; 0 gives straight lines.
        corner: turning angle in radians from which a position stays a corner.
    """
    points, n = strokes.points, len(strokes.points)
    first = np.zeros(n, bool)
    first[strokes.starts] = True
    last = np.roll(first, -1)
    last[-1] = True
    segments = np.flatnonzero(~last)  # segment i runs from point i to point i + 1
    if not len(segments):
        return PenPath(points, strokes.starts)
    chord = points[np.minimum(np.arange(n) + 1, n - 1)] - points
    length = np.hypot(chord[:, 0], chord[:, 1]) + 1e-6
    time = np.sqrt(length)[:, None]
    before = np.roll(np.arange(n), 1)
    inner = ~first & ~last
    slope, slope_before = chord / time, chord[before] / time[before]
    # Tangent per unit of centripetal time at each inner position; ends follow their only chord.
    tangent = (time * slope_before + time[before] * slope) / (time + time[before])
    tangent[first] = slope[first]
    tangent[last & ~first] = slope_before[last & ~first]
    turn = np.abs(_turning(chord[before], chord))
    sharp = inner & (turn > corner)
    leave, arrive = tangent.copy(), tangent
    leave[sharp], arrive[sharp] = slope[sharp], slope_before[sharp]
    pieces = np.clip(np.ceil(length[segments] / STEP), 1, MAX_PIECES).astype(np.int64)
    number = np.repeat(np.arange(len(segments)), pieces)
    offset = np.arange(len(number)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    u = ((offset + 1) / pieces[number])[:, None].astype(np.float32)
    a = segments[number]
    scale = np.float32(roundness) * time[a]
    p0, p1, m0, m1 = points[a], points[a + 1], leave[a] * scale, arrive[a + 1] * scale
    straight = p0 + u * (p1 - p0)
    # Hermite form written as the straight line plus what bends it.
    bend = u * (1 - u) * ((1 - u) * (m0 - (p1 - p0)) - u * (m1 - (p1 - p0)))
    return _insert_starts(straight + bend, a, points, strokes.starts)


def _insert_starts(drawn: np.ndarray, segment: np.ndarray, points: np.ndarray, starts: np.ndarray) -> PenPath:
    """Put the first position of each stroke before the pieces drawn from it."""
    where = np.searchsorted(segment, starts)
    curve = np.insert(drawn, where, points[starts], axis=0).astype(np.float32)
    return PenPath(curve, where + np.arange(len(starts)))


def _turning(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(n,) signed angles in radians from the directions `before` to `after`, both (n, 2)."""
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    return np.arctan2(cross, (before * after).sum(axis=1))


def widths(curve: PenPath, pen: Pen) -> np.ndarray:
    """(m,) float32 width of the line at each point of a curve, in x-heights."""
    points, m = curve.points, len(curve.points)
    chord = np.diff(points, axis=0, prepend=points[:1])
    chord[curve.starts] = chord[np.minimum(curve.starts + 1, m - 1)]
    length = np.hypot(chord[:, 0], chord[:, 1]) + 1e-6
    width = np.full(m, pen.width, np.float32)
    if pen.nib_contrast:
        across = np.abs(np.sin(np.arctan2(-chord[:, 1], chord[:, 0]) - pen.nib_angle))
        width *= 1 - pen.nib_contrast * (1 - across) + 0.3 * pen.nib_contrast
    if pen.swell:
        down = np.clip(chord[:, 1] / length, 0, 1)
        width *= 1 + pen.swell * cv2.blur(down.reshape(1, -1).astype(np.float32), (5, 1)).ravel()
    if pen.curvature_gain:
        turn = np.abs(_turning(np.roll(chord, 1, axis=0), chord)) / (length + 0.05)
        width *= 1 + pen.curvature_gain * np.minimum(turn / 6, 1).astype(np.float32)
    if pen.taper:
        width *= 1 - pen.taper * _near_ends(curve, length)
    return width


def _near_ends(curve: PenPath, length: np.ndarray) -> np.ndarray:
    """(m,) 1 at the ends of a stroke, falling to 0 within half an x-height."""
    reach = np.cumsum(length)
    stops = np.append(curve.starts[1:], len(curve.points)) - 1
    counts = stops - curve.starts + 1
    from_start = reach - np.repeat(reach[curve.starts], counts)
    to_stop = np.repeat(reach[stops], counts) - reach
    return np.clip(1 - 2 * np.minimum(from_start, to_stop), 0, 1).astype(np.float32)


def draw(
    canvas: np.ndarray, curve: PenPath, width: np.ndarray, *, scale: float, origin: tuple[float, float]
) -> None:
    """Draw a curve into a supersampled canvas, in place.

    Args:
        canvas: uint8 (h, w), `SUPERSAMPLING` times the size of the picture; ink is 255.
        width: (m,) from `widths`. scale: pixels of the picture per x-height.
        origin: (x, y) of the curve's origin in pixels of the picture.
    """
    factor = SUPERSAMPLING
    xy = ((curve.points * scale + np.asarray(origin, np.float32)) * factor).round().astype(np.int32)
    thickness = np.maximum(1, np.rint(width * (scale * factor))).astype(np.int64)
    first = np.zeros(len(xy), bool)
    first[curve.starts] = True
    change = first.copy()
    change[1:] |= thickness[1:] != thickness[:-1]
    begins = np.flatnonzero(change)
    ends = np.append(begins[1:], len(xy))
    # Consecutive runs share a point, so that a change of width leaves no gap; a stroke's first run does not.
    begins = np.where(first[begins], begins, begins - 1)
    by_thickness: dict[int, list[np.ndarray]] = {}
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        by_thickness.setdefault(int(thickness[end - 1]), []).append(xy[begin:end])
    for size, runs in by_thickness.items():
        cv2.polylines(canvas, runs, isClosed=False, color=255, thickness=size)


def flow(ink: np.ndarray, pen: Pen, rng: np.random.Generator) -> np.ndarray:
    """Let the ink (uint8, (h, w)) fade, break and take the grain of the paper as the pen does."""
    height, width = ink.shape
    if not (pen.fade or pen.grain or pen.breaks):
        return ink
    density = np.ones((height, width), np.float32)
    if pen.fade:
        knots = 1 - pen.fade * rng.random((2, max(2, width // 24)), np.float32)
        density *= cv2.resize(knots, (width, height), interpolation=cv2.INTER_LINEAR)
    if pen.grain:
        density *= np.clip(1 - pen.grain * (0.4 + 0.5 * grain_tile(rng, height, width)), 0.05, 1)
    if pen.breaks:
        noise = rng.random((max(2, height // 3), max(2, width // 3)), np.float32)
        holes = cv2.resize((noise < pen.breaks).astype(np.float32), (width, height))
        density *= 1 - 0.9 * holes
    return cv2.multiply(ink, density, dtype=cv2.CV_8U)
