"""Error rates of texts, of boxes, and of confidences."""
