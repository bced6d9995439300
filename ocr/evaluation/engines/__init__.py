"""Engines of others, to be measured beside our own: one file each, named as `evaluate.py engine=` names it.

A file has one public function, `load(machine, *, its options)`, which returns a `LineEngine` or `PageEngine` of
`ocr.evaluation.engine`. Options come from the section of the same name in `configs/evaluate.yaml`.
"""
