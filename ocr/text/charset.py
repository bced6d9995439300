"""Character sets: the characters that a model can output."""

from __future__ import annotations

import string

from ocr.errors import ConfigError

_LATIN_1 = "".join(chr(code) for code in range(0xC0, 0x100) if code not in (0xD7, 0xF7))

DEFAULT_CHARACTERS = (
    " " + string.ascii_letters + string.digits + string.punctuation + "£§€°«»¿¡—½¼¾×÷" + _LATIN_1 + "ŒœŸĴĵŬŭ"
)
"""Printable ASCII, Latin-1 letters, and other signs of western European handwriting."""


class Charset:
    """An ordered, immutable set of characters. Raises ConfigError on a repeated character."""

    __slots__ = ("characters", "index")

    def __init__(self, characters: str = DEFAULT_CHARACTERS) -> None:
        repeated = sorted({c for c in characters if characters.count(c) > 1})
        if repeated:
            raise ConfigError(f"charset repeats {' '.join(repeated)}")
        object.__setattr__(self, "characters", characters)
        object.__setattr__(self, "index", {c: i for i, c in enumerate(characters)})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a charset is immutable; cannot set {name}")

    def __reduce__(self) -> tuple:
        return type(self), (self.characters,)

    def __len__(self) -> int:
        return len(self.characters)

    def __contains__(self, character: str) -> bool:
        return character in self.index

    def missing(self, text: str) -> list[str]:
        """List the characters of `text` that are not in the set, in order of appearance, each once."""
        return [c for c in dict.fromkeys(text) if c not in self.index]
