"""Reports on what a model reads or finds badly."""
