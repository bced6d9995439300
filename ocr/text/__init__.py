"""Text: normalization, character sets, tokenizers and character language models."""
