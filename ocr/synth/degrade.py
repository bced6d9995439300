"""Turn the ink of a line into a scan or photograph of it: paper, rules, stains, blur, noise and contrast.

No pixel is moved here (the renderer does that), so that boxes stay exact. Images are uint8 gray.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from ocr.image.encode import jpeg_artifacts
from ocr.synth.cross_out import LINE_STYLE, cross_out
from ocr.synth.render import RenderedLine


@dataclass(frozen=True)
class DegradeSettings:
    """Probability of each effect per line."""

    white_paper: float = 0.36
    linen: float = 0.22
    grain: float = 0.45
    shade: float = 0.30
    shadow: float = 0.08
    rule: float = 0.30
    squared: float = 0.05
    bleed: float = 0.12
    underline: float = 0.03
    bracket: float = 0.015
    hole: float = 0.015
    edge: float = 0.03
    specks: float = 0.10
    fold: float = 0.05
    pencil: float = 0.12
    blur: float = 0.30
    low_resolution: float = 0.15
    noise: float = 0.30
    low_contrast: float = 0.12
    bilevel: float = 0.07
    jpeg: float = 0.35


def degrade(line: RenderedLine, rng: np.random.Generator, settings: DegradeSettings | None) -> np.ndarray:
    """Draw a line on random paper and record it with a random device.

    Returns:
        uint8 (h, w) picture; black on white where `settings` is None.
    """
    ink = line.ink
    for box in line.struck:
        ink = cross_out(ink, box, rng, LINE_STYLE)
    if settings is None:
        return 255 - ink
    ink = _add_pen_marks(ink, line, rng, settings)
    paper, level = _make_paper(ink, rng, settings)
    _print_and_soil(paper, level, line, rng, settings)
    image = _apply_ink(paper, ink, level, rng, settings)
    image = _damage_and_light(image, level, rng, settings)
    image = _record(image, rng, settings)
    return _store(image, rng, settings)


def _happens(rng: np.random.Generator, probability: float) -> bool:
    return bool(rng.random() < probability)


def _add_pen_marks(
    ink: np.ndarray, line: RenderedLine, rng: np.random.Generator, settings: DegradeSettings
) -> np.ndarray:
    """Add an underline or the end of a frame to the ink, each by chance."""
    if _happens(rng, settings.underline):
        ink = _underline(ink, line, rng)
    if _happens(rng, settings.bracket):
        ink = _bracket(ink, rng)
    return ink


def _make_paper(
    ink: np.ndarray, rng: np.random.Generator, settings: DegradeSettings
) -> tuple[np.ndarray, float]:
    """Make a float32 (h, w) sheet with texture, ink from its back and uneven light, and its mean gray value."""
    height, width = ink.shape
    white = _happens(rng, settings.white_paper)
    level = rng.uniform(247, 255) if white else rng.uniform(190, 248)
    paper = np.full((height, width), level, np.float32)
    if not white:
        if _happens(rng, settings.linen):
            paper += _tile(_linen(), rng, height, width) * rng.uniform(3, 17)
        if _happens(rng, settings.grain):
            paper += _tile(_grain(int(rng.integers(3))), rng, height, width) * rng.gamma(2, 1.7)
        if _happens(rng, settings.bleed):
            shift = int(rng.integers(width))
            ghost = cv2.GaussianBlur(np.roll(ink[:, ::-1], shift, 1), (0, 0), rng.uniform(1, 2.5))
            paper -= np.roll(ghost, int(rng.integers(-12, 13)), 0) * np.float32(rng.uniform(0.05, 0.25))
    if _happens(rng, settings.shade):
        knots = rng.uniform(-1, 1, (2, 3)).astype(np.float32) * rng.uniform(3, 22)
        paper += cv2.resize(knots, (width, height), interpolation=cv2.INTER_LINEAR)
    return paper, level


def _print_and_soil(
    paper: np.ndarray, level: float, line: RenderedLine, rng: np.random.Generator, settings: DegradeSettings
) -> None:
    """Add printed rules or squares, a fold and specks to the paper, in place."""
    if _happens(rng, settings.squared):
        _squares(paper, line, rng)
    elif _happens(rng, settings.rule):
        _rule(paper, line, rng)
    if _happens(rng, settings.fold):
        _fold(paper, level, rng)
    if _happens(rng, settings.specks):
        _specks(paper, rng)


def _apply_ink(
    paper: np.ndarray, ink: np.ndarray, level: float, rng: np.random.Generator, settings: DegradeSettings
) -> np.ndarray:
    """Lay ink of a random darkness on the paper; a pencil leaves some grain of the paper free."""
    tone = rng.uniform(95, 165) if _happens(rng, settings.pencil) else rng.triangular(0, 20, 120)
    alpha = ink.astype(np.float32) * (1 / 255)
    if _happens(rng, settings.pencil * 0.7):
        alpha *= np.clip(0.8 + 0.35 * _tile(_grain(0), rng, *ink.shape), 0, 1)
    return paper + alpha * (np.minimum(tone, level - 50) - paper)


def _damage_and_light(
    image: np.ndarray, level: float, rng: np.random.Generator, settings: DegradeSettings
) -> np.ndarray:
    """Punch a hole, let the sheet end inside the picture, cast a shadow and reduce contrast, each by chance."""
    height, width = image.shape
    if _happens(rng, settings.hole):
        _hole(image, level, rng)
    if _happens(rng, settings.edge):
        # Beyond the end of the sheet lies the desk or the lid of the scanner.
        reach = int(rng.integers(1, max(2, height // 8)))
        rows = slice(0, reach) if rng.random() < 0.5 else slice(height - reach, height)
        image[rows] = rng.uniform(0, 140)
    if _happens(rng, settings.shadow):
        edge, soft = rng.uniform(0, width), rng.uniform(20, 200)
        side = 1 if rng.random() < 0.5 else -1
        ramp = 0.5 - 0.5 * np.tanh(side * (np.arange(width, dtype=np.float32) - edge) / (2 * soft))
        image *= 1 - rng.uniform(0.1, 0.45) * ramp
    if _happens(rng, settings.low_contrast):
        low, high = rng.uniform(20, 90), rng.uniform(150, 235)
        image = low + image * ((high - low) / 255)
    return image


def _record(image: np.ndarray, rng: np.random.Generator, settings: DegradeSettings) -> np.ndarray:
    """Lose resolution or sharpness and add noise, as a camera or scanner does. Returns uint8."""
    height, width = image.shape
    if _happens(rng, settings.low_resolution):
        factor = rng.uniform(0.4, 0.8)
        small = cv2.resize(
            image, (max(4, int(width * factor)), int(height * factor)), interpolation=cv2.INTER_AREA
        )
        image = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    elif _happens(rng, settings.blur):
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.3))
    if _happens(rng, settings.noise):
        image = image + _tile(_grain(0), rng, height, width) * rng.gamma(1.6, 2.5)
    return np.clip(image, 0, 255).astype(np.uint8)


def _store(image: np.ndarray, rng: np.random.Generator, settings: DegradeSettings) -> np.ndarray:
    """Reduce the picture to black and white, and compress it as JPEG, each by chance."""
    if _happens(rng, settings.bilevel):
        threshold, _ = cv2.threshold(image, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        image = cv2.threshold(image, threshold + rng.uniform(-12, 25), 255, cv2.THRESH_BINARY)[1]
    if _happens(rng, settings.jpeg):
        image = jpeg_artifacts(image, int(rng.integers(25, 90)))
    return image


def _fold(paper: np.ndarray, level: float, rng: np.random.Generator) -> None:
    """Draw a dark or bright crease from top to bottom."""
    height, width = paper.shape
    x = int(rng.integers(width))
    end = (x + int(rng.integers(-8, 9)), height)
    cv2.line(paper, (x, 0), end, level + rng.uniform(-60, 40), int(rng.integers(1, 4)), cv2.LINE_AA)


def _specks(paper: np.ndarray, rng: np.random.Generator) -> None:
    """Draw one to eight dark dots."""
    height, width = paper.shape
    for _ in range(int(rng.integers(1, 9))):
        center = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(paper, center, int(rng.integers(1, 3)), rng.uniform(60, 220), -1, cv2.LINE_AA)


def _underline(ink: np.ndarray, line: RenderedLine, rng: np.random.Generator) -> np.ndarray:
    """Draw a pen stroke under one word or under the whole line."""
    ink = ink.copy()
    boxes = [box for _, box in line.words] or [(0, 0, ink.shape[1], ink.shape[0])]
    if rng.random() < 0.6:
        boxes = [boxes[int(rng.integers(len(boxes)))]]
    x0, x1 = min(box[0] for box in boxes), max(box[2] for box in boxes)
    y = float(line.baseline[:, 1].mean()) + rng.uniform(0.15, 0.6) * line.x_height
    ends = [(round(x * 16), round((y + rng.normal(0, 1.5)) * 16)) for x in (x0, x1)]
    cv2.line(ink, ends[0], ends[1], int(rng.integers(150, 256)), int(rng.integers(1, 4)), cv2.LINE_AA, 4)
    return ink


def _bracket(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw the round end of a frame around a passage at one side of the crop; it is taller than a parenthesis."""
    ink = ink.copy()
    height, width = ink.shape
    reach, tall = rng.uniform(3, 12), rng.uniform(1.0, 1.7) * height
    right = rng.random() < 0.5
    center = (width - reach - 2 if right else reach + 2, height * rng.uniform(0.3, 0.7))
    start = -90 if right else 90
    cv2.ellipse(
        ink,
        (round(center[0]), round(center[1])),
        (round(reach), round(tall / 2)),
        0,
        start,
        start + 180,
        int(rng.integers(120, 256)),
        int(rng.integers(1, 3)),
        cv2.LINE_AA,
    )
    return ink


