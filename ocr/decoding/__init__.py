"""Decoding strategies, from network outputs to text: CTC, prefix beam search, autoregressive search, rescoring.

Every strategy maps (model, encoded batch, tokenizers) to one `Hypothesis` per line and is used in validation,
evaluation and inference alike. `greedy` and `beam` have a guard: where the text of the decoder is far less likely
under the CTC head than the CTC reading (repeated, endless or invented text), the CTC reading is returned. A model
without a CTC head (`ctc_tokenizer` None) is decoded without guard and alignment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ocr.decoding.alignment import align, ctc_collapse, ctc_scores
from ocr.decoding.autoregressive import Autoregressive
from ocr.decoding.ctc import CtcBeam, CtcGreedy
from ocr.decoding.hypothesis import CharacterSpan, DecodingStrategy, Hypothesis, WordSpan
from ocr.decoding.prefix_search import SearchSettings
from ocr.decoding.rescoring import Rescoring
from ocr.errors import ConfigError
from ocr.text.ngram import CharNgram

__all__ = [
    "DECODERS",
    "WITHOUT_CTC",
    "WITH_DECODER",
    "Autoregressive",
    "CharacterSpan",
    "CtcBeam",
    "CtcGreedy",
    "DecodingStrategy",
    "Hypothesis",
    "Rescoring",
    "SearchSettings",
    "WordSpan",
    "align",
    "ctc_collapse",
    "ctc_scores",
    "get_decoder",
]

Options = Mapping[str, Mapping[str, Any]]
"""Keyword arguments of each strategy, by its name."""


def _ctc_beam(ngram: CharNgram | None, options: Options) -> CtcBeam:
    return CtcBeam(ngram, SearchSettings().updated(**options.get("ctc_beam", {})))


DECODERS: dict[str, Callable[[CharNgram | None, Options], DecodingStrategy]] = {
    "ctc": lambda ngram, options: CtcGreedy(),
    "ctc_beam": _ctc_beam,
    "greedy": lambda ngram, options: Autoregressive(**{"beams": 1, **options.get("greedy", {})}),
    "beam": lambda ngram, options: Autoregressive(**{"beams": 4, **options.get("beam", {})}),
    "rescore": lambda ngram, options: Rescoring(_ctc_beam(ngram, options), **options.get("rescore", {})),
}

ALIASES = {"joint": "rescore"}
"""Former names of strategies, still accepted on command lines and in stored bundles."""

WITH_DECODER = ("greedy", "beam", "rescore")
"""Strategies that need an autoregressive decoder."""

WITHOUT_CTC = ("greedy", "beam")
"""Strategies that need no CTC head."""


def strategy_name(name: str) -> str:
    """Return the current name of a strategy."""
    return ALIASES.get(name, name)


def get_decoder(
    name: str, *, ngram: CharNgram | None = None, options: Options | None = None
) -> DecodingStrategy:
    """Build a decoding strategy.

    Args:
        name: a key of `DECODERS`, or a former name.
        ngram: language model for `ctc_beam` and `rescore`.
        options: keyword arguments of the strategies.
    Raises:
        ConfigError: unknown name, an option that the strategy does not have, or a value that it does not take.
    """
    name = strategy_name(name)
    if name not in DECODERS:
        raise ConfigError(f"unknown decode={name!r}: choose from {', '.join(DECODERS)}")
    try:
        return DECODERS[name](ngram, options or {})
    except (TypeError, ConfigError) as error:
        raise ConfigError(f"options of decode={name}: {error}") from error
