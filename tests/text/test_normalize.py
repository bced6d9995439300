"""One spelling for every label: what counts as the same text is decided here alone."""

import random
import unicodedata

import pytest

from ocr.text.normalize import normalize


@pytest.mark.parametrize(
    ("text", "expected", "why"),
    [
        ("Plain text, as it is.", "Plain text, as it is.", "the common case is unchanged"),
        ("", "", "empty"),
        ("  edges \n", "edges", "stripped"),
        ("two  spaces\tand a tab", "two spaces and a tab", "white space is one space"),
        ("a\x1cb\x85c", "a b c", "separators that Unicode counts as white space"),
        ("a\u00a0b\u2009c\u202fd", "a b c d", "no-break and thin spaces"),
        ("e\u0301te\u0301", "été", "composed"),
        ("‘it’s’ ‛so‚ 5′", "'it's' 'so' 5'", "straight single quotes"),
        ("“a” „b‟ 6″", '"a" "b" 6"', "straight double quotes"),
        ("`a´", "'a'", "accents used as quotes"),
        ("«Oui»", "«Oui»", "guillemets are characters of their own"),
        ("1914–18 ‐ − ‑", "1914-18 - - -", "every short dash is a hyphen"),
        ("so — there ―", "so — there —", "the em dash stays"),
        ("wait…", "wait...", "three dots"),
        ("Quoi ? Non ! a ; b :", "Quoi? Non! a; b:", "no space before high punctuation"),
        ("Quoi\u202f?! Vrai ?..", "Quoi?! Vrai?..", "nor before several marks"),
        ("¿Qué? ¡No!", "¿Qué? ¡No!", "opening marks keep their space"),
        ("eﬀ ﬁn ﬂeur eﬃ eﬄ ﬅ ﬆ", "eff fin fleur effi effl st st", "ligatures are spelled out"),
        ("cœur æther", "cœur æther", "letters that only look like ligatures stay"),
        ("co\u00adop zero\u200b\u200dwidth\ufeff\u2060", "coop zerowidth", "invisible characters go"),
        ("e\u200d\u0301", "é", "and what they held apart composes"),
        ("a\u1ffdb\u037e c \u037e", "a'b; c;", "what composing turns into quotes and semicolons"),
        ("ĵ Ŭ ß 😀", "ĵ Ŭ ß 😀", "anything else is left alone"),
    ],
)
def test_table(text, expected, why):
    assert normalize(text) == expected


def test_idempotent_and_composed_on_random_text():
    alphabet = (
        " ;:!?\"')`´\u1ffd\u1fef\u037e\u00ad\u200b\u200dé\u0301eaﬁ…—–―\t\n\x1c\x85\u00a0\u2009😀▁<0>ß\u0338="
    )
    rng = random.Random(0)
    for _ in range(3000):
        text = "".join(rng.choices(alphabet, k=rng.randrange(12)))
        once = normalize(text)
        assert normalize(once) == once == unicodedata.normalize("NFC", once), repr(text)
