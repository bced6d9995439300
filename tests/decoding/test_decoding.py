"""Decoding strategies against brute force and against networks whose answer is known."""

import itertools

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from ocr.decoding import (
    Autoregressive,
    CharacterSpan,
    CtcGreedy,
    Hypothesis,
    SearchSettings,
    align,
    ctc_collapse,
    ctc_scores,
    get_decoder,
)
from ocr.decoding.prefix_search import prefix_search
from ocr.decoding.rescoring import score_texts
from ocr.errors import ConfigError
from ocr.models.decoder import TransformerDecoder
from ocr.models.vit import Encoded
from ocr.text.ngram import CharNgram
from ocr.text.ngram_training import train
from ocr.text.tokenizer import CharTokenizer
from ocr.types import ImageBatch

TOKENIZER = CharTokenizer("abc ")
A, B, C, SPACE = (TOKENIZER.encode(f"a{x}a")[1] if x == " " else TOKENIZER.encode(x)[0] for x in "abc ")


@pytest.mark.parametrize(
    ("path", "expected", "why"),
    [
        ([], [], "no columns"),
        ([0, 0], [], "only blanks"),
        ([A, A, 0, A], [(A, 0, 2), (A, 3, 4)], "a blank separates repeats"),
        ([A, B, B, 0], [(A, 0, 1), (B, 1, 3)], "runs merge"),
    ],
)
def test_collapse(path, expected, why):
    assert ctc_collapse(np.array(path, dtype=int)) == expected


def random_log_probs(t: int, seed: int) -> np.ndarray:
    logits = torch.randn(t, TOKENIZER.size, generator=torch.Generator().manual_seed(seed)) * 2
    return logits.log_softmax(-1).numpy()


@pytest.mark.parametrize("ids", [[A], [A, B], [A, A], [B, A, B]])
def test_score_and_alignment_equal_brute_force(ids):
    log_probs = random_log_probs(5, seed=len(ids))
    paths = {
        path: sum(log_probs[t, s] for t, s in enumerate(path))
        for path in itertools.product({0, *ids}, repeat=5)
        if [run[0] for run in ctc_collapse(np.array(path))] == ids
    }
    total = float(np.logaddexp.reduce(list(paths.values())))
    assert ctc_scores(log_probs, [ids])[0] == pytest.approx(total, abs=1e-4)
    best = max(paths, key=paths.get)
    assert align(log_probs, ids) == [(s, e) for _, s, e in ctc_collapse(np.array(best))]


def test_alignment_of_a_text_that_cannot_fit_divides_the_columns():
    assert align(random_log_probs(2, 0), [A, B, C, A]) == [(0, 1), (0, 1), (1, 2), (1, 2)]


class FakeDecoder:
    """Says a fixed text, then ends, at every beam."""

    max_length = 30

    def __init__(self, says: list[int]):
        self.says = says

    def start(self, features, mask):
        fake = type("Cache", (), {})()
        fake.select = fake.reorder = lambda rows: fake
        fake.length = 0
        return fake

    def step(self, tokens, cache):
        logits = torch.full((len(tokens), TOKENIZER.size), -10.0)
        said = self.says[cache.length] if cache.length < len(self.says) else TOKENIZER.eos
        logits[:, said] = 10.0
        cache.length += 1
        return logits

    def forced(self, tokens, cache):
        logits = torch.full((*tokens.shape, TOKENIZER.size), -10.0)
        for place in range(tokens.shape[1]):
            logits[:, place, self.says[place] if place < len(self.says) else TOKENIZER.eos] = 10.0
        return logits


class FakeModel:
    def __init__(self, log_probs: torch.Tensor, says: list[int] | None):
        self.logits = log_probs
        self.decoder = FakeDecoder(says) if says is not None else None

    def ctc_logits(self, encoded):
        return self.logits[None]


def sure(path: list[int]) -> torch.Tensor:
    logits = torch.full((len(path), TOKENIZER.size), -8.0)
    logits[torch.arange(len(path)), path] = 8.0
    return logits


def encoded(t: int) -> Encoded:
    return Encoded(torch.zeros(1, t, 4), torch.tensor([t]), torch.ones(1, t, dtype=torch.bool), stride=8)


PATH = [0, A, A, 0, B, SPACE, 0, C]


def test_ctc_text_spans_and_confidence():
    reading = CtcGreedy()(FakeModel(sure(PATH), None), encoded(len(PATH)), TOKENIZER, None)[0]
    assert reading.text == "ab c"
    assert reading.confidence > 0.99
    assert [span.character for span in reading.characters] == list("ab c")
    starts = [span.start for span in reading.characters]
    assert starts == sorted(starts)
    assert reading.characters[0].start <= 8 <= reading.characters[0].end <= 4 * 8


