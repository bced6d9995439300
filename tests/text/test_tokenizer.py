"""Both tokenizers: lossless on what they can express, clear about what they cannot, self-contained."""

import base64
import copy
import pickle
import random

import pytest

from ocr.bundle.registry import build
from ocr.errors import ConfigError, LabelError
from ocr.text.charset import DEFAULT_CHARACTERS
from ocr.text.normalize import normalize
from ocr.text.tokenizer import CharTokenizer, SentencePieceTokenizer

PIECES = SentencePieceTokenizer("pieces1024.model")
BOTH = pytest.mark.parametrize("tokenizer", [CharTokenizer(), PIECES], ids=["characters", "pieces"])


@BOTH
def test_specials_are_shared(tokenizer):
    assert (tokenizer.pad, tokenizer.bos, tokenizer.eos, tokenizer.unk) == (0, 1, 2, 3)
    ids = tokenizer.encode("Dear Sir, 1905")
    assert ids and min(ids) > 3 and max(ids) < tokenizer.size


@BOTH
@pytest.mark.parametrize("text", ["", "a", "Dear Sir,", " leading", "trailing ", "a  b", DEFAULT_CHARACTERS])
def test_decode_undoes_encode(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("👩🏽 😀", "emoji through bytes"),
        ("日本語 Ωж", "other scripts through bytes"),
        ("a▁b▁▁ ▁", "the sign that stands for a space inside the library"),
        ("<unk> <s></s> <pad> <0x41>", "names of pieces written out"),
        ("ﬁ ½ ² Å", "nothing is folded as NFKC would"),
        ("e\u0301", "nor composed"),
        ("a\tb\nc\x00", "control characters"),
    ],
)
def test_pieces_express_any_text(text, why):
    ids = PIECES.encode(text)
    assert PIECES.decode(ids) == text
    assert PIECES.unk not in ids


def test_pieces_are_lossless_on_random_text():
    rng = random.Random(0)
    for _ in range(500):
        text = normalize(
            "".join(chr(rng.choice((rng.randrange(32, 127), rng.randrange(160, 0x2600)))) for _ in range(9))
        )
        assert PIECES.decode(PIECES.encode(text)) == text


def test_characters_outside_the_set_are_named():
    with pytest.raises(LabelError, match=r"'Ω' \(U\+03A9\) '😀' \(U\+1F600\)"):
        CharTokenizer().encode("a Ω 😀 Ω")


def test_a_lone_surrogate_is_no_text():
    with pytest.raises(LabelError, match="U\\+D800"):
        PIECES.encode("a\ud800")


@BOTH
@pytest.mark.parametrize(
    ("ids", "why"),
    [
        ([0, 1, 2, 3], "specials are skipped"),
        ([-1, -5], "negative"),
        ([10**6, 2**31], "out of range"),
    ],
)
def test_invalid_ids_are_skipped(tokenizer, ids, why):
    inside = tokenizer.encode("ab")
    assert tokenizer.decode(ids) == ""
    assert tokenizer.decode(ids + inside + ids) == "ab"


def test_broken_bytes_do_not_raise():
    lead, *_ = PIECES.encode("😀")
    assert "a" in PIECES.decode([lead, *PIECES.encode("a")])


@BOTH
def test_config_is_self_contained(tokenizer):
    again = build(tokenizer.config())
    assert type(again) is type(tokenizer)
    assert again.config() == tokenizer.config() and again.size == tokenizer.size
    assert again.encode("Chère Élise") == tokenizer.encode("Chère Élise")


@BOTH
def test_pickle_and_copy(tokenizer):
    for again in (pickle.loads(pickle.dumps(tokenizer)), copy.deepcopy(tokenizer)):
        assert again.encode("abc") == tokenizer.encode("abc") and again.size == tokenizer.size


@BOTH
def test_immutable(tokenizer):
    for name in ("size", "pad", "other"):
        with pytest.raises(AttributeError):
            setattr(tokenizer, name, 5)
    with pytest.raises(AttributeError):
        del tokenizer.size


def test_pieces_from_path_bytes_and_base64(tmp_path):
    data = base64.b64decode(PIECES.config()["model"])
    path = tmp_path / "a.model"
    path.write_bytes(data)
    for model in (str(path), data, PIECES.config()["model"]):
        assert SentencePieceTokenizer(model).encode("Dear Sir") == PIECES.encode("Dear Sir")


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("missing.model", "missing.model.*no such file"),
        (b"garbage", "not a model file"),
        ("", "not a model file"),
        ("aGVsbG8=", "not a model file"),
        ("né.model", "no such file"),
    ],
)
def test_bad_models_are_named(model, reason):
    with pytest.raises(ConfigError, match=reason):
        SentencePieceTokenizer(model)


def test_repeated_characters_are_refused():
    with pytest.raises(ConfigError, match="repeats"):
        CharTokenizer("aa")
