"""Metrics of recognized text, of detected regions and of confidences."""