def test_low_probability_gives_low_confidence():
    unsure = sure(PATH) / 16
    reading = CtcGreedy()(FakeModel(unsure, None), encoded(len(PATH)), TOKENIZER, None)[0]
    assert reading.confidence < 0.6


@pytest.mark.parametrize(
    ("says", "beams", "text", "fell_back", "why"),
    [
        ([A, B, SPACE, C], 1, "ab c", False, "both heads agree"),
        ([A, B, SPACE, C], 3, "ab c", False, "beams change nothing when one answer is sure"),
        ([A, B] * 10, 1, "ab c", True, "repeats are overruled by the CTC head"),
        ([C, C, C], 1, "ab c", True, "invented text is overruled"),
        ([], 1, "ab c", True, "silence where there is ink is overruled"),
    ],
)
def test_guard(says, beams, text, fell_back, why):
    model = FakeModel(sure(PATH), says)
    reading = Autoregressive(beams=beams)(model, encoded(len(PATH)), TOKENIZER, TOKENIZER)[0]
    assert (reading.text, reading.fell_back) == (text, fell_back)


@pytest.mark.parametrize(
    ("says", "weight", "text", "why"),
    [
        ([A, B], 0.5, "ab", "the decoder settles what the search leaves open"),
        ([A, C], 0.5, "ac", "and may agree with the search"),
        ([A, B], 0.0, "ac", "without weight it is not heard"),
        ([C] * 9, 0.5, "ac", "what it would write itself is of no account"),
        ([], 0.5, "ac", "nor is its silence"),
    ],
)
def test_the_decoder_chooses_among_the_texts_of_the_search(says, weight, text, why):
    logits = sure([A, 0, C, 0]).clone()
    logits[2, B], logits[2, C] = 4.0, 4.2
    decoder = get_decoder("rescore", options={"rescore": {"weight": weight}})
    (reading,) = decoder(FakeModel(logits, says), encoded(4), TOKENIZER, TOKENIZER)
    assert (reading.text, reading.fell_back) == (text, False), why


class LooksAgain(FakeModel):
    """A model that reads a line as one text at first, and as another in every further view."""

    def __init__(self, first: torch.Tensor, again: torch.Tensor):
        super().__init__(first, [])
        self.again, self.views = again, 0

    def encode(self, images):
        self.views += 1
        return encoded(len(self.again))

    def ctc_logits(self, encoded):
        return (self.again if self.views else self.logits)[None]


def blurred(path: list[int], place: int, other: int, *, lead: float) -> torch.Tensor:
    """A path that may have `other` at `place`; `lead` logits separate the two."""
    logits = sure(path).clone()
    logits[place, other] = logits[place, path[place]] - lead
    return logits


@pytest.mark.parametrize(
    ("lead", "doubt", "views", "text", "why"),
    [
        (0.2, 0.1, [[1.5, 0.0]], "ab", "the view is surer than the first look"),
        (
            3.0,
            0.01,
            [[1.5, 0.0]],
            "ac",
            "a slight preference of the view does not outweigh a clear first look",
        ),
        (0.2, 9.0, [[1.5, 0.0]], "ac", "the line is not doubtful"),
        (0.2, 0.1, [], "ac", "there is no further view"),
    ],
)
def test_doubtful_lines_are_read_in_further_views(lead, doubt, views, text, why):
    again = blurred([A, 0, 0, B, 0, 0], 3, C, lead=2.0)
    model = LooksAgain(blurred([A, 0, C, 0], 2, B, lead=lead), again)
    decoder = get_decoder("rescore", options={"rescore": {"views": views, "doubt": doubt, "weight": 0.0}})
    images = ImageBatch(torch.zeros(1, 1, 48, 32), torch.tensor([32]))
    (reading,) = decoder(model, encoded(4), TOKENIZER, TOKENIZER, images)
    assert reading.text == text, why
    assert reading.characters[-1].end <= 4 * 8, "positions are those of the first look"


def test_an_empty_line_is_read_in_further_views():
    model = LooksAgain(sure([0, 0, 0]) / 8, sure([0, 0, 0, 0]))
    decoder = get_decoder("rescore", options={"rescore": {"views": [[1.3, 0.2]], "doubt": 0.0}})
    images = ImageBatch(torch.zeros(1, 1, 48, 24), torch.tensor([24]))
    (reading,) = decoder(model, encoded(3), TOKENIZER, TOKENIZER, images)
    assert reading.text == "" and model.views == 1


