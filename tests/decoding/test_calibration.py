"""Calibrated confidences: what changes, and that fitting finds what made the data."""

import json
import math

import numpy as np
import pytest

from ocr.bundle import Bundle
from ocr.commands.fit import main
from ocr.data.lines.manifest import write_manifest
from ocr.decoding import CharacterSpan, CtcBeam, Hypothesis, Rescoring
from ocr.decoding.calibration import Calibration, Logistic, character_features, word_features
from ocr.errors import ConfigError
from ocr.evaluation.fit import calibration_errors, fit_calibration, fit_rescoring
from ocr.inference.recognizer import LineReader
from ocr.types import LineSample


def reading(text: str, confidence: float, language: float = 0.0) -> Hypothesis:
    spans = [CharacterSpan(c, i, i + 1, confidence, language) for i, c in enumerate(text)]
    return Hypothesis(text, confidence, spans)


def test_no_calibration_changes_nothing():
    plain = Calibration()(reading("ab c", 0.8))
    assert [span.confidence for span in plain.characters] == pytest.approx([0.8] * 4)
    assert [word.confidence for word in plain.words] == pytest.approx([0.64, 0.8])
    assert plain.confidence == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("weights", "expected", "why"),
    [
        ({"probability": 0.0}, 0.5, "nothing is known"),
        ({"probability": 0.5}, 1 / (1 + math.exp(-math.log(4) / 2)), "a temperature of 2"),
        ({"bias": -math.log(4)}, 0.5, "a bias"),
        ({"language": 1.0}, 1 / (1 + math.exp(2 - math.log(4))), "the language model doubts it"),
    ],
)
def test_weights_of_a_character(weights, expected, why):
    line = Calibration(character=Logistic(**weights))(reading("a", 0.8, language=-2.0))
    assert line.characters[0].confidence == pytest.approx(expected, abs=1e-6), why
    assert line.confidence == pytest.approx(expected, abs=1e-6)


def test_words_have_their_own_weights():
    line = Calibration(word=Logistic(probability=0, language=0.5, length=1))(reading("ab c", 0.8, -1.0))
    assert [word.confidence for word in line.words] == pytest.approx(
        [1 / (1 + math.exp(-1)), 1 / (1 + math.exp(-0.5))]
    )
    assert line.characters[0].confidence == pytest.approx(0.8)


def test_certainty_and_impossibility_stay_numbers():
    assert np.isfinite(character_features(reading("ab", 1.0))).all()
    assert np.isfinite(word_features(reading("ab", 0.0))).all()
    assert Calibration()(Hypothesis("", 0.0)).confidence == 0


def test_fitting_finds_the_temperature_and_bias_of_the_data():
    rng = np.random.default_rng(1)
    truth = Logistic(probability=0.6, bias=-0.4)
    pairs = []
    for confidence in rng.uniform(0.05, 0.95, 4000):
        line = reading("a", confidence)
        right = rng.random() < truth(character_features(line))[0]
        pairs.append(
            (LineSample(np.zeros((1, 1), np.uint8), "a" if right else "b", id="", document=""), line)
        )
    before = calibration_errors(pairs)
    fitted = fit_calibration(pairs)
    assert fitted.character.probability == pytest.approx(0.6, abs=0.06)
    assert fitted.character.bias == pytest.approx(-0.4, abs=0.08)
    assert fitted.character.language == 0, "there is none in the data"
    after = calibration_errors([(sample, fitted(line)) for sample, line in pairs])
    assert after[0] < 4 < before[0] and after[1] < 4 < before[1]


@pytest.mark.parametrize("config", [{"line": {}}, {"word": {"weight": 1}}, {"word": 3}, 5])
def test_a_calibration_that_is_none_is_refused(config):
    with pytest.raises(ConfigError, match="calibration"):
        Calibration.from_config(config)


class Lines:
    """Blank lines, most of them labelled as the tiny recogniser reads them."""

    name = "lines"

    def __len__(self):
        return 12

    def __getitem__(self, index):
        image = np.full((16, 30), 255, np.uint8)
        return LineSample(image, "b" if index % 3 == 0 else "a", id=str(index), document="d")

    def widths(self):
        return np.full(12, 30 / 16)


def test_the_command_fits_and_stores(tiny_recognizer, tmp_path, capsys):
    folder = Bundle.load(tiny_recognizer).save(tmp_path / "bundle")
    assert write_manifest(Lines(), tmp_path / "lines.parquet") == []
    command = [str(folder), str(tmp_path / "lines.parquet"), "--decode", "ctc", "ctc_beam"]
    assert main([*command, "--check", str(tmp_path / "lines.parquet")]) == 0
    assert Bundle.load(folder).decoding == {}, "nothing is written unless asked for"
    assert main([*command, "--store"]) == 0
    stored = json.loads((folder / "bundle.json").read_text())["decoding"]
    assert set(stored["calibration"]) == {"ctc", "ctc_beam"} and "weight" in stored["options"]["ctc_beam"]
    reader = LineReader(Bundle.load(folder), decode="ctc_beam")
    assert reader.strategy.settings.weight == stored["options"]["ctc_beam"]["weight"]
    assert reader.read([Lines()[0].image])[0].words[0].confidence == pytest.approx(2 / 3, abs=0.01)
    assert "check" in capsys.readouterr().out


def test_missing_lines_cost_one_line(tiny_recognizer, capsys):
    assert main([str(tiny_recognizer), "gone.parquet"]) == 2
    assert capsys.readouterr().err == "error: gone.parquet: no such file\n"


def test_the_decoder_gets_the_least_weight_with_the_fewest_errors():
    class Encoded:
        def read(self, strategy):
            text = "ab" if 0.3 < strategy.weight < 0.8 else "ac"
            return [(LineSample(Lines()[0].image, "ab", id="1", document="d"), reading(text, 0.5))]

    found = fit_rescoring(Encoded(), Rescoring(CtcBeam(None), candidates=3), show=lambda line: None)
    assert (found.weight, found.candidates) == (0.35, 3)
