"""Synthetic handwriting: fonts, text, rendering, degradation and whole pages."""
