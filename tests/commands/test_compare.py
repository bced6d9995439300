"""Tables of training runs, and a sweep from `ocr train --multirun` to its table."""

import csv
import json
import os
import subprocess
import sys

import pytest

from ocr.commands.compare import main

HEAD = "step,train/lines,val/cer,val/a/cer,val/loss\n"
LOG = HEAD + "24,16,,,\n49,16,50,40,2\n99,16,30,20,1\n149,16,{last},25,3\n"


def make_run(folder, *, lr=0.001, seed=0, last=35.0, monitor="val/cer", mode="min", log=LOG, more=""):
    (folder / "csv" / "version_0").mkdir(parents=True)
    (folder / "csv" / "version_0" / "metrics.csv").write_text(log.format(last=last))
    (folder / "config.yaml").write_text(
        f"name: {folder.name}\nrun_dir: {folder}\nseed: {seed}\noptim: {{lr: {lr}, betas: [0.9, 0.98]}}\n"
        f"task: {{monitor: {monitor}, mode: {mode}}}\ndata: {{seed: {seed}}}\n{more}"
    )


@pytest.fixture
def sweep(tmp_path):
    """A sweep of two rates and two seeds, as --multirun lays it out, and a file beside it."""
    for number, (lr, seed, last) in enumerate([(0.001, 0, 35), (0.001, 1, 28), (0.01, 0, 10), (0.01, 1, 12)]):
        make_run(tmp_path / "sweep" / str(number), lr=lr, seed=seed, last=last)
    (tmp_path / "sweep" / "notes.log").write_text("")
    return tmp_path / "sweep"


