import json

import pytest

from ocr.commands import main


@pytest.mark.slow
def test_lines_and_a_page_are_measured_by_decoding(tmp_path, capsys):
    report = tmp_path / "speed.json"
    arguments = [
        "--lines",
        "examples/line.png",
        "--pages",
        "examples/letter.jpg",
        "--decode",
        "ctc",
        "ctc_beam",
    ]
    assert main(["bench", *arguments, "--repeat", "1", "--no-start", "--json", str(report)]) == 0
    rows = json.loads(report.read_text())["tasks"]
    groups = [row["group"] for row in rows]
    assert groups == ["lines", "lines", "decode files", "find lines", "pages"]
    assert all(row["per_second"] > 0 and row["per_cpu_second"] > 0 for row in rows)
    assert len(capsys.readouterr().out.splitlines()) == 2 + len(rows)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--lines or --pages"),  # nothing to read
        (["--pages", "there/is/none.jpg"], "no such file"),
        (["--lines", "examples/line.png", "--decode", "fastest"], "unknown decode"),
        (["--lines", "examples/line.png", "--engine", "trocr"], "trocr"),  # without a model
    ],
)
def test_what_cannot_be_measured_is_told_in_a_line(arguments, message, capsys):
    assert main(["bench", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
