"""Line scores against counts done by hand."""

import json

import numpy as np
import pytest

from ocr.bundle import Bundle
from ocr.commands import evaluate
from ocr.data.lines.manifest import write_manifest
from ocr.errors import DataError
from ocr.evaluation import evaluate_lines
from ocr.inference.recognizer import LineReader
from ocr.types import LineSample

ROWS = [
    # text, document, kind; the tiny recogniser reads every line as "a"
    ("a", "p1", "handwritten"),
    ("ab", "p1", "handwritten"),
    ("b a b", "p2", "typed"),
    (None, "p2", "handwritten"),
    ("a", "p3", "handwritten"),
]


class Lines:
    """Blank lines with the labels of ROWS; a row without text cannot be used."""

    name = "rows"

    def __len__(self):
        return len(ROWS)

    def __getitem__(self, index):
        text, document, kind = ROWS[index]
        if text is None:
            raise DataError(f"row {index} has no text")
        image = np.full((16, 20 + 10 * index), 255, np.uint8)
        return LineSample(image, text, id=str(index), document=document, source=document[:1], kind=kind)

    def widths(self):
        return np.array([(20 + 10 * index) / 16 for index in range(len(ROWS))])


@pytest.fixture(scope="module")
def reader(tiny_recognizer):
    return LineReader(Bundle.load(tiny_recognizer))


@pytest.mark.parametrize(
    ("options", "lines", "edits", "characters", "skipped", "why"),
    [
        ({}, 4, 1 + 4, 1 + 2 + 5 + 1, 1, "all but the row without text"),
        ({"kind": "handwritten"}, 3, 1, 4, 1, "one kind"),
        ({"limit": 2}, 2, 1, 3, 0, "the first rows only"),
        ({"batch_size": 1}, 4, 5, 9, 1, "no padding: the same"),
    ],
)
def test_rates_are_summed_and_then_divided(reader, options, lines, edits, characters, skipped, why):
    report, results = evaluate_lines(reader, Lines(), **options)
    assert report["cer"] == pytest.approx(100 * edits / characters, abs=1e-3), why
    assert (report["lines"], len(results), len(report["skipped"])) == (lines, lines, skipped)
    assert report["cer_ci"][0] <= report["cer"] <= report["cer_ci"][1]
    assert report["lines_per_second"] > 0


def test_documents_are_the_unit_of_the_interval(reader):
    report, _ = evaluate_lines(reader, Lines())
    assert report["documents"] == 3
    assert report["exact"] == 50
    assert list(report["per_source"]) == ["p"]


def test_calibration_errors_are_reported(reader):
    """It is sure of every "a"; each is in the label, but one of four only as part of a word."""
    report, _ = evaluate_lines(reader, Lines())
    assert report["ece_word"] == pytest.approx(25, abs=0.5)
    assert report["ece_character"] == pytest.approx(0, abs=0.5)


def test_nothing_to_score_is_an_error(reader):
    with pytest.raises(DataError, match="kind 'print'"):
        evaluate_lines(reader, Lines(), kind="print")


def test_the_command_writes_report_and_predictions(tiny_recognizer, tmp_path, capsys):
    assert len(write_manifest(Lines(), tmp_path / "lines.parquet")) == 1
    files = [f"report={tmp_path}/out/report.json", f"predictions={tmp_path}/readings.jsonl"]
    data = ["data=parquet", f"data.path={tmp_path}/lines.parquet"]
    assert evaluate.main([f"bundle={tiny_recognizer}", *data, *files]) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["cer"] == pytest.approx(100 * 5 / 9, abs=1e-3)
    assert report["bundle"]["name"] == "tiny" and report["settings"]["normalize"] is True
    readings = [json.loads(line) for line in (tmp_path / "readings.jsonl").read_text().splitlines()]
    assert [row["edits"] for row in readings] == [4, 1, 0, 0], "worst first"
    assert "55.56" in capsys.readouterr().out
