"""Sources of annotated pages, and batches of crops of them."""
