"""Page scores: what counts, what is left out, and in which order."""

import json

import numpy as np
import pytest
from PIL import Image

from ocr.data.pages.manifest import PagesManifest
from ocr.evaluation import evaluate_pages
from ocr.evaluation.pages import page_rates, score_page
from ocr.types import Page, TextLine


def line(top: float, text: str = "", left: float = 0, right: float = 100) -> TextLine:
    """A straight line 10 pixels high."""
    polygon = np.array([(left, top), (right, top), (right, top + 10), (left, top + 10)], np.float32)
    return TextLine(polygon, np.array([(left, top + 8), (right, top + 8)], np.float32), text=text)


TRUE = [line(0, "one"), line(20, "two"), line(40, "six")]


@pytest.mark.parametrize(
    ("found", "page", "edits", "any_order", "f1", "why"),
    [
        (TRUE, {}, 0, 0, 1, "everything right"),
        (TRUE[::-1], {}, 6, 0, 1, "read from below: the text is wrong, its lines are not"),
        (TRUE[:2], {}, 4, 3, 0.8, "a line missed, and the space before it"),
        ([*TRUE, line(80, "ghost")], {}, 6, 5, 6 / 7, "text where there is none"),
        ([*TRUE, line(80, "ghost")], {"ignore": [line(78).polygon]}, 0, 0, 1, "in an ignored area"),
        ([*TRUE, line(80, "ghost")], {"complete": False}, 0, 0, None, "beyond an incomplete annotation"),
        ([*TRUE, line(60, "scrawl")], {"lines": [*TRUE, line(60)]}, 0, 0, 1, "a line without usable text"),
    ],
)
def test_scores_of_a_page(found, page, edits, any_order, f1, why):
    truth = Page("page", 100, 100, **({"lines": list(TRUE)} | page))
    counts = score_page(found, truth)
    assert counts.text.edits == edits, why
    assert counts.any_order.edits == any_order, why
    if f1 is not None:
        assert counts.detection.f1 == pytest.approx(f1), why


@pytest.mark.parametrize(
    ("found", "share"), [(TRUE, 0), (TRUE[::-1], 1), ([TRUE[1], TRUE[0], TRUE[2]], 1 / 3)]
)
def test_order_error_is_the_share_of_pairs_in_the_wrong_order(found, share):
    counts = score_page(found, Page("page", 100, 100, lines=list(TRUE)))
    assert counts.pairs_out_of_order / counts.pairs == pytest.approx(share)


def test_precision_is_unknown_without_a_complete_page():
    counts = score_page(TRUE, Page("page", 100, 100, lines=list(TRUE), complete=False))
    rates = page_rates([counts], with_text=False)
    assert (rates["precision"], rates["f1"], rates["recall"]) == (None, None, 1)


def test_a_missing_page_is_skipped_and_named(tmp_path):
    rows = []
    for name in ("there", "gone"):
        row = {"id": name, "file": f"{name}.png", "width": 100, "height": 100, "source": "s", "split": "test"}
        outline = {"id": "l", "polygon": TRUE[0].polygon.tolist(), "baseline": TRUE[0].baseline.tolist()}
        rows.append(row | {"lines": [outline | {"text": "one"}]})
    (tmp_path / "pages.jsonl").write_text("\n".join(map(json.dumps, rows)))
    Image.fromarray(np.full((100, 100, 3), 255, np.uint8)).save(tmp_path / "there.png")
    report = evaluate_pages(lambda image: [line(0, "ore")], PagesManifest(tmp_path / "pages.jsonl"))
    assert (report["pages"], report["f1"], report["cer"]) == (1, 1, pytest.approx(100 / 3, abs=1e-3))
    assert "gone" in report["skipped"][0]["reason"]
    assert list(report["per_source"]) == ["s"]
