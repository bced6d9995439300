"""The test of scripts: its features, its weights, and the shipped one on lines that nothing was fitted to."""

import numpy as np
import pytest

from ocr.bundle import Bundle
from ocr.decoding.script import FEATURES, ScriptTest, script_features
from ocr.errors import ConfigError, FontError
from ocr.evaluation.script_fit import fit_script_test
from ocr.synth.scripts import find_fonts
from ocr.text.tokenizer import CharTokenizer

NUMBERS = {"bias": 0.0, "line": 5.0, "page": 1.0}
TOKENIZER = CharTokenizer("abcdefgh ABC1é")


def posterior(text: str, probability: float) -> np.ndarray:
    """Log-probabilities of a line whose characters, one in every other column, have this probability."""
    rows = np.full((2 * len(text) + 1, TOKENIZER.size), 1e-4)
    rows[:, 0] = 1.0
    for place, identity in enumerate(TOKENIZER.encode(text)):
        rows[2 * place + 1] = (1 - probability) / (TOKENIZER.size - 1)
        rows[2 * place + 1, identity] = probability
    return np.log(rows / rows.sum(-1, keepdims=True))


def test_a_line_without_characters_is_no_evidence():
    blank = script_features(posterior("", 1.0), TOKENIZER, None)
    assert not blank.any()
    assert ScriptTest(dict.fromkeys(FEATURES, 1.0), 5.0, line=4.0, page=1.0)(blank[None])[0] == 0


@pytest.mark.parametrize(
    ("feature", "less", "more", "reason"),
    [
        ("unsure", ("abcd", 0.99), ("abcd", 0.6), "characters below the threshold"),
        ("entropy", ("abcd", 0.99), ("abcd", 0.6), "spread over many characters"),
        ("confidence", ("abcd", 0.6), ("abcd", 0.99), "the probability itself"),
        ("capitals within words", ("Abcd", 0.9), ("abCd", 0.9), "a capital after a small letter"),
        ("not letters", ("ab cd", 0.9), ("ab 1d", 0.9), "figures"),
        ("marked letters", ("abcde", 0.9), ("abcdé", 0.9), "an accent"),
    ],
)
def test_features_tell_lines_apart(feature, less, more, reason):
    place = FEATURES.index(feature)
    low, high = (script_features(posterior(*line), TOKENIZER, None)[place] for line in (less, more))
    assert low < high, reason


def test_a_fit_separates_what_differs_and_keeps_false_alarms_low():
    rng = np.random.default_rng(0)
    known = {name: rng.normal(0, 1, (400, len(FEATURES))) for name in "abc"}
    other = {name: rng.normal(0, 1, (400, len(FEATURES))) + 2 * np.eye(len(FEATURES))[3] * 4 for name in "xy"}
    test = fit_script_test(known, other, show=lambda line: None)
    unseen = rng.normal(0, 1, (4000, len(FEATURES)))
    assert (test(unseen) > test.line).mean() < 0.01
    assert (test(unseen + 8 * np.eye(len(FEATURES))[3]) > 0).mean() > 0.98
    assert not test.is_other_page(test(unseen))
    assert test.is_other_page(test(unseen[:8] + 8 * np.eye(len(FEATURES))[3]))
    assert ScriptTest.from_config(test.config()) == test


@pytest.mark.parametrize(
    ("scores", "marked", "reason"),
    [
        ([2.0] * 8, [True] * 8, "many lines that each are a little suspicious"),
        ([2.0], [False], "the same of a single line"),
        ([6.0], [True], "a single line that is very suspicious"),
        ([-4.0, -5.0, 6.0, -3.0], [False, False, True, False], "one such line on a page that is known"),
        ([4.0, 5.0, -1.0, 5.0], [True, True, False, True], "a line that is known on a page that is not"),
        ([], [], "an empty page"),
    ],
)
def test_lines_are_judged_together(scores, marked, reason):
    test = ScriptTest(dict.fromkeys(FEATURES, 0.0), 0.0, line=5.0, page=1.0)
    assert test.mark(np.array(scores)).tolist() == marked, reason


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"weights": {}, **NUMBERS}, "no weights"),
        ({"weights": dict.fromkeys(FEATURES, 1.0)}, "no bias"),
        ({"weights": dict.fromkeys(FEATURES, float("nan")), **NUMBERS}, "not a number"),
        ({"weights": [1.0], **NUMBERS}, "a list"),
    ],
)
def test_broken_weights_are_refused(config, reason):
    with pytest.raises(ConfigError, match="script test"):
        ScriptTest.from_config(config)


def test_a_folder_without_fonts_is_named(tmp_path):
    with pytest.raises(FontError, match=str(tmp_path)):
        find_fonts([tmp_path])


def test_the_shipped_recognizer_has_weights():
    ScriptTest.from_config(Bundle.load("ocr_small_handwritten", kind="recognizer").decoding["script"])
