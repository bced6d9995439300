"""Errors of Pillow for damaged files."""

from __future__ import annotations

import struct

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
