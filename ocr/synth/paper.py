"""Paper of synthetic pages: tone, rules, folds, stains, holes and stamps."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from ocr.synth.scribe import Scribe
from ocr.synth.sheet import Sheet

TONES = (
    ((252, 252, 252), 0.34),  # a clean scan
    ((246, 245, 240), 0.22),
    ((240, 232, 212), 0.16),  # cream
    ((224, 206, 172), 0.10),  # old
    ((206, 182, 150), 0.04),
    ((226, 232, 240), 0.05),  # bluish letter paper
    ((250, 244, 190), 0.04),  # yellow pad
    ((214, 214, 214), 0.05),  # gray microfilm
)

TINTS = ((244, 190, 200), (150, 190, 230), (170, 214, 160), (250, 190, 110), (196, 160, 116), (150, 150, 150))
"""Colored paper: pink, blue, green, orange, brown wrapping paper, gray cardboard."""

BOARDS = (
    (38, 66, 52),
    (30, 30, 32),
    (28, 52, 110),
    (120, 30, 34),
    (176, 136, 92),
    (128, 128, 128),
    (0, 0, 0),
)
"""Grounds of light writing: green and black board, blue and red cardboard, brown and gray paper, a negative."""

CHALKS = (
    (250, 250, 250),
    (250, 250, 250),
    (236, 236, 228),
    (250, 232, 150),
    (255, 196, 206),
    (176, 214, 255),
)
"""Colors of light writing."""

RUBBED = 14.0
"""Standard deviation, in gray levels, of the traces of rubbed out chalk on a board."""


def blank_sheet(rng: np.random.Generator, size: tuple[int, int], pitch: float) -> Sheet:
    """Make a blank sheet of `size` (height, width), in some cases with rules `pitch` pixels apart."""
    tone = np.array(TONES[int(rng.choice(len(TONES), p=[share for _, share in TONES]))][0], np.float32)
    tone = np.clip(tone + rng.normal(0, 3, 3), 120, 255)
    height, width = size
    clean = tone.min() > 248 and rng.random() < 0.6
    image = np.empty((height, width, 3), np.float32)
    image[:] = tone
    if not clean:
        clouds = rng.standard_normal((int(rng.integers(3, 9)), int(rng.integers(3, 9)))).astype(np.float32)
        texture = cv2.resize(clouds, (width, height), interpolation=cv2.INTER_CUBIC) * rng.uniform(0.5, 6)
        texture += tile(rng, size, kind=int(rng.choice([0, 1, 1, 2]))) * rng.uniform(0.5, 4)
        image += texture[..., None]
        if rng.random() < 0.3:
            _age_edges(rng, image)
        if rng.random() < 0.25:
            _folds(rng, image)
        if rng.random() < 0.2:
            _stains(rng, image)
    sheet = Sheet(np.clip(image, 0, 255).astype(np.uint8))
    kind = rng.random()
    if kind < 0.34:
        _rule(rng, sheet, pitch)
    elif kind < 0.44:
        _square(rng, sheet, pitch)
    sheet.ink[:] = 0  # rules are not writing
    return sheet


def color_ground(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Turn a written sheet, uint8 (h, w, 3) RGB, into one on colored paper, or into light writing on a board."""
    sheet = image.astype(np.float32)
    if rng.random() < 0.4:
        tint = np.array(TINTS[int(rng.integers(len(TINTS)))], np.float32) + rng.normal(0, 8, 3)
        return np.clip(sheet * tint / 255, 0, 255).astype(np.uint8)
    ground = np.array(BOARDS[int(rng.integers(len(BOARDS)))], np.float32) + rng.normal(0, 6, 3)
    chalk = np.array(CHALKS[int(rng.integers(len(CHALKS)))], np.float32)
    gray = sheet.mean(-1)
    paper, ink = float(np.median(gray)), float(gray.min())
    amount = np.clip((paper - gray) / max(paper - ink, 1.0), 0, 1)[..., None] * rng.uniform(0.75, 1)
    ground = ground + (tile(rng, gray.shape, 2) * rng.uniform(0, RUBBED))[..., None]
    return np.clip(ground * (1 - amount) + chalk * amount, 0, 255).astype(np.uint8)


def tile(rng: np.random.Generator, size: tuple[int, int], kind: int = 0) -> np.ndarray:
    """Cut a random (height, width) float32 window of a texture: 0 grain, 1 fibers, 2 soft clouds, 3 threads."""
    texture = _texture(kind)
    height, width = size
    y, x = int(rng.integers(256)), int(rng.integers(256))
    return cv2.copyMakeBorder(
        texture[y : y + 768, x : x + 768],
        0,
        max(0, height - 768),
        0,
        max(0, width - 768),
        cv2.BORDER_REFLECT,
    )[:height, :width]


