"""Byte-level byte pair encoding as GPT-2 and RoBERTa use it, for weights converted by `ocr.convert`.

Smaller and slower than the library `tokenizers`, which would otherwise have to be installed for inference.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from ocr.errors import ConfigError
from ocr.text.tokenizer import Immutable

SPECIALS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")

_CONTRACTION = re.compile("'(?:[stmd]|re|ve|ll)")
_RUN = re.compile(" ?L+| ?N+| ?P+|[ s]+(?![LNP])|[ s]+")
"""GPT-2's split, over classes: letters L, numbers N, a space, other white space s, the rest P."""


class ByteBpeTokenizer(Immutable):
    """Byte pair encoding over bytes (Sennrich et al. 2016; Radford et al. 2019): any text can be expressed.

    Args:
        tokens: one per line, in the order of ids, with bytes written as GPT-2's printable characters.
        merges: one pair per line, in the order in which they were learned.
        pad, bos, eos: ids of padding, of the start of decoding, and of the end.
    Raises:
        ConfigError: a merge is not a pair, or a byte or the result of a merge is not among the tokens.
    """

    __slots__ = ("_ids", "_merges", "_ranks", "_specials", "_tokens", "bos", "eos", "pad", "size", "unk")
    suppressed = ()

    def __init__(self, tokens: str, merges: str, *, pad: int, bos: int, eos: int) -> None:
        self._tokens = tokens.split("\n")
        self._merges = merges
        self._ids = {token: i for i, token in enumerate(self._tokens)}
        pairs = [tuple(line.split(" ")) for line in merges.split("\n") if line]
        for pair in pairs:
            if len(pair) != 2 or "".join(pair) not in self._ids:
                raise ConfigError(f"merge {' '.join(pair)!r} does not make a token")
        missing = [sign for sign in _SIGNS if sign not in self._ids]
        if missing:
            raise ConfigError(f"not byte-level: {len(missing)} bytes have no token, such as {missing[0]!r}")
        self._ranks = {pair: rank for rank, pair in enumerate(pairs)}
        self._specials = {self._ids[name] for name in SPECIALS if name in self._ids} | {pad, bos, eos}
        self.pad, self.bos, self.eos = pad, bos, eos
        self.unk = self._ids.get("<unk>", pad)
        self.size = len(self._tokens)

    def __reduce__(self) -> tuple:
        return _rebuild, (self.config(),)

    def encode(self, text: str) -> list[int]:
        """Encode a text as ids without bos and eos."""
        return [self._ids[token] for word in _words(text) for token in self._merged(word)]

    def decode(self, ids: Sequence[int]) -> str:
        """Decode ids; specials and ids out of range are skipped, incomplete characters become U+FFFD."""
        kept = (self._tokens[i] for i in ids if 0 <= i < self.size and i not in self._specials)
        content = b"".join(_BYTES.get(sign) or sign.encode() for token in kept for sign in token)
        return content.decode("utf-8", errors="replace")

    def config(self) -> dict[str, Any]:
        """Return a `_target_` dict that contains tokens and merges."""
        return {
            "_target_": "ocr.text.byte_bpe.ByteBpeTokenizer",
            "tokens": "\n".join(self._tokens),
            "merges": self._merges,
            "pad": self.pad,
            "bos": self.bos,
            "eos": self.eos,
        }

    def _merged(self, word: str) -> list[str]:
        """Split one word into tokens: its bytes, joined by the earliest learned merge until none applies."""
        parts = [_SIGNS[byte] for byte in word.encode("utf-8", errors="surrogatepass")]
        while len(parts) > 1:
            ranks = [self._ranks.get(pair, len(self._ranks)) for pair in zip(parts, parts[1:], strict=False)]
            best = min(ranks)
            if best == len(self._ranks):
                break
            at = ranks.index(best)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return parts


def _words(text: str) -> list[str]:
    """Split a text where no merge may cross: runs of letters, numbers or other signs, each with its leading space."""
    classes = "".join(map(_class, text))
    words, start = [], 0
    while start < len(text):
        end = (_CONTRACTION.match(text, start) or _RUN.match(classes, start)).end()
        words.append(text[start:end])
        start = end
    return words


def _class(character: str) -> str:
    if character.isspace():
        return " " if character == " " else "s"
    kind = unicodedata.category(character)[0]
    return kind if kind in "LN" else "P"


def _signs() -> list[str]:
    """Return a printable character for each byte: the byte's own where it is printable, else one from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


_SIGNS = _signs()
_BYTES = {sign: bytes([byte]) for byte, sign in enumerate(_SIGNS)}


def _rebuild(config: dict[str, Any]) -> ByteBpeTokenizer:
    return ByteBpeTokenizer(**{key: value for key, value in config.items() if key != "_target_"})
