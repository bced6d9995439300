"""The shipped reader, and something to read."""

from __future__ import annotations

import pytest
from PIL import Image

from tests.helpers.web import letter_head


@pytest.fixture(scope="session")
def reader():
    from ocr import Reader

    return Reader.from_pretrained(decode="ctc")


@pytest.fixture(scope="session")
def scrap() -> Image.Image:
    return letter_head()
