"""Shape of a line's core: the band around its x-height that the line map marks."""

from __future__ import annotations

CORE_TOP = 0.5
"""The core of a line reaches this share of its ascent above the baseline: about the x-height ..."""

CORE_BOTTOM = 0.05
"""... and this share of the ascent below it."""

CORE_END = 0.25
"""The core begins and ends this share of the ascent inside the line, so that neighbors in a row stay apart."""