def test_joint_searches_with_the_settings_of_the_beam_search(ngram):
    logits = sure([A, 0, C, 0]).clone()
    logits[2, B], logits[2, C] = 4.0, 4.2
    model = FakeModel(logits, [C] * 9)
    for weight, text in ((3.0, "ab"), (0.0, "ac")):
        options = {"ctc_beam": {"weight": weight}}
        (reading,) = get_decoder("rescore", ngram=ngram, options=options)(
            model, encoded(4), TOKENIZER, TOKENIZER
        )
        assert reading.text == text


def test_texts_are_scored_as_the_decoder_would_write_them():
    """The sum of its log-probabilities of each token and of the end, whatever stands beside it in the batch."""
    torch.manual_seed(0)
    decoder = TransformerDecoder(
        vocabulary=TOKENIZER.size, dim=16, depth=2, heads=2, max_length=12, memory_dim=4
    ).eval()
    features = Encoded(
        torch.randn(2, 6, 4), torch.tensor([6, 4]), torch.arange(6) < torch.tensor([[6], [4]]), 8
    )
    texts = [(0, "ab"), (1, "c a b"), (1, "")]
    scores = score_texts(
        decoder, features, [line for line, _ in texts], [t for _, t in texts], tokenizer=TOKENIZER
    )
    for (line, text), score in zip(texts, scores, strict=True):
        cache = decoder.start(features.features[line : line + 1], features.mask[line : line + 1])
        total, said = 0.0, TOKENIZER.bos
        for token in [*TOKENIZER.encode(text), TOKENIZER.eos]:
            total += float(decoder.step(torch.tensor([said]), cache).log_softmax(-1).flatten()[token])
            said = token
        assert score == pytest.approx(total, abs=1e-4)


def test_unknown_strategy_names_the_known_ones():
    with pytest.raises(ConfigError, match="decode='viterbi'.*ctc"):
        get_decoder("viterbi")


def test_decoder_strategy_on_a_ctc_only_model_is_refused():
    with pytest.raises(ConfigError, match="decode=ctc"):
        get_decoder("greedy")(FakeModel(sure(PATH), None), encoded(8), TOKENIZER, None)


def test_long_texts_are_aligned():
    """More than 63 characters once overflowed the table of states."""
    ids = [A, B] * 50
    path = [i for pair in ids for i in (pair, 0)]
    log_probs = sure(path).log_softmax(-1).numpy()
    assert align(log_probs, ids) == [(2 * i, 2 * i + 1) for i in range(100)]


@pytest.fixture(scope="module")
def ngram(tmp_path_factory):
    """Knows that b follows a, and that a word is "ab"."""
    path = tmp_path_factory.mktemp("ngram") / "ab.ngram"
    save_file(train(["ab ab ab"] * 20, TOKENIZER, order=3, max_bytes=100_000), path)
    return CharNgram(str(path))


def texts_up_to(length: int) -> list[list[int]]:
    return [list(t) for n in range(length + 1) for t in itertools.product([A, B, C, SPACE], repeat=n)]


@pytest.mark.parametrize(
    ("weight", "bonus", "why"),
    [
        (0.0, 0.0, "alignments are summed, which no best path does"),
        (0.0, 1.5, "a bonus lengthens the text"),
        (1.0, 0.5, "the language model has its say"),
    ],
)
@pytest.mark.parametrize("seed", range(4))
def test_prefix_search_equals_brute_force(ngram, weight, bonus, why, seed):
    lines = [random_log_probs(t, seed=10 * seed + t) for t in (4, 2, 3)]
    for line in lines:
        line[:, 1:4] = -40.0
    expected = []
    for line in lines:
        texts = texts_up_to(len(line))
        language = [float(ngram.text_log_probs(text, space=SPACE).sum()) for text in texts]
        scores = np.array(ctc_scores(line, texts)) + weight * np.array(language)
        scores += bonus * np.array([len(text) for text in texts])
        expected.append([(texts[i], scores[i]) for i in np.argsort(-scores)[:4]])
    settings = SearchSettings(beams=200, weight=weight, bonus=bonus, threshold=1e-9)
    found = prefix_search(lines, ngram=ngram, settings=settings, space=SPACE)
    for line, texts in zip(expected, found, strict=True):
        assert [text.ids for text in texts[:4]] == [text for text, _ in line], why
        assert [text.score for text in texts[:4]] == pytest.approx([score for _, score in line], abs=1e-3)


