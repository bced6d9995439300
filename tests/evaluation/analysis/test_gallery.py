"""Which pages a gallery shows, and what is drawn on them."""

import json

import numpy as np
import pytest
from PIL import Image

from ocr.commands.gallery import main
from ocr.evaluation.analysis.gallery import EXTRA, FOUND, MISSED, Exhibit, choose, draw, write_gallery
from ocr.types import Page, TextLine


def line(top: float) -> TextLine:
    outline = np.array([(40, top), (160, top), (160, top + 20), (40, top + 20)], np.float32)
    return TextLine(polygon=outline, baseline=outline[:2] + (0, 15))


def exhibit(source: str, quality: float, *, found=(), true=(), complete=True) -> Exhibit:
    truth = Page(source=source, height=200, width=200, lines=[line(top) for top in true], complete=complete)
    rates = {"f1": quality, "recall": quality, "precision": 1.0, "lines": len(true), "order_error": 0.0}
    image = np.full((200, 200, 3), 255, np.uint8)
    return Exhibit(f"{source} {quality}", source, image, truth, [line(top) for top in found], rates)


def test_the_worst_come_first_then_the_middling_of_each_source():
    pages = [exhibit("a", q) for q in (0.1, 0.7, 0.8, 0.9)] + [exhibit("b", q) for q in (0.95, 0.2)]
    titles = [page.title for page in choose(pages, worst=2, others=3)]
    assert titles == ["a 0.1", "b 0.2", "a 0.8", "b 0.95", "a 0.9"]
    assert len(choose(pages, worst=2, others=30)) == 6


@pytest.mark.parametrize(
    ("complete", "colors", "absent", "why"),
    [
        (True, {20: FOUND, 80: EXTRA, 140: MISSED}, None, "found, too many, and missed"),
        (False, {20: FOUND, 80: FOUND, 140: MISSED}, EXTRA, "what is not annotated may be text"),
    ],
)
def test_colors_tell_what_was_found(complete, colors, absent, why):
    picture = np.asarray(draw(exhibit("a", 0.5, found=(20, 80), true=(20, 140), complete=complete)))
    for top, color in colors.items():
        assert tuple(picture[top, 100]) == color, why
    assert absent is None or not (picture == absent).all(-1).any()


def test_the_folder_tells_about_each_page(tmp_path):
    write_gallery([exhibit("a", 0.5, found=(20,), true=(20,))], tmp_path / "gallery", command="the command")
    text = (tmp_path / "gallery" / "README.md").read_text()
    assert "## 1. a 0.5" in text and "(01.jpg)" in text and "    the command" in text
    assert Image.open(tmp_path / "gallery" / "01.jpg").size == (200, 200)


@pytest.mark.weights
def test_a_missing_manifest_costs_one_line(tmp_path, capsys):
    assert main(["image_text_detector_v2", str(tmp_path / "gone.jsonl"), "--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / 'gone.jsonl'}")


@pytest.mark.weights
def test_the_command_shows_real_and_synthetic_pages(tmp_path):
    Image.new("RGB", (120, 90), "white").save(tmp_path / "p.png")
    row = {
        "id": "p",
        "file": "p.png",
        "width": 120,
        "height": 90,
        "source": "s",
        "licence": "CC0",
        "split": "test",
    }
    (tmp_path / "pages.jsonl").write_text(json.dumps({**row, "lines": []}) + "\n")
    out = tmp_path / "out"
    command = [
        "image_text_detector_v2",
        str(tmp_path / "pages.jsonl"),
        "--output",
        str(out),
        "--synthetic",
        "1",
    ]
    assert main(command) == 0
    assert sorted(path.name for path in out.iterdir()) == ["01.jpg", "02.jpg", "README.md"]
    assert "(CC0)" in (out / "README.md").read_text()
