"""Read handwriting: detector, recognizer, synthesis, training and inference in one package.

>>> from ocr import Reader
>>> print(Reader.from_pretrained().read("letter.jpg").text)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ocr.inference.reader import Reader

__all__ = ["Reader", "__version__"]

__version__ = "0.6.0"
"""Version of the package; bundles have versions of their own."""


def __getattr__(name: str) -> Any:
    # Loaded on first use (PEP 562), because it brings PyTorch along and `import ocr` alone need not.
    if name == "Reader":
        from ocr.inference.reader import Reader

        return Reader
    raise AttributeError(f"module 'ocr' has no attribute {name!r}")
