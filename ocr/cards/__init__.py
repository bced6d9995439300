"""Model cards, written from bundles."""
