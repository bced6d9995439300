"""Byte pair encoding against the library that the original weights were trained with."""

import pickle

import pytest
from tokenizers import ByteLevelBPETokenizer

from ocr.bundle.registry import build
from ocr.errors import ConfigError
from ocr.text.byte_bpe import SPECIALS, ByteBpeTokenizer

TEXTS = [
    "The quick brown fox jumps over the lazy dog; it's what they've said, isn't it?",
    "In 1914-18 the 2nd company's men wrote home: I'll be back by Christmas, you'd better wait.",
    "Où est-ce que l'été naît ? « Là-bas », dit-elle.",
] * 4


@pytest.fixture(scope="module")
def library():
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(TEXTS, vocab_size=400, min_frequency=1, special_tokens=list(SPECIALS))
    return tokenizer


@pytest.fixture(scope="module")
def ours(library, tmp_path_factory) -> ByteBpeTokenizer:
    folder = tmp_path_factory.mktemp("bpe")
    library.save_model(str(folder))
    vocabulary = library.get_vocab()
    tokens = "\n".join(sorted(vocabulary, key=vocabulary.get))
    merges = "\n".join((folder / "merges.txt").read_text().splitlines()[1:])
    return ByteBpeTokenizer(tokens, merges, pad=1, bos=2, eos=2)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (TEXTS[0], "seen in training"),
        ("they'll we're I'm 'tis o'clock 'Tis", "contractions, and what looks like them"),
        ("  two  spaces\tand\n\n a tab ", "white space before, between and after words"),
        ("x²+½y Ⅷ ٣ 10km", "numbers that are not digits"),
        ("naïve Zoë 手紙 e\u0301 🙂", "any script"),
        ("a_b--c...(d)", "signs"),
        ("", "nothing"),
    ],
)
def test_ids_and_text_equal_the_library(library, ours, text, why):
    ids = ours.encode(text)
    assert ids == library.encode(text).ids
    assert ours.decode(ids) == text


def test_specials_and_broken_characters_in_the_output(ours, library):
    ids = [2, 0, *ours.encode("手")[:1], 3, 4, 1, 10_000, 2]
    assert ours.decode(ids) == library.decode(ours.encode("手")[:1]) == "\ufffd"


def test_survives_bundle_and_worker_processes(ours):
    text = TEXTS[1]
    for copy in (build(ours.config()), pickle.loads(pickle.dumps(ours))):
        assert copy.encode(text) == ours.encode(text)
        assert (copy.pad, copy.bos, copy.eos, copy.unk, copy.size) == (1, 2, 2, 3, ours.size)


@pytest.mark.parametrize(
    ("tokens", "merges", "message"),
    [("a\nb", "", "not byte-level"), ("a\nb", "a b", "'a b' does not make a token"), ("a", "a", "merge 'a'")],
)
def test_what_is_no_such_tokenizer_is_refused(tokens, merges, message):
    with pytest.raises(ConfigError, match=message):
        ByteBpeTokenizer(tokens, merges, pad=1, bos=2, eos=2)
