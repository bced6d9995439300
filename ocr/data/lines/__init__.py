"""Sources of line images, their mixture, and batches of them."""