def _hole(image: np.ndarray, level: float, rng: np.random.Generator) -> None:
    """Draw a punched hole, bright with a thin dark rim, at the upper or lower edge."""
    height, width = image.shape
    center = (int(rng.integers(width)), int(rng.choice([0, height]) + rng.integers(-8, 9)))
    radius = int(rng.integers(8, 18))
    cv2.circle(image, center, radius, rng.uniform(235, 255), -1, cv2.LINE_AA)
    cv2.ellipse(image, center, (radius, radius), 0, 200, 340, level - 90, 1, cv2.LINE_AA)


def _rule(paper: np.ndarray, line: RenderedLine, rng: np.random.Generator) -> None:
    """Draw a printed rule near the baseline, with its own slope, at times with a second one above."""
    height, width = paper.shape
    y = float(line.baseline[:, 1].mean()) + rng.normal(1.5, 2.5)
    tone, slope = rng.uniform(70, 220), rng.normal(0, 1.2)
    offsets = [0.0] if rng.random() < 0.7 else [0.0, -height * rng.uniform(0.5, 0.9)]
    for offset in offsets:
        ends = [(0, round((y + offset - slope) * 16)), (width * 16, round((y + offset + slope) * 16))]
        cv2.line(paper, ends[0], ends[1], tone, 1 if rng.random() < 0.8 else 2, cv2.LINE_AA, 4)


