"""The shipped reader, and something to read."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.helpers.web import LETTER


@pytest.fixture(scope="session")
def reader():
    from ocr import Reader

    return Reader.from_pretrained(decode="ctc")


@pytest.fixture(scope="session")
def scrap() -> Image.Image:
    """Two lines of the letter."""
    with Image.open(LETTER) as letter:
        return letter.crop((60, 80, 763, 250)).convert("RGB")
