"""Error rate of a recognizer by the width that lines are stretched to, as a table with one row per stretch.

    python benchmarks/line_width.py ocr_small_handwritten copiste-val.parquet peraire-val.parquet --stretch 1 1.2 1.4

The stretch is that of `ocr.image.preprocess.LinePreprocessor`; the bundle's own is marked.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from ocr.bundle import Bundle
from ocr.data.lines.manifest import ParquetLines
from ocr.evaluation.lines import evaluate_lines
from ocr.inference.recognizer import LineReader


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", help="recognizer whose preprocessor is a LinePreprocessor")
    parser.add_argument("sets", type=Path, nargs="+", help="manifests of lines")
    parser.add_argument("--stretch", type=float, nargs="+", default=[1.0, 1.15, 1.3, 1.45])
    parser.add_argument("--kind", default="handwritten", help="kind of line to score; '' for all")
    parser.add_argument("--decode", help="decoding; default the bundle's own")
    options = parser.parse_args()
    print("| stretch | " + " | ".join(path.stem for path in options.sets) + " | all | lines/s |")
    print("|---|" + "---|" * (len(options.sets) + 2))
    bundle = Bundle.load(options.bundle)
    own = bundle.parts["preprocess"].stretch
    for stretch in options.stretch:
        bundle.parts["preprocess"].stretch = stretch
        reader, start = LineReader(bundle, decode=options.decode), time.perf_counter()
        reports = [
            evaluate_lines(reader, ParquetLines(path, kind=options.kind or None))[0] for path in options.sets
        ]
        seconds, lines = time.perf_counter() - start, sum(report["lines"] for report in reports)
        edits = sum(report["cer"] * report["characters"] for report in reports)
        cells = [f"{report['cer']:.2f}" for report in reports]
        cells.append(f"{edits / sum(report['characters'] for report in reports):.2f}")
        print(
            f"| {stretch:g}{' (own)' if stretch == own else ''} | "
            + " | ".join(cells)
            + f" | {lines / seconds:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
