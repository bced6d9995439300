"""`ocr spark`: what cannot be read says so before Spark starts."""

import pytest

from ocr.commands.spark import main


@pytest.mark.parametrize(
    ("arguments", "message", "why"),
    [
        (["scans"], "give one output", "no output"),
        (["scans", "texts", "--output", "others"], "give one output", "two outputs"),
        (["scans", "texts", "--conf", "spark.x"], "--conf spark.x: expected key=value", "half of a setting"),
        (["scans", "--output", "texts", "--recognizer", "nonsense"], "nonsense", "an unknown bundle"),
        (["scans", "texts", "--batch-size", "0"], "expected a number from 1", "no lines"),
    ],
)
def test_what_cannot_be_read_costs_one_line(arguments, message, why, capsys):
    pytest.importorskip("pyspark", reason="the extra `spark` is not installed")
    assert main(["read", *arguments]) == 2, why
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
