"""Base class of counts that can be summed."""

from __future__ import annotations

from dataclasses import fields


class _Additive:
    """Base of dataclasses of counts, added field by field; `sum(items, Counts())` works too."""

    def __add__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        return type(self)(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))
