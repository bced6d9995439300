"""Damaged inputs by the thousand through every door of the package; `python -m tests.fuzz --help` runs them."""
