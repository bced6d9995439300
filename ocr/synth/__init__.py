"""Synthetic handwriting: fonts, texts, rendering, degradation and whole pages."""

from pathlib import Path

ASSETS = Path(__file__).parent / "assets"
"""Fonts and texts that ship with the package."""

LINE_HEIGHT = 64
"""Height of drawn lines in pixels."""
