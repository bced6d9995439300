"""Construction of models without random weights, for those that get stored ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.nn import init
from torch.overrides import TorchFunctionMode

_RANDOM = (init.normal_, init.uniform_, init.kaiming_normal_, init.kaiming_uniform_)
"""Initializers of PyTorch's layers that it lets be replaced; `trunc_normal_` is none of them."""


class NoInitialization(TorchFunctionMode):
    """Context in which the weights of PyTorch's layers stay as their memory is, unless a generator is given.

    Random numbers that are replaced at once cost time. On the meta device, PyTorch even loads its compiler to draw
    none, which takes more than a second.
    """

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call `func`, or return its tensor as it is where that would be filled with random numbers."""
        kwargs = kwargs or {}
        if func in _RANDOM and kwargs.get("generator") is None:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)
