"""Results that are kept for a while, and never handed to other processes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Cache(Generic[Result]):
    """The newest results of a method, by its arguments; a copy or another process begins with none.

    An object that keeps one as an attribute can be pickled as it is.

    Args:
        compute: the method. size: number of results kept.
    """

    def __init__(self, compute: Callable[..., Result], size: int) -> None:
        self.compute = compute
        self.size = size
        self._kept = lru_cache(maxsize=size)(compute)

    def __call__(self, *arguments: Hashable) -> Result:
        return self._kept(*arguments)

    def __reduce__(self) -> tuple:
        return Cache, (self.compute, self.size)
