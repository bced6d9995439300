"""Settings: defaults, updates, and values that are refused in one line."""

from dataclasses import dataclass

import pytest

from ocr.detection.settings import DetectionSettings, for_bundle
from ocr.errors import ConfigError
from ocr.settings import BaseSettings, parse_value, setting


@dataclass(frozen=True)
class Some(BaseSettings):
    share: float = setting(0.5, low=0, high=1)
    count: int = setting(4, low=1)
    side: int | None = None
    kind: str = setting("a", choices=("a", "b"))
    fast: bool = False
    names: tuple[str, ...] = ()


def test_later_values_replace_earlier_ones_and_none_leaves_them():
    settings = Some().updated(share=1, side=3).updated(side=None, kind="b")
    assert settings == Some(share=1.0, side=3, kind="b")
    assert type(settings.share) is float, "a whole number of a JSON file"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"shares": 0.1}, "unknown setting 'shares': did you mean share?"),
        ({"zzz": 1}, "unknown setting 'zzz': settings are share, count, side, kind, fast, names"),
        ({"share": 1.5}, "share must lie between 0 and 1, got 1.5"),
        ({"share": float("nan")}, "share must lie between 0 and 1, got nan"),
        ({"share": "0.5"}, "share must be a number, got '0.5'"),
        ({"count": 0}, "count must be at least 1, got 0"),
        ({"count": 2.5}, "count must be a whole number, got 2.5"),
        ({"count": True}, "count must be a whole number, got True"),
        ({"kind": "c"}, "kind=c: choose from a, b"),
        ({"fast": 1}, "fast must be true or false, got 1"),
    ],
)
def test_what_is_refused(given, message):
    with pytest.raises(ConfigError) as caught:
        Some().updated(**given)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("share", "1e-2", 0.01),
        ("count", "-7", -7),
        ("side", "null", None),
        ("side", "9", 9),
        ("kind", "null", "null"),
        ("kind", "[a, b]=c", "[a, b]=c"),
        ("fast", "True", True),
        ("fast", "no", False),
        ("names", "", ()),
        ("names", "[]", ()),
        ("names", "[x, 'y']", ("x", "y")),
        ("names", "x", ("x",)),
    ],
)
def test_text_of_the_command_line_becomes_the_type_of_its_field(name, text, value):
    found = parse_value(Some, name, text)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("share", "half", "expected a number"),
        ("count", "1.5", "expected a whole number"),
        ("count", "null", "expected a whole number"),
        ("fast", "perhaps", "expected true or false"),
    ],
)
def test_text_of_another_type_is_refused(name, text, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        parse_value(Some, name, text)


def test_detection_takes_the_bundle_first_and_the_user_last():
    """Word maps have values of their own in a bundle, which the user replaces as well."""
    stored = {
        "text_threshold": 0.8,
        "link_threshold": 0.3,
        "word_maps": True,
        "words": {"link_threshold": 0.1},
    }
    lines, words = for_bundle(stored, {"low_text": 0.6, "text_threshold": None})
    assert lines == DetectionSettings(text_threshold=0.8, link_threshold=0.3, low_text=0.6)
    assert words == DetectionSettings(text_threshold=0.8, link_threshold=0.1, low_text=0.6)
    assert for_bundle(stored, {"link_threshold": 0.5})[1].link_threshold == 0.5
    with pytest.raises(ConfigError, match="unknown setting 'link_treshold': did you mean link_threshold"):
        for_bundle({"link_treshold": 0.5}, {})
