"""Backbones of the detector: page pixels to features and character maps at a fraction of the resolution.

A backbone has `stride` (input pixels a cell), `multiple` (its input's sides are multiples of it), `channels` (of
its features), and `forward(pixels (b, 3, h, w) in [0, 1]) -> (maps (b, 2, h/s, w/s), features (b, c, h/s, w/s))`
with maps the logits of character region and affinity.
"""
