"""Error rate and time of a recognizer by the views that doubtful lines are read in, as a table.

    python benchmarks/line_views.py ocr_small_handwritten copiste-val.parquet stanford-val.parquet \
        --views none 1.3,0.2 1.3,0.2/1.55,0 --doubt 5 12

Each of `--views` is a list of STRETCH,SHEAR divided by slashes, see `ocr.decoding.rescoring.Rescoring`. Seconds are
those of the processor.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from ocr.bundle import Bundle
from ocr.data.lines.manifest import ParquetLines
from ocr.evaluation.lines import evaluate_lines
from ocr.inference.recognizer import LineReader


def parse_views(text: str) -> list[list[float]]:
    """Read pairs of numbers from `1.3,0.2/1.55,0`; `none` is no view."""
    return [] if text == "none" else [[float(n) for n in view.split(",")] for view in text.split("/")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", help="recognizer with both heads")
    parser.add_argument("sets", type=Path, nargs="+", help="manifests of lines")
    parser.add_argument("--views", nargs="+", default=["none", "1.3,0.2", "1.3,0.2/1.55,0"])
    parser.add_argument("--doubt", type=float, nargs="+", default=[5.0], help="see `Rescoring`")
    parser.add_argument("--kind", default="handwritten", help="kind of line to score; '' for all")
    options = parser.parse_args()
    sources = [ParquetLines(path, kind=options.kind or None) for path in options.sets]
    print("| views | doubt | " + " | ".join(path.stem for path in options.sets) + " | all | ms per line |")
    print("|---|---|" + "---|" * (len(sources) + 2))
    bundle = Bundle.load(options.bundle)
    rescore = bundle.decoding.setdefault("options", {}).setdefault("rescore", {})
    for text in options.views:
        views = parse_views(text)
        for doubt in options.doubt if views else options.doubt[:1]:
            rescore |= {"views": views, "doubt": doubt}
            reader, start = LineReader(bundle, decode="rescore"), time.process_time()
            reports = [evaluate_lines(reader, source)[0] for source in sources]
            seconds, lines = time.process_time() - start, sum(report["lines"] for report in reports)
            characters = sum(report["characters"] for report in reports)
            cer = sum(report["cer"] * report["characters"] for report in reports) / characters
            cells = [
                *(f"{report['cer']:.2f}" for report in reports),
                f"{cer:.2f}",
                f"{1000 * seconds / lines:.1f}",
            ]
            print(f"| {text} | {f'{doubt:g}' if views else ''} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
