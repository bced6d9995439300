import pickle
import re
from collections import Counter

import numpy as np
import pytest

from ocr.errors import DataError
from ocr.synth import ASSETS
from ocr.synth.corpus import Corpus
from ocr.synth.line import LineSynthesizer
from ocr.synth.phrases import invent, invent_code
from ocr.text.charset import DEFAULT_CHARACTERS
from ocr.text.normalize import normalize


@pytest.fixture(scope="module")
def corpus():
    return Corpus(ASSETS / "text")


@pytest.mark.parametrize("bounds", [(1, 80), (1, 1), (5, 12), (30, 40)])
def test_lengths_stay_in_bounds_and_text_is_normal(corpus, bounds):
    for index in range(150):
        text, language = corpus.sample(np.random.default_rng([1, index]), characters=bounds)
        assert bounds[0] <= len(text) <= bounds[1], text
        assert text == normalize(text)
        assert corpus.alphabet.issuperset(text)
        assert language in {"en", "fr", "de", "es"}


def test_languages_follow_their_weights(corpus):
    drawn = Counter(corpus.sample(np.random.default_rng([2, i]), characters=(1, 80))[1] for i in range(1200))
    assert 0.58 < drawn["en"] / 1200 < 0.72
    assert min(drawn["de"], drawn["es"]) > 40


def test_the_same_generator_gives_the_same_text_after_pickling(corpus):
    copy = pickle.loads(pickle.dumps(corpus))
    for index in range(20):
        seed = [3, index]
        assert copy.sample(np.random.default_rng(seed), characters=(1, 80)) == corpus.sample(
            np.random.default_rng(seed), characters=(1, 80)
        )


def test_an_unlabelled_file_without_final_newline_and_with_odd_characters(tmp_path):
    (tmp_path / "notes.txt").write_text("one \u4e2d two\nthree\u00a0four", encoding="utf-8")
    small = Corpus(tmp_path / "notes.txt", invented_probability=0, capitals_probability=0)
    seen = {
        word
        for i in range(60)
        for word in small.sample(np.random.default_rng(i), characters=(1, 80))[0].split()
    }
    assert {"one", "two", "three", "four"} <= seen
    assert "\u4e2d" not in "".join(seen)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "not found"), ("", "no text files")],
)
def test_unusable_paths_are_named(tmp_path, content, reason):
    path = tmp_path / "en_x.txt"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match=f"en_x.txt.*{reason}"):
        Corpus(str(path))


@pytest.mark.parametrize("language", ["en", "fr", "de", "es", "it"])  # it: no forms of its own
def test_invented_notes_are_short_lines(language):
    notes = {invent(np.random.default_rng(i), language) for i in range(200)}
    assert len(notes) > 150
    assert all(0 < len(note) <= 60 and "\n" not in note for note in notes)


@pytest.mark.parametrize("language", ["en", "fr", "de", "es", "it"])
def test_codes_are_addresses_and_amounts_in_our_characters(language):
    codes = [invent_code(np.random.default_rng([5, i]), language) for i in range(400)]
    kinds = Counter(
        "mail" if "@" in code else "page" if re.search(r"\w\.[a-z]{2}", code) else "amount" for code in codes
    )
    assert min(kinds.values()) > 60 and set(kinds) == {"mail", "page", "amount"}
    assert sum("://" in code for code in codes) > 60 and sum("www." in code for code in codes) > 60
    assert set("".join(codes)) <= set(DEFAULT_CHARACTERS) and len(set(codes)) > 390
    amounts = [code for code in codes if re.search(r"\d[.,]\d\d\b", code) and "@" not in code]
    assert len(amounts) > 60


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0.02), (0.5, 0.4, 0.6)])
def test_their_share_is_a_setting(share, low, high):
    """The shipped texts hold no such addresses; invented notes hold a few."""
    lines = LineSynthesizer(codes_probability=share, characters=(1, 80)).corpus
    texts = [lines.sample(np.random.default_rng([6, i]), characters=(1, 80))[0] for i in range(400)]
    found = sum(
        bool(re.search(r"@|://|www\.|\w\.(com|org|net|fr|de|es|eu|ch|be|info|edu|io|app|uk)\b", t))
        for t in texts
    )
    # Three codes in four are addresses.
    assert low * 0.75 <= found / 400 <= high
