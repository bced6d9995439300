"""Tokenizers: characters for CTC, SentencePiece for the autoregressive decoder.

Both are immutable, share the ids of their special tokens, and return a description by `config()`, from which a
bundle rebuilds them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import sentencepiece

from ocr.errors import ConfigError, LabelError
from ocr.text.charset import DEFAULT_CHARACTERS, Charset

PAD, BOS, EOS, UNK = 0, 1, 2, 3
SPECIALS = 4
_SPACE_SIGN = "\u2581"  # SentencePiece writes a space as this
ASSETS = Path(__file__).parent / "assets"


class Tokenizer(Protocol):
    """Interface of tokenizers.

    `pad` is also the CTC blank; decoding starts with `bos`, ends with `eos`, and never chooses an id of `suppressed`.
    """

    pad: int
    bos: int
    suppressed: tuple[int, ...]
    eos: int
    unk: int
    size: int

    def encode(self, text: str) -> list[int]:
        """Encode a text as ids without bos and eos. Raises LabelError naming characters that cannot be encoded."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Decode ids; special and unknown ids are skipped."""
        ...

    def config(self) -> dict[str, Any]:
        """Return a self-contained `_target_` dict that rebuilds the tokenizer."""
        ...


class Immutable:
    """Base class of tokenizers, whose attributes can be set once: they are shared by loaders, models and bundles."""

    __slots__ = ()

    def __setattr__(self, name: str, value: object) -> None:
        if hasattr(self, name):
            raise AttributeError(f"a tokenizer is immutable; cannot set {name}")
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a tokenizer is immutable; cannot delete {name}")


class CharTokenizer(Immutable):
    """One id per character, after the four specials. Raises ConfigError on a repeated character."""

    __slots__ = ("_charset", "size")
    pad, bos, eos, unk = PAD, BOS, EOS, UNK
    suppressed = (PAD, BOS)

    def __init__(self, characters: str = DEFAULT_CHARACTERS) -> None:
        self._charset = Charset(characters)
        self.size = SPECIALS + len(self._charset)

    def __reduce__(self) -> tuple:
        return type(self), (self._charset.characters,)

    def missing(self, text: str) -> list[str]:
        """List the characters that cannot be encoded."""
        return self._charset.missing(text)

    def encode(self, text: str) -> list[int]:
        """Encode a text as ids without bos and eos. Raises LabelError naming characters outside the charset."""
        index = self._charset.index
        try:
            return [SPECIALS + index[c] for c in text]
        except KeyError:
            raise inexpressible("characters outside the charset", self.missing(text), text) from None

    def decode(self, ids: Sequence[int]) -> str:
        """Decode ids; specials and ids out of range are skipped."""
        characters = self._charset.characters
        return "".join(characters[i - SPECIALS] for i in ids if SPECIALS <= i < self.size)

    def config(self) -> dict[str, Any]:
        """Return a `_target_` dict that contains the characters."""
        return {"_target_": "ocr.text.tokenizer.CharTokenizer", "characters": self._charset.characters}


class SentencePieceTokenizer(Immutable):
    """Unigram pieces with byte fallback (Kudo & Richardson 2018), so that any text can be expressed.

    Args:
        model: path of a `.model` file, the name of one that ships with the package, or the content of one as
            bytes or base64 text.
    Raises:
        ConfigError: not a SentencePiece model, or one whose specials are not pad 0, bos 1, eos 2, unk 3.
    """

    __slots__ = ("_processor", "_proto", "_space_bytes", "size")
    pad, bos, eos, unk = PAD, BOS, EOS, UNK
    suppressed = (PAD, BOS)

    def __init__(self, model: bytes | str) -> None:
        shown = "given bytes" if isinstance(model, bytes) else model[:80]
        if isinstance(model, str):
            try:
                files = [
                    path for path in (ASSETS / model, Path(model)) if len(model) < 4096 and path.is_file()
                ]
                model = files[0].read_bytes() if files else base64.b64decode(model, validate=True)
            except (OSError, binascii.Error, ValueError) as error:
                raise ConfigError(f"SentencePiece model {shown!r}: no such file ({error})") from error
        self._proto = model
        self._processor = sentencepiece.SentencePieceProcessor()
        try:
            self._processor.LoadFromSerializedProto(model)
        except RuntimeError as error:
            raise ConfigError(f"SentencePiece model {shown!r}: not a model file") from error
        p = self._processor
        found = (p.pad_id(), p.bos_id(), p.eos_id(), p.unk_id())
        if found != (PAD, BOS, EOS, UNK):
            raise ConfigError(
                f"SentencePiece model {shown!r}: pad, bos, eos, unk are {found}, expected 0, 1, 2, 3"
            )
        self.size = p.GetPieceSize()
        self._space_bytes = [p.PieceToId(f"<0x{byte:02X}>") for byte in _SPACE_SIGN.encode()]

    def __reduce__(self) -> tuple:
        return type(self), (self._proto,)

    def encode(self, text: str) -> list[int]:
        """Encode a text as ids without bos and eos.

        Raises LabelError naming lone surrogates, or characters that a model without byte fallback lacks.
        """
        try:
            text.encode()
        except UnicodeEncodeError:
            surrogates = [c for c in dict.fromkeys(text) if "\ud800" <= c <= "\udfff"]
            raise inexpressible("not Unicode text", surrogates, text) from None
        encode = self._processor.EncodeAsIds
        if _SPACE_SIGN in text:
            # The library would encode the sign as a space; encoded as bytes, it is decoded as itself.
            first, *rest = text.split(_SPACE_SIGN)
            ids = encode(first) + [i for part in rest for i in (*self._space_bytes, *encode(part))]
        else:
            ids = encode(text)
        if UNK in ids:
            unknown = [c for c in dict.fromkeys(text) if c == _SPACE_SIGN or UNK in encode(c)]
            raise inexpressible("characters outside the pieces", unknown, text)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Decode ids; specials and ids out of range are skipped."""
        return self._processor.DecodeIds([int(i) for i in ids if UNK < i < self.size])

    def config(self) -> dict[str, Any]:
        """Return a `_target_` dict that contains the model's bytes as base64."""
        return {
            "_target_": "ocr.text.tokenizer.SentencePieceTokenizer",
            "model": base64.b64encode(self._proto).decode("ascii"),
        }


def inexpressible(reason: str, characters: list[str], text: str) -> LabelError:
    """Make an error that names the characters of a text that cannot be encoded."""
    named = " ".join(f"{c!r} (U+{ord(c):04X})" for c in characters)
    return LabelError(f"{reason}: {named} in {text[:60]!r}")
