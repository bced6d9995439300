"""Picture of the validation error over all stages of a model's training.

    python benchmarks/learning_curves.py curves.png FIRST.csv@48000 NEXT.csv@144000

Each argument is the CSV log of a stage and the number of lines that were seen before it. Curves are CER in percent by
best path over lines seen, one per validation set.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from matplotlib.figure import Figure

from ocr.training.log import read_metrics

SETS = ("copiste", "stanford", "poilus", "peraire", "cremma19", "unipen")
BATCH = 32
"""Lines per step in all stages."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", help="file to write")
    parser.add_argument("stages", nargs="+", metavar="CSV@LINES")
    options = parser.parse_args()
    curves: dict[str, list[tuple[float, float]]] = {name: [] for name in SETS}
    for stage in options.stages:
        path, _, before = stage.rpartition("@")
        log = read_metrics(Path(path))
        for name, points in curves.items():
            series = log.get(f"val/{name}/cer", {})
            points += [(int(before) + BATCH * step, score) for step, score in series.items()]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for name, points in curves.items():
        lines, scores = zip(*sorted(points), strict=True)
        axes.plot([count / 1000 for count in lines], scores, marker=".", label=name)
    axes.set(xlabel="thousand lines seen", ylabel="CER of validation lines, best path, %", yscale="log")
    axes.set_yticks(ticks := [7, 10, 15, 20, 30, 40, 50], labels=[str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    figure.savefig(options.picture, dpi=100)


if __name__ == "__main__":
    main()
