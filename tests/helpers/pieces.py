"""Small models of SentencePiece pieces."""

import io
from collections.abc import Iterable

import sentencepiece


def train_pieces(texts: Iterable[str]) -> bytes:
    """The file of a model of at most 60 pieces, trained on a few texts."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        vocab_size=60,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return model.getvalue()
