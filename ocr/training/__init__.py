"""Lightning modules, optimizers and callbacks."""
