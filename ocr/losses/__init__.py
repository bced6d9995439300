"""Losses of the recognizer and of the detector."""
