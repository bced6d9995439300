"""Readers of the formats that handwriting data is published in."""
