"""Tokenizer and settings of text generation of a Hugging Face checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocr.convert.files import read_json
from ocr.errors import ConfigError, WeightsError
from ocr.text.byte_bpe import ByteBpeTokenizer
from ocr.text.tokenizer import Tokenizer
from ocr.text.xlm_roberta import XlmRobertaTokenizer

MAX_TOKENS = 128
"""Highest number of tokens per line where the checkpoint states none: more than a line of writing has."""

BEAMS = 4
"""Number of beams of `decode=beam`."""

NEUTRAL = {
    "repetition_penalty": 1.0,
    "length_penalty": 1.0,
    "no_repeat_ngram_size": 0,
    "encoder_no_repeat_ngram_size": 0,
    "min_length": 0,
    "do_sample": False,
    "bad_words_ids": None,
    "suppress_tokens": None,
    "begin_suppress_tokens": None,
}
"""Settings of Hugging Face without counterpart in `ocr.decoding`, at the values that have no effect."""


@dataclass(frozen=True)
class Generation:
    """Settings of text generation.

    `start`, `end`, `pad` are ids of tokens; `max_length` is the number of tokens of a text with start and end, None
    where it is not stated; `beams` is 1 for greedy search; `dropped` holds settings without counterpart.
    """

    start: int
    end: int
    pad: int
    max_length: int | None
    beams: int
    dropped: dict[str, Any]


def read_generation(folder: Path, config: dict[str, Any], decoder: dict[str, Any]) -> Generation:
    """Read settings from `generation_config.json`, else `config.json`, else the decoder's part of that file.

    Raises:
        WeightsError: an id is missing or ambiguous, or the first token is forced.
    """
    path = folder / "generation_config.json"
    places = [read_json(path) if path.is_file() else {}, config]

    def stated(key: str, *more: dict[str, Any]) -> Any:
        return next((place[key] for place in (*places, *more) if place.get(key) is not None), None)

    ids = [stated(key, decoder) for key in ("decoder_start_token_id", "eos_token_id", "pad_token_id")]
    ids = [value[0] if isinstance(value, Sequence) and len(value) == 1 else value for value in ids]
    if not all(isinstance(value, int) for value in ids):
        raise WeightsError(f"{folder}: start, end and padding are the tokens {ids}, expected one id each")
    if stated("forced_bos_token_id") is not None:
        raise WeightsError(f"{folder}: a forced first token (forced_bos_token_id) is not supported")
    dropped = {key: stated(key) for key, value in NEUTRAL.items() if stated(key) not in (None, value)}
    beams = stated("num_beams") or 1
    if beams not in (1, BEAMS):
        dropped["num_beams"] = beams
    # The decoder's part repeats the library's default of 20 tokens, so that it is not used.
    new, max_length = stated("max_new_tokens"), stated("max_length")
    return Generation(*ids, max_length=max_length if new is None else new + 1, beams=beams, dropped=dropped)


def read_tokenizer(folder: Path, *, pad: int, bos: int, eos: int) -> Tokenizer:
    """Read the tokenizer of a checkpoint folder.

    It is read from `sentencepiece.bpe.model`, from `vocab.json` and `merges.txt`, or from a `tokenizer.json` that
    holds byte-level BPE.

    Args:
        pad, bos, eos: ids of padding, of the start of decoding, and of the end.

    Raises:
        WeightsError: none of these is there, or it is damaged or of another kind.
    """
    for name, read in READERS.items():
        path = folder / name
        if not path.is_file():
            continue
        try:
            return read(path, {"pad": pad, "bos": bos, "eos": eos})
        except (OSError, UnicodeDecodeError, ConfigError) as error:
            raise WeightsError(f"{path}: {error}") from error
        except (KeyError, TypeError, AttributeError) as error:
            raise WeightsError(f"{path}: not a tokenizer ({type(error).__name__}: {error})") from error
    raise WeightsError(f"{folder}: no tokenizer, none of {', '.join(READERS)}")


def _pieces(path: Path, specials: dict[str, int]) -> Tokenizer:
    return XlmRobertaTokenizer(path.read_bytes(), **specials)


def _vocabulary(path: Path, specials: dict[str, int]) -> Tokenizer:
    lines = path.with_name("merges.txt").read_text(encoding="utf-8").split("\n")
    return _byte_bpe(read_json(path), lines[lines[0].startswith("#version") :], specials)


def _whole(path: Path, specials: dict[str, int]) -> Tokenizer:
    model = read_json(path)["model"]
    if model["type"] != "BPE":
        raise ConfigError(f"of type {model['type']}, expected BPE or a sentencepiece.bpe.model beside it")
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    return _byte_bpe(model["vocab"], merges, specials)


def _byte_bpe(ids: dict[str, int], merges: list[str], specials: dict[str, int]) -> Tokenizer:
    tokens = sorted(ids, key=ids.get)
    if [ids[token] for token in tokens] != list(range(len(ids))) or any("\n" in token for token in tokens):
        raise ConfigError("ids with gaps, or a token with a line break")
    return ByteBpeTokenizer("\n".join(tokens), "\n".join(merges), **specials)


READERS = {"sentencepiece.bpe.model": _pieces, "vocab.json": _vocabulary, "tokenizer.json": _whole}
