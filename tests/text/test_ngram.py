"""The n-gram model gives proper distributions and prefers what it was trained on."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from ocr.errors import ConfigError
from ocr.text.ngram import CharNgram, main, train
from ocr.text.tokenizer import CharTokenizer

TOKENIZER = CharTokenizer()


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "m.ngram"
    save_file(train(["the theme of the thesis"] * 20, TOKENIZER, order=4, minimum=2), path)
    return CharNgram(str(path))


@pytest.mark.parametrize(
    ("context", "why"),
    [("", "nothing before"), ("th", "known"), ("the", "full length"), ("abcthe", "longer"), ("zq", "unseen")],
)
def test_distributions_sum_to_one(model, context, why):
    assert np.exp(model.log_probs(tuple(TOKENIZER.encode(context)))).sum() == pytest.approx(1, abs=1e-4)


def test_what_was_seen_is_likelier(model):
    after = model.log_probs(tuple(TOKENIZER.encode("th")))
    e, z = TOKENIZER.encode("ez")
    assert after[e] > np.log(0.9) and after[z] < np.log(0.01)


def test_only_the_last_characters_count(model):
    short, long = (model.log_probs(tuple(TOKENIZER.encode(t))) for t in ("the", "of the"))
    assert np.array_equal(short, long)


def test_files_that_are_no_model_are_named(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        CharNgram("gone.ngram")
    bad = tmp_path / "bad.ngram"
    bad.write_bytes(b"hello")
    with pytest.raises(ConfigError, match="not an n-gram model"):
        CharNgram(str(bad))


def test_command_line(tmp_path, capsys):
    text = tmp_path / "t.txt"
    text.write_text("a line of text\n" * 30, encoding="utf-8")
    assert main([str(text), "--order", "3", "--output", str(tmp_path / "m")]) == 0
    assert main([str(tmp_path / "none.txt"), "--output", str(tmp_path / "n")]) == 2
    assert "none.txt" in capsys.readouterr().err
