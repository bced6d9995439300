"""Sources of lines and pages, and their batches."""
