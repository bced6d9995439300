"""Where lines and pages come from, and how they become batches."""