def rows_of(arguments, capsys):
    assert main([*map(str, arguments), "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_row_has_what_differs_and_the_best_validation(sweep, capsys):
    first, second, *_ = rows_of([sweep], capsys)
    assert first == {
        "run": "0",
        "seed": 0,
        "optim.lr": 0.001,
        "steps": 150,
        "lines": 2400,
        "best step": 100,
        "cer": 30.0,
        "loss": 1.0,
        "a/cer": 20.0,
    }, "the step with the lowest CER, not the last; neither name, what is equal, nor data.seed"
    assert (second["best step"], second["cer"]) == (150, 28.0)


def test_a_sweep_a_shell_pattern_and_a_list_give_the_same_runs(sweep, capsys):
    listed = rows_of(sorted(sweep.iterdir()), capsys)
    assert listed == rows_of([sweep], capsys) == rows_of([sweep.parent], capsys)[:4]
    assert len(rows_of([sweep, sweep / "0"], capsys)) == 4, "named twice"


def test_runs_that_differ_in_their_seed_alone_are_averaged(sweep, capsys):
    slow, fast = rows_of([sweep, "--mean-over", "seed"], capsys)
    assert (slow["optim.lr"], slow["runs"], slow["cer"]) == (0.001, 2, 29.0)
    assert slow["cer sd"] == pytest.approx(2**0.5) and (fast["cer"], fast["best step"]) == (11.0, 150)
    assert main([str(sweep), "--mean-over", "seed", "--format", "md"]) == 0
    assert "| 29.00 ± 1.414 |" in capsys.readouterr().out


def test_high_scores_can_be_the_good_ones(tmp_path, capsys):
    make_run(tmp_path / "detector", monitor="val/f1", mode="max", log="step,val/f1\n9,0.5\n19,0.9\n29,0.7\n")
    (row,) = rows_of([tmp_path / "detector"], capsys)
    assert (row["run"], row["best step"], row["f1"], row["lines"]) == ("detector", 20, 0.9, None)


@pytest.mark.parametrize("ending", ["md", "csv", "json"])
def test_the_name_of_the_output_chooses_its_format(sweep, ending, tmp_path):
    path = tmp_path / f"table.{ending}"
    assert main([str(sweep), "--output", str(path)]) == 0
    text = path.read_text(encoding="utf-8")
    if ending == "csv":
        rows = list(csv.DictReader(text.splitlines()))
        assert [row["cer"] for row in rows] == ["30.0", "28.0", "10.0", "12.0"]
    elif ending == "md":
        head, rule, *rows = text.splitlines()
        assert head.startswith("| run | seed | optim.lr | steps |") and set(rule) <= set("|- ")
        assert rows[2] == "| 2 | 0 | 0.01 | 150 | 2,400 | 150 | 10.00 | 3.00 | 25.00 |"
    else:
        assert len(json.loads(text)) == 4


def test_many_settings_get_a_table_of_their_own(tmp_path, capsys):
    for number in range(2):
        more = "x: {" + ", ".join(f"k{i}: {number}" for i in range(40)) + "}"
        make_run(tmp_path / str(number), more=more)
    assert main([str(tmp_path), "--format", "md"]) == 0
    results, settings = capsys.readouterr().out.strip().split("\n\n")
    assert "x.k0" not in results and "| x.k0 | 0 | 1 |" in settings and "... and 10 more" in settings
    assert main([str(tmp_path), "--settings", "x.k7", "--format", "md"]) == 0
    assert capsys.readouterr().out.startswith("| run | x.k7 | steps |")


def test_curves_of_all_runs_are_drawn(sweep, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    assert main([str(sweep), "--plot", str(tmp_path / "curves.png")]) == 0
    assert (tmp_path / "curves.png").stat().st_size > 5000


def test_a_run_that_cannot_be_read_costs_itself_only(sweep, tmp_path, capsys):
    (sweep / "1" / "config.yaml").write_text("a: [")
    assert main([str(sweep), str(tmp_path / "none"), "--format", "csv"]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 4 and err.count("\n") == 2
    assert "1/config.yaml: cannot be read" in err and "none: no run in it" in err


@pytest.mark.parametrize(
    ("arguments", "message", "why"),
    [
        (["none"], "there is no run to compare in none", "nothing there"),
        (["sweep", "--settings", "optim.rate"], "no run has a setting 'optim.rate'", "a name of no setting"),
        (["sweep", "--mean-over", "lr"], "no run has a setting 'lr'", "a setting without its group"),
        (["sweep", "--output", "table.txt"], "table.txt: ends with none of", "no format"),
        (["sweep", "--output", "none/table.md"], "none/table.md", "no folder"),
        (
            ["sweep", "--metric", "val/b/cer", "--plot", "x.png"],
            "no run has logged 'val/b/cer'",
            "no such metric",
        ),
        ([], "required: RUN", "nothing asked for"),
    ],
)
def test_what_cannot_work_costs_one_line(arguments, message, why, sweep, monkeypatch, capsys):
    monkeypatch.chdir(sweep.parent)
    assert main(arguments) == 2, why
    err = capsys.readouterr().err.splitlines()
    assert message in err[-1] and err[-1].startswith("error: ")


@pytest.mark.slow
def test_a_sweep_trains_draws_its_curves_and_is_compared(tmp_path, monkeypatch, capsys):
    short = (
        "trainer.max_steps=2 trainer.val_check_interval=1 trainer.log_every_n_steps=1 threads=1 name=rates"
    )
    command = [sys.executable, "-m", "ocr", "train", "--multirun", "debug=overfit", *short.split()]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    rates = "optim.optimizer.lr=0.001,0.01"
    subprocess.run([*command, rates], cwd=tmp_path, env=environment, check=True, capture_output=True)
    monkeypatch.chdir(tmp_path)
    rows = rows_of(["runs/rates"], capsys)
    assert [(row["run"], row["optim.optimizer.lr"]) for row in rows] == [("0", 0.001), ("1", 0.01)]
    assert all(row["steps"] == 2 and row["lines"] == 32 and row["cer"] > 0 for row in rows)
    assert all((tmp_path / "runs" / "rates" / number / "curves.png").exists() for number in "01")
