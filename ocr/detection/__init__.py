"""Encoding of lines and characters as maps, and decoding of maps to lines and words."""