def test_lines_do_not_change_each_other_in_a_search(ngram):
    lines = [random_log_probs(t, seed=t) for t in (30, 5, 0, 17)]
    settings = SearchSettings(beams=3)
    together = prefix_search(lines, ngram=ngram, settings=settings, space=SPACE)
    alone = [prefix_search([line], ngram=ngram, settings=settings, space=SPACE)[0] for line in lines]
    assert together == alone


def test_a_language_model_settles_what_the_image_leaves_open(ngram):
    logits = sure([A, 0, C, 0]).clone()
    logits[2, B], logits[2, C] = 4.0, 4.2
    alone = get_decoder("ctc_beam")(FakeModel(logits, None), encoded(4), TOKENIZER, None)[0]
    helped = get_decoder("ctc_beam", ngram=ngram)(FakeModel(logits, None), encoded(4), TOKENIZER, None)[0]
    assert (alone.text, helped.text) == ("ac", "ab")
    assert [span.language for span in alone.characters] == [0, 0]


def test_spans_hold_what_the_language_model_says(ngram):
    """A character after those before it, and of the last one that the word ends."""
    model = FakeModel(sure([A, B, SPACE, A, 0]), None)
    (reading,) = get_decoder("ctc_beam", ngram=ngram)(model, encoded(5), TOKENIZER, None)
    own = ngram.text_log_probs([A, B, SPACE, A, SPACE], space=SPACE)
    expected = [own[0], own[1] + own[2], own[2], own[3] + own[4]]
    assert [span.language for span in reading.characters] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ctc_beam", {"beams": 0}, "decode=ctc_beam: beams must be at least 1, got 0"),
        ("ctc_beam", {"threshold": 2.0}, "threshold must lie between .* got 2.0"),
        ("ctc_beam", {"beam": 5}, "decode=ctc_beam.*'beam'"),
        ("rescore", {"weights": 0.1}, "decode=rescore.*'weights'"),
        ("rescore", {"candidates": 0}, "candidates=0"),
        ("rescore", {"views": [[1.3]]}, "pairs"),
        ("rescore", {"views": [[9.0, 0.0]]}, "stretch=9.0"),
    ],
)
def test_options_that_a_strategy_does_not_have_are_named(name, options, message):
    with pytest.raises(ConfigError, match=message):
        get_decoder(name, options={name: options})


def test_words_are_as_sure_as_all_their_characters():
    spans = [CharacterSpan(c, i, i + 1, 0.5) for i, c in enumerate("ab c")]
    words = Hypothesis("ab c", 0.5, spans).words
    assert [(word.text, word.start, word.end, word.confidence) for word in words] == [
        ("ab", 0, 2, 0.25),
        ("c", 3, 4, 0.5),
    ]


@pytest.mark.parametrize("name", ["ctc_beam", "greedy", "beam", "rescore"])
def test_every_strategy_places_a_text_like_the_best_path(name):
    model = FakeModel(sure(PATH), [A, B, SPACE, C])
    (path,), (other,) = (
        get_decoder(each)(model, encoded(len(PATH)), TOKENIZER, TOKENIZER) for each in ("ctc", name)
    )
    assert (other.text, other.fell_back) == ("ab c", False)
    for span, expected in zip(other.characters, path.characters, strict=True):
        assert (span.start, span.end) == (expected.start, expected.end)
        assert span.confidence == pytest.approx(expected.confidence)


def test_text_of_the_decoder_is_aligned_with_the_columns():
    """It says c where the best path has b: the c lies on the columns of that b, and is unlikely there."""
    model = FakeModel(sure(PATH) / 4, [A, C, SPACE, C])
    (reading,) = Autoregressive(guard=9.0)(model, encoded(len(PATH)), TOKENIZER, TOKENIZER)
    (path,) = CtcGreedy()(model, encoded(len(PATH)), TOKENIZER, None)
    assert reading.text == "ac c" and path.text == "ab c"
    assert [(s.start, s.end) for s in reading.characters] == [(s.start, s.end) for s in path.characters]
    assert reading.characters[1].confidence < 0.1 < 0.8 < reading.characters[0].confidence
    assert reading.words[0].confidence < 0.1 < reading.words[1].confidence


@pytest.mark.parametrize(
    ("text", "words"),
    [("", []), (" ", []), ("a b", ["a", "b"]), ("  ab  c ", ["ab", "c"]), ("a\u00a0b", ["a", "b"])],
)
def test_words_lie_between_spaces(text, words):
    spans = [CharacterSpan(character, i, i + 1, 1.0) for i, character in enumerate(text)]
    assert [word.text for word in Hypothesis(text, 1.0, spans).words] == words
