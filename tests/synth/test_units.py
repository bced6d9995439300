import numpy as np
import pytest

from ocr.synth.units import Inventory

TEXTS = {"a": [(0, "the cat"), (1, "mat")], "b": [(2, "zoo was big")]}


def spelled(units, texts=TEXTS) -> str:
    by_key = {key: text for items in texts.values() for key, text in items}
    return "".join(by_key[unit.key][unit.first : unit.first + unit.count] for unit in units)


@pytest.mark.parametrize("text", ["the mat", "cathe", "mat the cat", "ahem"])
def test_units_spell_the_text(text):
    units = Inventory(TEXTS, min_text=1).select(np.random.default_rng(0), "a", text, max_piece=7)
    assert spelled(units) == text


def test_the_longest_written_piece_is_taken_first():
    units = Inventory(TEXTS, min_text=1).select(np.random.default_rng(0), "a", "the cat", max_piece=7)
    assert [(unit.key, unit.first, unit.count) for unit in units] == [(0, 0, 7)]


def test_within_words_no_unit_holds_or_crosses_a_space():
    units = Inventory(TEXTS, min_text=1).select(
        np.random.default_rng(0), "a", "the cat", max_piece=7, within_words=True
    )
    assert spelled(units) == "thecat"
    assert all(unit.first + unit.count <= 3 or unit.first >= 4 for unit in units if unit.key == 0)


def test_a_lacking_character_is_borrowed_and_too_many_are_refused():
    inventory = Inventory(TEXTS, min_text=1, max_borrowed=0.3)
    assert inventory.select(np.random.default_rng(0), "a", "thez", max_piece=7)[-1].key == 2
    assert inventory.select(np.random.default_rng(0), "a", "zooz", max_piece=7) is None
    assert inventory.select(np.random.default_rng(0), "a", "the!", max_piece=7) is None


def test_writers_with_little_text_are_not_imitated():
    assert Inventory(TEXTS, min_text=12).writers == ["a", "b"]
    assert Inventory(TEXTS, min_text=13).writers == ["a", "b"]
    assert Inventory(TEXTS, min_text=14).writers == []
