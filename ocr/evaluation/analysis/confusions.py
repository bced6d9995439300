"""Characters that a recognizer takes for others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from rapidfuzz.distance import Levenshtein

from ocr.text.normalize import normalize as normalize_text

MAX_LENGTH = 2
"""Characters on either side of a confusion: `rn` for `m` is one, a wrong word is several."""


def count_confusions(pairs: Iterable[tuple[str, str]], *, normalize: bool = True) -> Counter[tuple[str, str]]:
    """Count the edits between labels and texts, by (characters of the label, characters read for them).

    Edits next to each other are one confusion of at most two characters on either side, and single edits where
    there are more. One side is empty where characters are missing or invented.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for label, reading in pairs:
        if normalize:
            label, reading = normalize_text(label), normalize_text(reading)
        counts.update(_confusions(label, reading))
    return counts


def _confusions(label: str, reading: str) -> Iterator[tuple[str, str]]:
    place = read = 0
    for block in Levenshtein.editops(label, reading).as_matching_blocks():
        missed, found = label[place : block.a], reading[read : block.b]
        if max(len(missed), len(found)) <= MAX_LENGTH:
            if missed or found:
                yield missed, found
        else:
            yield from _single_edits(missed, found)
        place, read = block.a + block.size, block.b + block.size


def _single_edits(missed: str, found: str) -> Iterator[tuple[str, str]]:
    for edit in Levenshtein.editops(missed, found):
        source = "" if edit.tag == "insert" else missed[edit.src_pos]
        target = "" if edit.tag == "delete" else found[edit.dest_pos]
        yield source, target


def describe(label: str, reading: str) -> str:
    """Write a confusion so that spaces and empty sides can be seen."""
    missed, found = (text.replace(" ", "␣") for text in (label, reading))
    if not found:
        return f"{missed} missing"
    return f"{missed} > {found}" if missed else f"{found} invented"