def _squares(paper: np.ndarray, line: RenderedLine, rng: np.random.Generator) -> None:
    """Draw squared paper with one rule on the baseline."""
    height, width = paper.shape
    step, tone = rng.uniform(14, 40), rng.uniform(130, 225)
    for x in np.arange(rng.uniform(0, step), width, step):
        cv2.line(paper, (round(x), 0), (round(x), height), tone, 1)
    for y in np.arange(float(line.baseline[0, 1]) % step, height, step):
        cv2.line(paper, (0, round(y)), (width, round(y)), tone, 1)


_TILE = (160, 2048)
"""Height and width in pixels of a texture."""


def _tile(texture: np.ndarray, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Cut a random (height, width) window out of a texture, continued by reflection where the line is larger."""
    y = int(rng.integers(max(1, texture.shape[0] - height)))
    x = int(rng.integers(texture.shape[1] // 2))
    window = texture[y : y + height, x : x + width]
    if window.shape == (height, width):
        return window
    return cv2.copyMakeBorder(
        window, 0, height - window.shape[0], 0, width - window.shape[1], cv2.BORDER_REFLECT
    )


def grain_tile(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Draw (height, width) float32 noise of unit variance, independent per pixel: the grain of paper."""
    return _tile(_grain(0), rng, height, width)


@lru_cache(maxsize=8)
def _grain(kind: int) -> np.ndarray:
    """Draw noise of unit variance: 0 independent pixels, 1 fibers, 2 clouds."""
    rng = np.random.default_rng(kind)
    noise = rng.standard_normal(_TILE, np.float32)
    if kind == 1:
        noise = cv2.GaussianBlur(noise, (0, 0), 1.1) + 0.5 * cv2.GaussianBlur(noise, (0, 0), 4)
    elif kind == 2:
        noise = cv2.GaussianBlur(noise, (0, 0), 7) + 0.02 * noise
    return noise / noise.std()


@lru_cache(maxsize=1)
def _linen() -> np.ndarray:
    """Draw woven threads of limited length and random strength, of unit variance."""
    rng = np.random.default_rng(9)
    across = cv2.GaussianBlur(rng.standard_normal(_TILE, np.float32), (0, 0), sigmaX=12, sigmaY=0.5)
    down = cv2.GaussianBlur(rng.standard_normal(_TILE, np.float32), (0, 0), sigmaX=0.5, sigmaY=9)
    weave = across / across.std() + down / down.std()
    return weave / weave.std()
