"""Normalization of text, applied to every label and every recognized text before they are compared."""

from __future__ import annotations

import re
import unicodedata

_REPLACEMENTS = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′ʼ`´", "'"),
        **dict.fromkeys("“”„‟″", '"'),
        **dict.fromkeys("‐‑‒–−", "-"),
        "―": "—",
        "…": "...",
        "ﬀ": "ff",
        "ﬁ": "fi",
        "ﬂ": "fl",
        "ﬃ": "ffi",
        "ﬄ": "ffl",
        **dict.fromkeys("ﬅﬆ", "st"),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", None),
    }
)
_SPACES = re.compile(r"\s+")
_BEFORE_PUNCTUATION = re.compile(r" +(?=[;:!?])")
_ODD_ASCII = re.compile(r"[\t-\r\x1c-\x1f`]|  | [;:!?]")


def normalize(text: str) -> str:
    """Normalize a text: NFC, straight quotes, plain hyphens, three dots, single spaces, ligatures spelled out.

    Spaces before `;:!?`, soft hyphens and zero-width characters are removed. The em dash stays. Idempotent.
    """
    if text.isascii() and not _ODD_ASCII.search(text):
        return text.strip()
    # Twice: composing makes some of the replaced characters (U+1FFD becomes an acute), and dropping a
    # zero-width character lets its neighbors compose.
    text = unicodedata.normalize("NFC", text).translate(_REPLACEMENTS)
    text = unicodedata.normalize("NFC", text)
    return _BEFORE_PUNCTUATION.sub("", _SPACES.sub(" ", text).strip())
