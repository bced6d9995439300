"""A character n-gram language model: what letters are likely to follow, for CTC beam search.

    python -m ocr.text.ngram --order 6 --output western.ngram FILE...

Witten-Bell interpolation (Witten & Bell 1991): the distribution after a context mixes its own counts with the
distribution after the context without its first character, down to the uniform one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ocr.errors import ConfigError, OcrError
from ocr.text.tokenizer import ASSETS, CharTokenizer

_MULTIPLIER = np.uint64(1_099_511_628_211)


class CharNgram:
    """Distributions over the ids of a `CharTokenizer`, given the ids before.

    Args:
        file: path of a model, or the name of one that ships with the package.
    Raises:
        ConfigError: no such file, or not an n-gram model.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        found = [path for path in (Path(file), ASSETS / file) if path.is_file()]
        if not found:
            raise ConfigError(f"n-gram model {file!r}: no such file")
        try:
            arrays = load_file(found[0])
            self.order = int(arrays["order"][0])
            self.size = int(arrays["size"][0])
            self._keys, self._starts = arrays["keys"], arrays["starts"]
            self._ids, self._counts = arrays["ids"], arrays["counts"]
        except (SafetensorError, KeyError) as error:
            raise ConfigError(f"n-gram model {file!r}: not an n-gram model ({error})") from error
        self._cache: dict[tuple[int, ...], np.ndarray] = {}

    def config(self) -> dict[str, str]:
        """`_target_` dict; the model itself stays a file."""
        return {"_target_": "ocr.text.ngram.CharNgram", "file": self.file}

    def log_probs(self, context: tuple[int, ...]) -> np.ndarray:
        """(size,) float32 natural log-probabilities of the next id; only the last `order - 1` ids count."""
        context = context[len(context) - self.order + 1 :] if len(context) >= self.order else context
        known = self._cache.get(context)
        if known is None:
            if len(self._cache) > 50_000:
                self._cache.clear()
            known = self._cache[context] = np.log(self._probabilities(context)).astype(np.float32)
        return known

    def _probabilities(self, context: tuple[int, ...]) -> np.ndarray:
        shorter = self._probabilities(context[1:]) if context else np.full(self.size, 1.0 / self.size)
        key = _hash(np.array([context], np.uint64).reshape(1, len(context)))[0]
        at = int(np.searchsorted(self._keys, key))
        if at == len(self._keys) or self._keys[at] != key:
            return shorter
        span = slice(int(self._starts[at]), int(self._starts[at + 1]))
        counts = self._counts[span].astype(np.float64)
        kinds, total = len(counts), counts.sum()
        mixed = shorter * (kinds / (total + kinds))
        mixed[self._ids[span]] += counts / (total + kinds)
        return mixed


def train(
    texts: Iterable[str], tokenizer: CharTokenizer, *, order: int, minimum: int
) -> dict[str, np.ndarray]:
    """Count n-grams of up to `order` characters; contexts followed fewer than `minimum` times are dropped.

    A text's beginning is padded with spaces. Texts with characters unknown to the tokenizer are left out.
    """
    space = tokenizer.encode(" ")[0]
    stream: list[int] = []
    for text in texts:
        if not tokenizer.missing(text):
            stream += [space] * (order - 1) + tokenizer.encode(text) + [space]
    ids = np.array(stream, np.uint64)
    keys, starts, following, counts = [], [], [], []
    for length in range(order):
        windows = np.lib.stride_tricks.sliding_window_view(ids, length + 1)
        # A context that is all padding and another space tells nothing.
        windows = windows[windows[:, -1] != space] if length == 0 else windows
        hashed = _hash(windows[:, :length])
        pairs, pair_counts = np.unique(
            np.stack([hashed, windows[:, -1]], 1).view([("h", "u8"), ("c", "u8")]).ravel(), return_counts=True
        )
        contexts, first, totals = np.unique(pairs["h"], return_index=True, return_counts=True)
        sums = np.add.reduceat(pair_counts, first)
        keep = np.repeat(sums >= minimum, totals)
        keys.append(contexts[sums >= minimum])
        starts.append(totals[sums >= minimum])
        following.append(pairs["c"][keep].astype(np.uint8))
        counts.append(np.minimum(pair_counts[keep], 65535).astype(np.uint16))
    all_keys, sizes = np.concatenate(keys), np.concatenate(starts)
    order_of = np.argsort(all_keys, kind="stable")
    offsets = np.concatenate(([0], np.cumsum(sizes)))
    picks = np.concatenate([np.arange(offsets[i], offsets[i + 1]) for i in order_of])
    return {
        "order": np.array([order]),
        "size": np.array([tokenizer.size]),
        "keys": all_keys[order_of],
        "starts": np.concatenate(([0], np.cumsum(sizes[order_of]))).astype(np.uint32),
        "ids": np.concatenate(following)[picks],
        "counts": np.concatenate(counts)[picks],
    }


def _hash(windows: np.ndarray) -> np.ndarray:
    """(n, length) ids -> (n,) uint64, different for different lengths (FNV-1a on whole ids)."""
    value = np.full(len(windows), 14_695_981_039_346_656_037 + windows.shape[1], np.uint64)
    for column in range(windows.shape[1]):
        value = (value ^ windows[:, column].astype(np.uint64)) * _MULTIPLIER
        value ^= value >> np.uint64(29)
    return value


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    from ocr.text.train_tokenizer import read_lines

    parser = argparse.ArgumentParser(
        prog="python -m ocr.text.ngram", description="Train a character n-gram model."
    )
    parser.add_argument("files", nargs="+", type=Path, help="UTF-8 text, a sentence a line")
    parser.add_argument("--order", type=int, default=6)
    parser.add_argument("--minimum", type=int, default=8, help="drop contexts seen less often")
    parser.add_argument("--limit", type=int, default=200_000, help="lines to train on")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        lines = read_lines(options.files, options.limit)
        arrays = train(lines, CharTokenizer(), order=options.order, minimum=options.minimum)
        save_file(arrays, options.output)
    except (OcrError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    size = options.output.stat().st_size
    print(f"{options.output}: {len(arrays['keys'])} contexts, {size / 1e6:.1f} MB", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
