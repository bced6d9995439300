"""The default characters, and that a set cannot change under a model."""

import pickle
import string

import pytest

from ocr.errors import ConfigError
from ocr.text.charset import DEFAULT_CHARACTERS, Charset
from ocr.text.normalize import normalize


@pytest.mark.parametrize(
    ("characters", "why"),
    [
        (" " + string.ascii_letters + string.digits + string.punctuation, "printable ASCII"),
        ("àâäçèéêëîïôöùûüÿñßæœÀÉŒÑÄÖÜåøþð", "western European letters"),
        ("«»—°£€§¿¡½", "signs of letters and accounts"),
        ("ĴĵŬŭ", "Esperanto of the training data"),
    ],
)
def test_default_covers(characters, why):
    assert Charset().missing(characters) == []


def test_default_is_small_and_already_normal():
    assert len(DEFAULT_CHARACTERS) == len(set(DEFAULT_CHARACTERS)) <= 200
    changed = [c for c in DEFAULT_CHARACTERS if c not in " `" and normalize(c) != c]
    assert changed == [], "a character that labels never hold would be a wasted class"


def test_missing_names_each_once_in_order():
    assert Charset("abc").missing("xaybxc") == ["x", "y"]


def test_order_is_kept_and_repeats_are_named():
    assert Charset("cab").index == {"c": 0, "a": 1, "b": 2}
    with pytest.raises(ConfigError, match="repeats a"):
        Charset("aba")


def test_immutable_and_picklable():
    charset = Charset("abc")
    with pytest.raises(AttributeError):
        charset.characters = "xyz"
    assert pickle.loads(pickle.dumps(charset)).characters == "abc"
