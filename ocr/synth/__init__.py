"""Synthetic handwriting: fonts, texts, rendering, degradation and whole pages."""
