"""Conversion of published weights of other projects to bundles, and of stroke data sets to Parquet: `ocr convert`."""
