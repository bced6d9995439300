"""XLM-RoBERTa's numbering of SentencePiece pieces."""

import pickle

import pytest
import transformers

from ocr.bundle.registry import build
from ocr.errors import ConfigError, LabelError
from ocr.text.xlm_roberta import XlmRobertaTokenizer
from tests.helpers.pieces import train_pieces

TEXTS = ["the quick brown fox jumps over the lazy dog", "dear sir, I write to you", "a dark night"] * 5


@pytest.fixture(scope="module")
def model() -> bytes:
    return train_pieces(TEXTS)


def test_ids_and_text_equal_the_library(model, tmp_path):
    (tmp_path / "sentencepiece.bpe.model").write_bytes(model)
    library = transformers.XLMRobertaTokenizer.from_pretrained(tmp_path)
    ours = XlmRobertaTokenizer(model, pad=1, bos=2, eos=2)
    for text in (*TEXTS[:3], "dark  fox", "a"):
        ids = library(text).input_ids
        assert [0, *ours.encode(text), 2] == ids
        assert ours.decode(ids) == library.decode(ids, skip_special_tokens=True)
    out_of_range = [2, 0, 3, *ours.encode("the dog"), len(library) - 1, len(library) + 9]
    assert ours.decode(out_of_range) == "the dog"
    assert ours.size == len(library) - 1, "all but <mask>, which is no text"


def test_survives_bundle_and_worker_processes(model):
    tokenizer = XlmRobertaTokenizer(model, pad=1, bos=0, eos=2)
    for copy in (build(tokenizer.config()), pickle.loads(pickle.dumps(tokenizer))):
        assert copy.encode("dear") == tokenizer.encode("dear")
        assert (copy.pad, copy.bos, copy.eos) == (1, 0, 2)


def test_unknown_characters_are_named(model):
    with pytest.raises(LabelError, match="手"):
        XlmRobertaTokenizer(model, pad=1, bos=2, eos=2).encode("dear 手")


@pytest.mark.parametrize("content", [b"xx", "no base64!", "eHg="])
def test_what_is_no_model_is_refused(content):
    with pytest.raises(ConfigError, match="not a SentencePiece model"):
        XlmRobertaTokenizer(content, pad=1, bos=2, eos=2)