@lru_cache(maxsize=4)
def _texture(kind: int) -> np.ndarray:
    rng = np.random.default_rng(kind)
    noise = rng.standard_normal((1024, 1024), np.float32)
    if kind == 1:
        noise = cv2.GaussianBlur(noise, (0, 0), 1.0) + 0.4 * cv2.GaussianBlur(noise, (0, 0), 4)
    elif kind == 2:
        noise = cv2.GaussianBlur(noise, (0, 0), 6) + 0.02 * noise
    elif kind == 3:
        noise = cv2.GaussianBlur(noise, (0, 0), sigmaX=40, sigmaY=0.7) + 0.02 * noise
    return noise / noise.std()


def _age_edges(rng: np.random.Generator, image: np.ndarray) -> None:
    """Darken the sheet towards its edges, in brown."""
    height, width = image.shape[:2]
    y, x = np.linspace(-1, 1, height, dtype=np.float32)[:, None], np.linspace(-1, 1, width, dtype=np.float32)
    edge = np.maximum(np.abs(y), np.abs(x)) ** np.float32(rng.uniform(4, 14))
    image -= edge[..., None] * (np.array([0.5, 0.8, 1.2], np.float32) * np.float32(rng.uniform(10, 60)))


def _folds(rng: np.random.Generator, image: np.ndarray) -> None:
    height, width = image.shape[:2]
    for _ in range(int(rng.integers(1, 4))):
        crease = np.zeros((height, width), np.float32)
        if rng.random() < 0.6:
            y = rng.uniform(0.15, 0.85) * height
            ends = (0, int(y + rng.normal(0, 6))), (width, int(y + rng.normal(0, 6)))
        else:
            x = rng.uniform(0.15, 0.85) * width
            ends = (int(x + rng.normal(0, 6)), 0), (int(x + rng.normal(0, 6)), height)
        cv2.line(crease, *ends, 1.0, int(rng.integers(1, 4)), cv2.LINE_AA)
        image += (cv2.GaussianBlur(crease, (0, 0), rng.uniform(0.6, 2)) * rng.uniform(-45, 20))[..., None]


def _stains(rng: np.random.Generator, image: np.ndarray) -> None:
    height, width = image.shape[:2]
    stain = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(1, 6))):
        center = int(rng.uniform(0, width)), int(rng.uniform(0, height))
        axes = int(rng.uniform(5, 120)), int(rng.uniform(5, 120))
        filled = -1 if rng.random() < 0.7 else int(rng.integers(2, 7))
        cv2.ellipse(
            stain, center, axes, rng.uniform(0, 180), 0, 360, rng.uniform(0.2, 1), filled, cv2.LINE_AA
        )
    stain = cv2.blur(stain, (9, 9)) * np.clip(1 + 0.3 * tile(rng, (height, width), 2), 0, 2)
    image -= stain[..., None] * (np.array([0.6, 0.8, 1.0], np.float32) * np.float32(rng.uniform(10, 60)))


def _rule(rng: np.random.Generator, sheet: Sheet, pitch: float) -> None:
    """Print rules to write on, solid or dotted, at times with a margin line."""
    height, width = sheet.size
    color = ((110, 140, 190), (150, 150, 155), (90, 90, 95), (190, 140, 140))[int(rng.integers(4))]
    strength, thickness = int(rng.uniform(40, 210)), 1 if rng.random() < 0.8 else 2
    sheet.pitch, sheet.first_rule = pitch, float(rng.uniform(1.0, 3.5) * pitch)
    left, right = (0, width) if rng.random() < 0.6 else (0.06 * width, 0.94 * width)
    alpha = np.zeros(sheet.size, np.uint8)
    dotted = rng.random() < 0.2
    for y in np.arange(sheet.first_rule, height - 0.3 * pitch, pitch):
        cv2.line(alpha, (int(left), round(y)), (int(right), round(y)), strength, thickness)
    if dotted:
        alpha[:, np.arange(width) % 5 >= 2] = 0
    sheet.lay(alpha, 0, 0, color)
    if rng.random() < 0.35:
        x = rng.uniform(0.06, 0.14) * width
        sheet.stroke(np.array([[x, 0], [x, height]]), (200, 90, 100), strength=int(rng.uniform(80, 220)))


def _square(rng: np.random.Generator, sheet: Sheet, pitch: float) -> None:
    """Print squares, of which a line of text takes one to three."""
    height, width = sheet.size
    step = pitch / int(rng.integers(1, 4))
    color = ((120, 150, 200), (150, 150, 150), (160, 190, 150))[int(rng.integers(3))]
    strength = int(rng.uniform(40, 170))
    alpha = np.zeros(sheet.size, np.uint8)
    alpha[np.round(np.arange(step / 2, height - 1, step)).astype(int)] = strength
    alpha[:, np.round(np.arange(rng.uniform(0, step), width - 1, step)).astype(int)] = strength
    sheet.pitch, sheet.first_rule = pitch, step / 2
    sheet.lay(alpha, 0, 0, color)


