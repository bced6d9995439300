"""Texts for synthetic lines: pieces of running text, and invented numbers, dates, sums and addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from ocr.caching import Cache
from ocr.errors import DataError
from ocr.synth.phrases import invent, invent_code
from ocr.text.charset import DEFAULT_CHARACTERS
from ocr.text.normalize import normalize

DEFAULT_WEIGHTS = {"en": 0.65, "fr": 0.20, "de": 0.08, "es": 0.07}

CODES_PROBABILITY = 0.04
"""Share of addresses of pages and mailboxes, and of amounts, among texts."""


class TextFile:
    """Lines of a UTF-8 file, memory-mapped and decoded one at a time."""

    def __init__(self, path: Path):
        self.path = path
        self.language = _language(path)
        self.bytes = path.stat().st_size
        self._opened = Cache(self._open, 1)

    def _open(self) -> tuple[np.ndarray, np.ndarray]:
        """Map the file; returns its bytes and the start of each line."""
        data = np.memmap(self.path, np.uint8, "r")
        ends = np.flatnonzero(data == 10) + 1
        return data, np.concatenate([[0], ends[ends < len(data)]])

    def __len__(self) -> int:
        return len(self._opened()[1])

    def __getitem__(self, index: int) -> str:
        data, starts = self._opened()
        start = starts[index]
        end = starts[index + 1] if index + 1 < len(starts) else len(data)
        return bytes(data[start:end]).decode("utf-8", "replace").replace("\ufffd", "").strip()


def _language(path: Path) -> str:
    """Infer a language from a file name: `fr` for `fr_wiki.txt` and `words_fr.tsv`; `en` without language code."""
    parts = path.stem.lower().split("_")
    code = parts[-1] if parts[0] == "words" else parts[0]
    return code if len(code) == 2 and code.isalpha() else "en"


class Corpus:
    """Random line texts from `*.txt` files (one sentence or note per line) and `words_*.tsv` lists.

    Within a language, files are weighted by the square root of their size, so that small ones are used as well.

    Args:
        paths: a folder, a file, or several of either; the language of a file is the two letters before the first
            `_` of its name.
        weights: share of each language; languages without files are left out.
        short_probability: share of texts of one or two words.
        invented_probability: share of invented numbers, dates and the like.
        codes_probability: share of addresses of pages and mailboxes, and of amounts.
        salad_probability: share of texts of unrelated words.
        capitals_probability: share of texts in capitals.
        hyphen_probability: chance that the last word is hyphenated.
        alphabet: characters outside of it are left out, so that every label can be encoded; None keeps all.
    Raises:
        DataError: a path is missing, or no file holds text in a language with a positive weight.
    """

    def __init__(
        self,
        paths: str | Path | Iterable[str | Path],
        *,
        weights: Mapping[str, float] | None = None,
        short_probability: float = 0.15,
        invented_probability: float = 0.09,
        codes_probability: float = CODES_PROBABILITY,
        salad_probability: float = 0.04,
        capitals_probability: float = 0.02,
        hyphen_probability: float = 0.06,
        alphabet: str | None = DEFAULT_CHARACTERS,
    ):
        self.short_probability = short_probability
        self.invented_probability = invented_probability
        self.codes_probability = codes_probability
        self.salad_probability = salad_probability
        self.capitals_probability = capitals_probability
        self.hyphen_probability = hyphen_probability
        self.alphabet = None if alphabet is None else frozenset(alphabet)
        weights = dict(DEFAULT_WEIGHTS if weights is None else weights)
        texts: dict[str, list[TextFile]] = {}
        self._words: dict[str, TextFile] = {}
        for path in _files([paths] if isinstance(paths, str | Path) else paths):
            file = TextFile(path)
            if file.bytes == 0 or weights.get(file.language, 0) <= 0:
                continue
            if path.suffix == ".tsv":
                self._words[file.language] = file
            else:
                texts.setdefault(file.language, []).append(file)
        if not texts:
            raise DataError(f"{paths}: no text files in the languages {', '.join(sorted(weights))}")
        self.languages = sorted(texts)
        share = np.array([weights[language] for language in self.languages], np.float64)
        self._share = share / share.sum()
        self._texts = texts
        self._file_share = {}
        for language, files in texts.items():
            root = np.sqrt([file.bytes for file in files])
            self._file_share[language] = root / root.sum()

    def sample(self, rng: np.random.Generator, *, characters: tuple[int, int]) -> tuple[str, str]:
        """Draw one normalized line of `characters` (lowest, highest) length, and its language.

        A text may be shorter where no longer one is found; it is never empty and never too long.
        """
        low, high = characters
        if not 1 <= low <= high:
            raise DataError(f"characters={characters}: expected 1 <= lowest <= highest")
        text = ""
        for _ in range(20):
            language = self.languages[int(rng.choice(len(self.languages), p=self._share))]
            text = normalize(self._draw(rng, language, low, high))
            if rng.random() < self.capitals_probability and len(text.upper()) == len(text):
                text = text.upper()
            if self.alphabet is not None and not self.alphabet.issuperset(text):
                text = " ".join("".join(c for c in text if c in self.alphabet).split())
            text = _cut(text, high)
            if len(text) >= low:
                return text, language
        return text or "a", language

    def _draw(self, rng: np.random.Generator, language: str, low: int, high: int) -> str:
        kind = rng.random()
        if kind < self.short_probability and low <= 24:
            return self._short(rng, language)
        kind -= self.short_probability
        if kind < self.invented_probability and low <= 24:
            return invent(rng, language)
        kind -= self.invented_probability
        if kind < self.codes_probability and high >= 12 and low <= 24:
            return invent_code(rng, language)
        target = int(np.clip(round(rng.triangular(8, 38, 80)), low, high))
        kind -= self.codes_probability
        if kind < self.salad_probability and language in self._words:
            return self._salad(rng, language, target)
        return self._running(rng, language, target)

    def _passage(self, rng: np.random.Generator, language: str, min_length: int) -> str:
        """Draw a random line, joined to the lines after it until it has `min_length` characters."""
        files = self._texts[language]
        file = files[int(rng.choice(len(files), p=self._file_share[language]))]
        index = int(rng.integers(len(file)))
        text = file[index]
        while len(text) < min_length and index + 1 < len(file):
            index += 1
            text = f"{text} {file[index]}"
        return text

    def _running(self, rng: np.random.Generator, language: str, target: int) -> str:
        text = self._passage(rng, language, target)
        if len(text) <= target:
            return text
        words = text.split()
        # Lines of a page may begin with any word: start at one with enough text after it.
        lengths = np.cumsum([len(word) + 1 for word in words])
        last = int(np.searchsorted(lengths, lengths[-1] - target))
        first = 0 if rng.random() < 0.25 else int(rng.integers(last + 1))
        piece, used = [], 0
        for word in words[first:]:
            if used + len(word) > target:
                room = target - used - 1
                if rng.random() < self.hyphen_probability and word.isalpha() and 2 < room < len(word) - 2:
                    piece.append(f"{word[:room]}-")
                break
            piece.append(word)
            used += len(word) + 1
        return " ".join(piece) or words[first][:target]

    def _short(self, rng: np.random.Generator, language: str) -> str:
        words = self._passage(rng, language, 1).split() or ["a"]
        first = int(rng.integers(len(words)))
        return " ".join(words[first : first + int(rng.integers(1, 3))])

    def _salad(self, rng: np.random.Generator, language: str, target: int) -> str:
        """Draw unrelated words, so that a model cannot rely on grammar alone."""
        file, words = self._words[language], []
        while sum(len(word) + 1 for word in words) < target:
            # Squaring favors frequent words: the list is sorted by frequency.
            word = file[int(len(file) * rng.random() ** 2)].split("\t")[0]
            words.append(word.capitalize() if rng.random() < 0.12 else word)
        return " ".join(words)[:target].strip()


def _cut(text: str, high: int) -> str:
    """Shorten a text to at most `high` characters, at a word boundary where there is one."""
    if len(text) <= high:
        return text
    head = text[:high]
    if text[high] != " " and " " in head:
        head = head[: head.rindex(" ")]
    return head.strip()


def _files(paths: Iterable[str | Path]) -> list[Path]:
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            found += sorted(path.glob("*.txt")) + sorted(path.glob("words_*.tsv"))
        elif path.is_file():
            found.append(path)
        else:
            raise DataError(f"{path}: text file or folder not found")
    return found
