"""Text: normalisation, character set, tokenizers."""
