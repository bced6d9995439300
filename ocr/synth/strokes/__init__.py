"""Text lines drawn from the pen strokes of real writers."""
