"""The programs for Spark that model cards show."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CARDS = sorted((ROOT / "docs" / "models").glob("*.md"))


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.stem)
def test_a_cards_program_reads_the_letter(card, spark, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    programs = re.findall(
        r"^```python\n(.*?)^```", card.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    [program] = [text for text in programs if "pyspark" in text]
    exec(compile(program, str(card), "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) > 10
