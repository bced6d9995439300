"""Other projects' published weights as bundles of ours: `ocr convert`."""
