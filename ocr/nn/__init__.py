"""Building blocks of the models, one concept a file."""