def bleed_through(rng: np.random.Generator, sheet: Sheet) -> None:
    """Add the ink of the sheet, mirrored and blurred, as if from its back; it is not labeled."""
    ghost = cv2.GaussianBlur(sheet.ink[:, ::-1], (0, 0), rng.uniform(1.0, 2.2))
    ghost = np.roll(ghost, (int(rng.integers(-40, 41)), int(rng.integers(-40, 41))), (0, 1))
    faded = (ghost * np.float32(rng.uniform(0.06, 0.28))).astype(np.uint8)
    kept = sheet.ink.copy()
    sheet.lay(faded, 0, 0, (90, 70, 50))
    sheet.ink = kept


def punch_holes(rng: np.random.Generator, sheet: Sheet) -> None:
    """Punch two to four filing holes near an edge."""
    height, width = sheet.size
    radius = round(0.011 * height)
    x = round(0.03 * width) if rng.random() < 0.8 else round(0.97 * width)
    for share in np.linspace(0.15, 0.85, int(rng.integers(2, 5))):
        tone = (40, 40, 40) if rng.random() < 0.5 else (225, 225, 225)
        cv2.circle(sheet.image, (x, round(share * height)), radius, tone, -1, cv2.LINE_AA)


def stamp(rng: np.random.Generator, sheet: Sheet, scribe: Scribe) -> None:
    """Stamp the sheet with a round or square office stamp; its area is ignored as text."""
    height, width = sheet.size
    color = ((110, 60, 140), (160, 40, 50), (40, 60, 150), (40, 40, 40))[int(rng.integers(4))]
    radius = rng.uniform(0.03, 0.075) * height
    center = np.array([rng.uniform(0.12, 0.88) * width, rng.uniform(0.05, 0.95) * height])
    angle = rng.normal(0, 12)
    size = int(2.6 * radius), int(2.6 * radius)
    alpha = np.zeros(size, np.uint8)
    middle = (size[1] // 2, size[0] // 2)
    round_one = rng.random() < 0.65
    flat = radius * (1.0 if round_one else rng.uniform(0.4, 0.8))
    if round_one:
        for share in (1.0, 0.93, 0.6)[: int(rng.integers(1, 4))]:
            cv2.circle(alpha, middle, int(radius * share), 255, int(rng.integers(1, 3)), cv2.LINE_AA)
    else:
        corner = (
            (int(middle[0] - radius), int(middle[1] - flat)),
            (int(middle[0] + radius), int(middle[1] + flat)),
        )
        cv2.rectangle(alpha, *corner, 255, int(rng.integers(1, 4)))
    letters = Sheet(np.full((*size, 3), 255, np.uint8))
    count = int(rng.integers(1, 4))
    hand = scribe.hand(rng, max(4.0, flat / count * 0.42), kind="print")
    for row in range(count):
        y = middle[1] + (row - (count - 1) / 2) * flat / count * 1.1 + hand.x_height / 2
        letters.write(
            scribe,
            rng,
            hand,
            middle[0] - 0.62 * radius,
            y,
            width=1.24 * radius,
            align=0.5,
            fill=rng.uniform(0.5, 1),
        )
    alpha = np.maximum(alpha, letters.ink)
    turn = cv2.getRotationMatrix2D(middle, -angle, 1.0)
    alpha = cv2.warpAffine(alpha, turn, (size[1], size[0]))
    worn = np.clip(rng.uniform(0.4, 0.95) + 0.25 * tile(rng, size, 2), 0, 1)
    sheet.lay((alpha * worn).astype(np.uint8), int(center[0]) - middle[0], int(center[1]) - middle[1], color)
    around = np.linspace(0, 2 * np.pi, 17)[:-1] if round_one else np.pi / 4 + np.arange(4) * np.pi / 2
    reach = np.array([1.05 * radius, 1.05 * flat]) * (1.0 if round_one else np.sqrt(2))
    ring = np.stack([np.cos(around), np.sin(around)], 1) * reach
    sheet.ignore.append(_turned(angle, ring) + center.astype(np.float32))


def _turned(degrees: float, points: np.ndarray) -> np.ndarray:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return (points @ np.array([[cos, sin], [-sin, cos]])).astype(np.float32)


def scribble(rng: np.random.Generator, sheet: Sheet, x: float, y: float, width: float, color) -> None:
    """Draw an illegible signature or a doodle, a smooth random curve that is ignored as text."""
    count = int(rng.integers(6, 16))
    knots = np.stack([np.linspace(0, width, count), rng.normal(0, width * 0.09, count)], 1)
    knots[:, 0] += rng.normal(0, width * 0.07, count)
    at = np.linspace(0, count - 1, 12 * count)
    curve = np.stack([np.interp(at, np.arange(count), knots[:, k]) for k in (0, 1)], 1)
    curve = cv2.GaussianBlur(curve[:, None].astype(np.float32), (1, 31), 5)[:, 0] + (x, y)
    sheet.stroke(curve, color, thickness=int(rng.integers(1, 4)), strength=int(rng.uniform(170, 255)))
    hull = cv2.convexHull(curve.astype(np.float32))[:, 0]
    sheet.ignore.append((hull[::-1] if cv2.contourArea(hull, True) < 0 else hull).astype(np.float32))
