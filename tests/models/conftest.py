"""Fixtures of networks."""

import pytest

from ocr.models.recognizer import Recognizer
from tests.helpers.models import make_recognizer


@pytest.fixture
def recognizer() -> Recognizer:
    return make_recognizer()
