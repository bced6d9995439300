"""The n-gram model gives proper distributions and prefers what it was trained on."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from safetensors.numpy import save_file

from ocr.commands.ngram import main
from ocr.errors import ConfigError
from ocr.text.ngram import Addresses, CharNgram, hash_contexts
from ocr.text.ngram_training import train
from ocr.text.tokenizer import CharTokenizer

TOKENIZER = CharTokenizer()


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "m.ngram"
    save_file(train(["the theme of the thesis"] * 20, TOKENIZER, order=4, max_bytes=100_000), path)
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
    assert after[e] > np.log(0.7) and after[z] < np.log(0.01)


def test_a_smaller_model_keeps_the_contexts_that_gain_most(tmp_path):
    texts = ["the theme of the thesis", "a quick zephyr", "of the thesis"] * 20
    sizes = {}
    for max_bytes in (800, 100_000):
        arrays = train(texts, TOKENIZER, order=5, max_bytes=max_bytes)
        save_file(arrays, tmp_path / "m.ngram")
        ids, space = TOKENIZER.encode("the thesis"), TOKENIZER.encode(" ")[0]
        sizes[max_bytes] = (
            len(arrays["keys"]),
            CharNgram(str(tmp_path / "m.ngram")).text_log_probs(ids, space=space).sum(),
        )
        assert 13 * len(arrays["keys"]) + 2 * len(arrays["ids"]) <= max(max_bytes, 13 + 2 * 40)
    assert sizes[800][0] < sizes[100_000][0]
    assert sizes[800][1] < sizes[100_000][1]


def test_frequent_after_many_contexts_beats_frequent_after_one():
    """Kneser and Ney (1995): 'o' follows San Francisc only, so that it is unlikely after anything else."""
    texts = ["Franco"] * 30 + [f"{c}e" for c in "abcdghijklm"] * 2
    arrays = train(texts, TOKENIZER, order=2, max_bytes=100_000)
    start, end = arrays["starts"][list(arrays["keys"]).index(_empty()) :][:2]
    shares = dict(zip(arrays["ids"][start:end].tolist(), arrays["shares"][start:end].tolist(), strict=True))
    e, o = TOKENIZER.encode("eo")
    assert shares[e] < shares[o], "steps of the negative logarithm"


def _empty() -> int:
    return int(hash_contexts(np.zeros((1, 0), np.uint64))[0])


def test_counts_of_older_files_still_load(tmp_path):
    """Witten-Bell smoothing of the counts: 3 of 4 for one character, and the weight 1 / 5 for the shorter context."""
    arrays = {
        "order": np.array([1]),
        "size": np.array([TOKENIZER.size]),
        "keys": hash_contexts(np.zeros((1, 0), np.uint64)),
        "starts": np.array([0, 1], np.uint32),
        "ids": np.array([5], np.uint8),
        "counts": np.array([4], np.uint16),
    }
    save_file(arrays, tmp_path / "old.ngram")
    probability = np.exp(CharNgram(str(tmp_path / "old.ngram")).log_probs([]))
    assert probability[5] == pytest.approx(4 / 5 + 1 / 5 / TOKENIZER.size, rel=1e-5)


def test_only_the_last_characters_count(model):
    short, long = (model.log_probs(tuple(TOKENIZER.encode(t))) for t in ("the", "of the"))
    assert np.array_equal(short, long)


@pytest.mark.parametrize("text", ["the theme", "zq", "thxthe", ""])
def test_states_lead_to_the_distributions_of_their_texts(model, text):
    """A state knows no more than the context that was counted, and that is all that counts."""
    space = TOKENIZER.encode(" ")[0]
    ids = TOKENIZER.encode(text)
    states = model.states()
    state = states.start(space)
    for identity in ids:
        state = int(states.advance(np.array([state]), np.array([identity]))[0])
    found = states.log_probs(np.array(state), np.arange(model.size))
    np.testing.assert_allclose(found, model.log_probs([space] * 3 + ids), rtol=1e-5)


def test_text_is_scored_character_by_character(model):
    space, ids = TOKENIZER.encode(" ")[0], TOKENIZER.encode("the")
    before = [[space] * 3 + ids[:n] for n in range(3)]
    expected = [model.log_probs(context)[i] for context, i in zip(before, ids, strict=True)]
    np.testing.assert_allclose(model.text_log_probs(ids, space=space), expected, rtol=1e-6)


def test_a_table_that_has_grown_too_large_is_begun_anew(model, monkeypatch):
    """Searches that hold the old one go on with it."""
    old = model.states()
    old.find(TOKENIZER.encode("the"))
    monkeypatch.setattr("ocr.text.ngram.MAX_STATES", 2)
    new = model.states()
    assert new is not old and len(new) < len(old)
    assert np.array_equal(old.log_probs(np.array(0), np.arange(9)), new.log_probs(np.array(0), np.arange(9)))


def test_a_model_in_use_can_be_copied(model):
    ids = TOKENIZER.encode("the")
    expected = model.log_probs(ids)
    assert np.array_equal(pickle.loads(pickle.dumps(model)).log_probs(ids), expected)


def test_threads_share_a_table(model):
    """Every thread gets the same answers, however many fill the table at once."""
    texts = [TOKENIZER.encode("the theme of the thesis"[i:]) for i in range(20)] * 4
    expected = [model.log_probs(text) for text in texts]
    fresh = pickle.loads(pickle.dumps(model))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(fresh.log_probs, texts))
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


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


def test_the_language_is_not_asked_within_an_address(tmp_path):
    """From a mark to the next space every character scores the same; before and after, the model counts."""
    path = tmp_path / "m.ngram"
    save_file(train(["the bank. Then the bank. Then"] * 20, TOKENIZER, order=4, max_bytes=100_000), path)
    model, space = CharNgram(str(path)), TOKENIZER.encode(" ")[0]
    tables = model.states(Addresses((tuple(TOKENIZER.encode("www")),), space)), model.states()
    scores = []
    for states in tables:
        state, path = states.start(space), []
        for identity in (ids := TOKENIZER.encode("the www.bank.then the")):
            path.append(state)
            state = states.after(state, identity)
        scores.append(states.log_probs(np.array(path), np.array(ids)))
    marked, plain = scores
    inside = slice(len("the www"), len("the www.bank.then"))
    assert np.ptp(marked[inside]) == 0 and np.ptp(plain[inside]) > 1
    assert (marked[: inside.start] == plain[: inside.start]).all(), "before"
    assert marked[-1] == plain[-1], "after the space, when nothing before it is in the context"
    assert pickle.loads(pickle.dumps(model)).states().after(0, space) == model.states().after(0, space)
