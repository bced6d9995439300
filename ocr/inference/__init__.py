"""Reading with trained bundles: lines, pages, documents."""
