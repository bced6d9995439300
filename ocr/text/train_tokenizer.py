"""Training of SentencePiece models."""

from __future__ import annotations

import io
import itertools
import random
import re
from collections.abc import Iterator
from pathlib import Path

import sentencepiece

from ocr.errors import ConfigError, DataError
from ocr.text.charset import DEFAULT_CHARACTERS
from ocr.text.normalize import normalize
from ocr.text.tokenizer import BOS, EOS, PAD, UNK


def train(texts: Iterator[str], size: int) -> bytes:
    """Train a SentencePiece model of `size` pieces on lines of text. Returns the serialized model.

    Raises:
        DataError: there is no line. ConfigError: `size` cannot be met.
    """
    if size < 1:
        raise ConfigError(f"size is {size}, expected at least 1")
    first = next(texts, None)
    if first is None:
        raise DataError(
            "no line to train on: the files are empty or hold only characters outside the charset"
        )
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.Train(
            sentence_iterator=itertools.chain([first], texts),
            model_writer=model,
            vocab_size=size,
            model_type="unigram",
            byte_fallback=True,
            normalization_rule_name="identity",
            remove_extra_whitespaces=False,
            add_dummy_prefix=False,
            character_coverage=1.0,
            required_chars="".join(c for c in DEFAULT_CHARACTERS if c != " "),
            split_digits=True,
            pad_id=PAD,
            bos_id=BOS,
            eos_id=EOS,
            unk_id=UNK,
            num_threads=2,
            minloglevel=2,
        )
    except RuntimeError as error:
        reason = re.sub(r"^.*?\)?\] ", "", str(error).splitlines()[-1]).strip()
        raise ConfigError(f"cannot train {size} pieces: {reason}") from error
    return model.getvalue()


def read_lines(paths: list[Path], limit: int | None, seed: int = 0) -> Iterator[str]:
    """Yield normalized lines within the default charset, at most `limit`, drawn evenly from the files; None: all."""
    if limit is not None and limit < 1:
        raise ConfigError(f"limit is {limit}, expected at least 1")
    known = set(DEFAULT_CHARACTERS)
    share = None if limit is None else max(1, limit // max(1, len(paths)))
    for path in paths:
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: cannot be read as UTF-8 text ({error})") from error
        random.Random(seed).shuffle(lines)
        for line in lines[:share]:
            text = normalize(line)
            if text and known.issuperset(text):
                yield text
