"""Other projects' published weights as bundles of ours: `python -m ocr.convert`."""
