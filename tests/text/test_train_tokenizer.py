"""The training command gives a model that the tokenizer takes, or one line that says why not."""

import random

import pytest

from ocr.commands.tokenizer import main
from ocr.text.tokenizer import SentencePieceTokenizer


@pytest.fixture
def corpus(tmp_path):
    words = "dear sir madam letter the of and hand wrote yesterday morning été très chère".split()  # noqa: SIM905
    rng = random.Random(0)
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(" ".join(rng.choices(words, k=8)) for _ in range(200)), encoding="utf-8")
    return path


def test_trained_model_is_lossless(corpus, tmp_path):
    output = tmp_path / "new" / "tok.model"
    assert main(["--size", "460", "--output", str(output), str(corpus)]) == 0
    tokenizer = SentencePieceTokenizer(str(output))
    assert tokenizer.size == 460
    for text in ("dear madam", " chère  été ", "ﬁ 😀 ▁", "Ünseen? 1905 £5"):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer.encode("yesterday")) < len("yesterday"), "common words are few pieces"


@pytest.mark.parametrize(
    ("size", "content", "reason", "why"),
    [
        ("460", None, "No such file", "missing"),
        ("460", b"", "no line to train on", "empty"),
        ("460", "日本\n".encode(), "no line to train on", "nothing inside the charset"),
        ("460", b"\xff\xfe\x00", "UTF-8", "not text"),
        ("9", b"dear sir\n", "cannot train 9 pieces: Vocabulary size is smaller", "fewer than characters"),
        (
            "99999",
            b"dear sir\n",
            "cannot train 99999 pieces: Vocabulary size too high",
            "more than the text has",
        ),
        ("0", b"dear sir\n", "size is 0", "nothing asked for"),
    ],
)
def test_failures_take_one_line(tmp_path, capfd, size, content, reason, why):
    path = tmp_path / "corpus.txt"
    if content is not None:
        path.write_bytes(content)
    assert main(["--size", size, "--output", str(tmp_path / "a.model"), str(path)]) == 2
    message = capfd.readouterr().err.strip()
    assert message.startswith("error: ") and reason in message and "\n" not in message
    assert not (tmp_path / "a.model").exists()
