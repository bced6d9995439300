"""New hands out of recorded ones: changes of shape, made on the strokes before they are drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ocr.synth.strokes.library import Strokes

WORD_GAP = 0.6
"""Width in x-heights from which a gap between strokes counts as a space between words."""


@dataclass(frozen=True)
class HandChange:
    """Change of a hand. Lengths are in x-heights; factors of 1 and offsets of 0 change nothing."""

    slant: float = 0.0
    """Shear added, in x-heights sideways per x-height of height; positive leans to the right."""
    width: float = 1.0
    """Horizontal factor."""
    ascenders: float = 1.0
    """Factor on what rises above the x-height."""
    descenders: float = 1.0
    """Factor on what hangs below the baseline."""
    letter_gaps: float = 1.0
    """Factor on the gaps between strokes within a word."""
    word_gaps: float = 1.0
    """Factor on the gaps between words."""
    gap_jitter: float = 0.0
    """Spread of the gaps between words, as the logarithm of a factor."""
    drift: float = 0.0
    """Depth of the slow wave of the baseline."""
    rise: float = 0.0
    """Slope of the baseline; positive falls to the right."""
    sway: float = 0.0
    """Depth of the slow widening and narrowing along the line."""
    wobble: float = 0.0
    """Amplitude of a smooth displacement that makes repeated letters differ."""
    tremor: float = 0.0
    """Amplitude of the shaking of the pen."""
    roundness: float = 1.0
    """Factor on the tangents of the drawn curves."""
    corner: float = 2.0
    """Turning angle in radians from which the pen makes a corner."""


def sample_change(rng: np.random.Generator, *, old: bool, slant: float = 0.0) -> HandChange:
    """Draw a change at random.

    Args:
        old: lean, widen and lengthen towards the hands of the 19th century. slant: of the hand as it is.
    """
    # Old hands are written to a model, with one slant for all; new ones vary about their own.
    lean = rng.normal(0.72, 0.2) - slant if old else rng.normal(0.06, 0.2)
    return HandChange(
        slant=float(np.clip(lean, -0.35, 1.1)),
        width=math.exp(rng.normal(0.35, 0.25) if old else rng.normal(0.02, 0.2)),
        ascenders=math.exp(rng.normal(0.3, 0.2) if old else rng.normal(0.0, 0.15)),
        descenders=math.exp(rng.normal(0.25, 0.22) if old else rng.normal(0.0, 0.18)),
        letter_gaps=math.exp(rng.normal(0, 0.3)),
        word_gaps=math.exp(rng.normal(-0.12, 0.3)),
        gap_jitter=rng.uniform(0, 0.25),
        drift=abs(rng.normal(0, 0.1)),
        rise=rng.normal(0, 0.008),
        sway=abs(rng.normal(0, 0.12)),
        wobble=0.0 if rng.random() < 0.2 else rng.uniform(0.01, 0.07),
        tremor=rng.uniform(0.01, 0.035) if rng.random() < 0.12 else 0.0,
        roundness=rng.uniform(0.7, 1.15),
        corner=rng.uniform(1.2, 2.4),
    )


def change_hand(strokes: Strokes, change: HandChange, rng: np.random.Generator) -> Strokes:
    """Apply a change to strokes; the label stays true."""
    points = change_gaps(strokes, change, rng).points.copy()
    x, y = points[:, 0], points[:, 1]
    y[:] = np.where(y < -1, -1 + (y + 1) * change.ascenders, np.where(y > 0, y * change.descenders, y))
    length = max(float(x.max()), 1.0)
    if change.wobble:
        points += _smooth_noise(rng, points, change.wobble)
    if change.tremor:
        points += change.tremor * rng.standard_normal(points.shape, np.float32)
    if change.sway:
        x += change.sway * _wave(rng, x, period=4.0)
    x *= np.float32(change.width)
    if change.drift:
        phase, waves = rng.uniform(0, 2 * np.pi), rng.uniform(0.4, 1.6)
        y += np.float32(change.drift) * np.sin(2 * np.pi * waves * x / (length * change.width) + phase)
    x -= np.float32(change.slant) * y
    y += np.float32(change.rise) * x
    x -= x.min()
    return replace(strokes, points=points)


def change_gaps(strokes: Strokes, change: HandChange, rng: np.random.Generator) -> Strokes:
    """Widen or narrow the empty columns between consecutive strokes."""
    if len(strokes.starts) < 2:
        return strokes
    x = strokes.points[:, 0]
    reached = np.maximum.accumulate(np.maximum.reduceat(x, strokes.starts))[:-1]
    ahead = np.minimum.accumulate(np.minimum.reduceat(x, strokes.starts)[::-1])[::-1][1:]
    gap = np.maximum(ahead - reached, 0)
    spread = np.exp(change.gap_jitter * rng.standard_normal(len(gap)))
    factor = np.where(
        gap > WORD_GAP, np.maximum(change.word_gaps * spread, WORD_GAP / np.maximum(gap, 1e-3)), 1
    )
    factor = np.where(gap <= WORD_GAP, change.letter_gaps, factor)
    shift = np.concatenate(([0], np.cumsum(gap * (factor - 1)))).astype(np.float32)
    points = strokes.points.copy()
    points[:, 0] += shift[strokes.stroke_of_point]
    return replace(strokes, points=points)


def _wave(rng: np.random.Generator, x: np.ndarray, *, period: float) -> np.ndarray:
    """Smooth noise of unit size over x, with knots `period` apart."""
    count = max(3, int(float(x.max()) / period) + 2)
    return np.interp(x, np.arange(count) * period, rng.standard_normal(count)).astype(np.float32)


def _smooth_noise(rng: np.random.Generator, points: np.ndarray, amplitude: float) -> np.ndarray:
    """(n, 2) displacement that changes over about a letter's width; different above and below the middle."""
    noise = np.stack([_wave(rng, points[:, 0], period=0.9) for _ in range(4)])
    low = np.clip(points[:, 1] + 1, 0, 1)
    mixed = noise[:2] * low + noise[2:] * (1 - low)
    return (amplitude * mixed * np.array([[1.0], [0.7]])).T.astype(np.float32)
