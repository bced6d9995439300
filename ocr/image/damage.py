"""Errors and warnings of Pillow for damaged files."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

DAMAGED = (
    struct.error,
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    MemoryError,
)
"""What its decoders raise."""


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the warnings of a decoder: damage that it can live with is none, and any other is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def short_reason(error: BaseException) -> str:
    """Return what an error says in one line, or its name where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
