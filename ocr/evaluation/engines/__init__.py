"""Engines to measure: one file each, named as `ocr evaluate engine=` names it; `ours` is a bundle of this package.

A file of another engine has one public function, `load(machine, *, its options)`, which returns a `LineEngine` or
`PageEngine` of `ocr.evaluation.engine`. Options come from the section of the same name in `configs/evaluate.yaml`.
"""
