"""Encoding of images as PNG and JPEG."""

from __future__ import annotations

import cv2
import numpy as np


def encode_png(image: np.ndarray) -> bytes:
    """Encode an image, uint8 (h, w) gray or (h, w, 3) BGR, as PNG."""
    return cv2.imencode(".png", image)[1].tobytes()


def jpeg_artifacts(image: np.ndarray, quality: int) -> np.ndarray:
    """Encode an image, uint8 (h, w) or (h, w, 3) BGR, as JPEG of a quality, 0 to 100, and decode it again."""
    mode = cv2.IMREAD_GRAYSCALE if image.ndim == 2 else cv2.IMREAD_COLOR
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], mode)
