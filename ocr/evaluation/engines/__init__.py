"""Engines for `ocr evaluate engine=NAME`, one file NAME.py each; `ours` reads with a bundle of this package.

The file of another engine has one public function, `load(machine, *, options ...)`, which returns a `LineEngine` or
`PageEngine` of `ocr.evaluation.engine`. Options are set in the section of the same name in `configs/evaluate.yaml`.
"""
