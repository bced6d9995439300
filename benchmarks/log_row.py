"""Row of docs/training-log.md for a run: `python benchmarks/log_row.py runs/NAME [--commit HASH] [--device TEXT]`.

Minutes are counted from the files of TensorBoard, one per start of the run: from the time in its name to its last
change. The last column, the conclusion, is left empty.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
from pathlib import Path


def progress(run: Path) -> tuple[int, int]:
    """Count steps and lines (0 for crops) over all starts of the run."""
    steps, sizes = 0, []
    for file in run.glob("csv/*/metrics.csv"):
        with file.open(encoding="utf-8") as rows:
            for row in csv.DictReader(rows):
                steps = max(steps, int(row["step"]) + 1)
                if row.get("train/lines"):
                    sizes.append(float(row["train/lines"]))
    return steps, round(steps * sum(sizes) / len(sizes)) if sizes else 0


def minutes(run: Path) -> float:
    files = run.glob("tensorboard/events.out.tfevents.*")
    return sum(file.stat().st_mtime - int(file.name.split(".")[3]) for file in files) / 60


def scores(run: Path) -> str:
    """Format the validation scores of the kept bundle: over all sets, then for each set."""
    metrics = json.loads((run / "bundle" / "bundle.json").read_text(encoding="utf-8"))["metrics"]
    kept = {key: value for key, value in metrics.get("validation", {}).items() if key not in ("loss", "wer")}
    return ", ".join(
        f"{key.removesuffix('/cer')} {kept[key]:.3g}" for key in sorted(kept, key=lambda k: "/" in k)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--commit", default="?", help="of the code that ran")
    parser.add_argument("--device", default=platform.machine())
    options = parser.parse_args()
    if not (options.run / "bundle" / "bundle.json").is_file():
        parser.error(f"{options.run}: no run that has written its bundle")
    steps, lines = progress(options.run)
    seen = f"{steps} steps" + (f", {lines} lines" if lines else "")
    cells = [options.run.resolve().name, options.commit, options.device, f"{minutes(options.run):.0f}", seen]
    print("| " + " | ".join([*cells, scores(options.run), ""]) + "|")


if __name__ == "__main__":
    main()
