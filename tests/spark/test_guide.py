"""docs/spark.md as its reader would follow it: the program that users of such pipelines know, on a real page."""

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyspark", reason="the extra `spark` is not installed")

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "spark.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def guide(spark) -> dict:
    """The names that the guide's Python leaves behind, run in order in the repository's folder."""
    names: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        for block in re.findall(r"^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL):
            exec(compile(block, "docs/spark.md", "exec"), names)
    return names


@pytest.fixture(scope="module")
def row(guide):
    [row] = guide["result"].collect()
    return row


def test_the_program_reads_what_infer_py_reads(guide, row):
    from ocr import Reader

    options = {"width": 500, "text_threshold": 0.7, "low_text": 0.4, "link_threshold": 0.3}
    options |= {"size_threshold": -1, "with_refiner": True}
    alone = Reader.from_pretrained(device="cpu", detection=options).read(ROOT / guide["path"])
    assert row.exception is None
    assert row.text == alone.text
    assert len(row.text.splitlines()) > 10


def test_regions_are_numbered_lines_inside_the_page(row):
    assert [region["index"] for region in row.text_regions] == list(range(len(row.text_regions)))
    for region in row.text_regions:
        assert (region.label, region.page) == ("line", 0)
        outline = np.array(region.outline).reshape(-1, 2)
        assert (outline >= 0).all() and (outline <= (row.image.width, row.image.height)).all()


def test_regions_are_drawn_in_green(row):
    from ocr.spark.images import from_struct

    page, drawn = from_struct(row.image.asDict()), from_struct(row.image_with_regions.asDict())
    changed = (page != drawn).any(axis=2)
    assert changed.any()
    assert (drawn[changed] == (0, 255, 0)).all(axis=1).mean() > 0.9, "all but the smoothed edges of digits"


def test_the_stream_of_the_guide_is_one(guide):
    assert guide["texts"].isStreaming
    assert guide["texts"].columns == ["path", "pagenum", "text", "exception"]
