"""SentencePiece with the ids of XLM-RoBERTa and models derived from it, for weights converted by `ocr.convert`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import sentencepiece

from ocr.errors import ConfigError
from ocr.text.tokenizer import Immutable, inexpressible

_UNK = 3
_SHIFT = 1
"""fairseq puts <s>, <pad>, </s>, <unk> first, SentencePiece's own specials are three: all pieces move up by one."""


class XlmRobertaTokenizer(Immutable):
    """SentencePiece pieces numbered as in XLM-RoBERTa (Conneau et al. 2020).

    Args:
        model: a SentencePiece model, its bytes or base64 text.
        pad, bos, eos: ids of padding, of the start of decoding, and of the end.
    Raises:
        ConfigError: not a SentencePiece model.
    """

    __slots__ = ("_processor", "_proto", "bos", "eos", "pad", "size")
    unk = _UNK
    suppressed = ()

    def __init__(self, model: bytes | str, *, pad: int, bos: int, eos: int) -> None:
        self._processor = sentencepiece.SentencePieceProcessor()
        try:
            self._proto = model if isinstance(model, bytes) else base64.b64decode(model, validate=True)
            self._processor.LoadFromSerializedProto(self._proto)
        except (binascii.Error, RuntimeError) as error:
            raise ConfigError("not a SentencePiece model") from error
        self.pad, self.bos, self.eos = pad, bos, eos
        self.size = self._processor.GetPieceSize() + _SHIFT

    def __reduce__(self) -> tuple:
        return _rebuild, (self.config(),)

    def encode(self, text: str) -> list[int]:
        """Encode a text as ids without bos and eos. Raises LabelError naming characters outside the pieces."""
        encode, unknown = self._processor.EncodeAsIds, self._processor.unk_id()
        ids = encode(text)
        if unknown in ids:
            characters = [c for c in dict.fromkeys(text) if unknown in encode(c)]
            raise inexpressible("characters outside the pieces", characters, text)
        return [i + _SHIFT for i in ids]

    def decode(self, ids: Sequence[int]) -> str:
        """Decode ids; specials and ids out of range are skipped."""
        return self._processor.DecodeIds([int(i) - _SHIFT for i in ids if _UNK < i < self.size])

    def config(self) -> dict[str, Any]:
        """Return a `_target_` dict that contains the model's bytes as base64."""
        return {
            "_target_": "ocr.text.xlm_roberta.XlmRobertaTokenizer",
            "model": base64.b64encode(self._proto).decode("ascii"),
            "pad": self.pad,
            "bos": self.bos,
            "eos": self.eos,
        }


def _rebuild(config: dict[str, Any]) -> XlmRobertaTokenizer:
    return XlmRobertaTokenizer(**{key: value for key, value in config.items() if key != "_target_"})
