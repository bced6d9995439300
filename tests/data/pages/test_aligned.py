"""Characters of real pages by alignment: from the command's file to the word maps' targets."""

import json

import numpy as np
import pytest
from PIL import Image

from ocr.commands.align import main
from ocr.data.pages.aligned import AlignedPages
from ocr.data.pages.crops import PageCrops
from ocr.data.pages.manifest import PagesManifest
from ocr.errors import DataError
from ocr.synth.line import LineSynthesizer


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A page of two drawn lines, one under the other, and a third line without text."""
    folder = tmp_path_factory.mktemp("pages")
    synthesizer = LineSynthesizer(characters=(8, 20), clean_probability=1.0, neighbor_probability=0.0)
    drawn = [synthesizer.sample(np.random.default_rng([3, index])) for index in range(3)]
    page = np.full((500, 900, 3), 255, np.uint8)
    lines, top = [], 20
    for number, line in enumerate(drawn):
        height, width = line.image.shape[:2]
        width = min(width, 880)
        page[top : top + height, 10 : 10 + width] = line.image[:, :width, None]
        polygon = [(10, top), (10 + width, top), (10 + width, top + height), (10, top + height)]
        row = {"id": f"l{number}", "polygon": polygon, "baseline": (line.baseline + (10, top)).tolist()}
        lines.append(
            {**row, "text": line.text, "kind": "handwritten"} | ({"skip": "no text"} if number == 2 else {})
        )
        top += height + 20
    Image.fromarray(page).save(folder / "page.png")
    row = {"id": "p", "file": "page.png", "width": 900, "height": 500, "source": "drawn", "split": "train"}
    (folder / "pages.jsonl").write_text(json.dumps({**row, "lines": lines}) + "\n")
    assert main(["pages", str(folder / "pages.jsonl"), "--output", str(folder / "characters.jsonl")]) == 0
    return folder


def test_every_character_gets_a_place_inside_its_line(pages):
    rows = [json.loads(text) for text in (pages / "characters.jsonl").read_text().splitlines()]
    truth = {line.id: line for line in PagesManifest(pages / "pages.jsonl").page(0).lines}
    assert [row["line"] for row in rows] == ["l0", "l1"], "a line without text is left out"
    for row in rows:
        line = truth[row["line"]]
        assert [len(word) for word in row["words"]] == [len(word) for word in line.text.split()]
        quads = np.array([quad for word in row["words"] for quad in word])
        assert (np.diff(quads[:, :, 0].mean(1)) > 0).all(), "from left to right"
        # The first and the last character reach a little beyond what the network saw of them.
        low, high = line.polygon.min(0) - (30, 12), line.polygon.max(0) + (30, 12)
        assert (quads >= low).all() and (quads <= high).all()


@pytest.mark.parametrize(
    ("min_fit", "unknown", "reason"),
    [(-100.0, 1, "only the line without text is unknown"), (0.0, 3, "what does not fit is not believed")],
)
def test_lines_without_characters_are_unknown(pages, min_fit, unknown, reason):
    source = AlignedPages(pages / "pages.jsonl", characters=pages / "characters.jsonl", min_fit=min_fit)
    annotated = source.annotated(0)
    assert len(annotated.unknown) == unknown, reason
    words = sum(len(line.text.split()) for line in annotated.page.lines)
    assert len(annotated.words) == words * (unknown == 1)
    crops = PageCrops(
        {"pages": source},
        length=6,
        size=(448, 448),
        text_height=(30, 30, 30),
        rotation=0,
        far=0,
        blank=0,
        paste=0,
        seed=1,
    )
    targets = [crops[index][1] for index in range(6)]
    heat = sum(float(each.region.sum()) for each in targets)
    assert (heat > 0) == (unknown == 1), reason
    for each in targets:
        assert (each.character_weight <= each.line_weight).all()
        # What is unknown to the word maps is a line all the same.
        hidden = (each.character_weight == 0) & (each.line > 0.5)
        assert hidden.any() or unknown == 1, reason


@pytest.mark.parametrize(
    "content", ["no json", '{"page": "p"}', '{"page": 1, "line": 1, "fit": "x", "words": []}']
)
def test_a_broken_file_is_named(pages, tmp_path, content):
    (tmp_path / "characters.jsonl").write_text(content)
    with pytest.raises(DataError, match=r"characters\.jsonl: not a file of aligned characters"):
        AlignedPages(pages / "pages.jsonl", characters=tmp_path / "characters.jsonl")


def test_a_page_that_cannot_be_read_costs_one_line(pages, tmp_path, capsys):
    (tmp_path / "pages.jsonl").write_text((pages / "pages.jsonl").read_text())
    assert main(["pages", str(tmp_path / "pages.jsonl"), "--output", str(tmp_path / "out.jsonl")]) == 0
    assert "page.png" in capsys.readouterr().err and (tmp_path / "out.jsonl").read_text() == ""
