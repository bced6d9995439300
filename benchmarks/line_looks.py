"""Error rate and time of a recognizer by the width of lines and the views of doubtful ones, as a table.

    python benchmarks/line_looks.py ocr_small_handwritten copiste-val.parquet peraire-val.parquet --stretch 1 1.2 1.4
    python benchmarks/line_looks.py ocr_small_handwritten copiste-val.parquet stanford-val.parquet \
        --views none 1.3,0.2 1.3,0.2/1.55,0 --doubt 5 12

There is a row for each choice of `--stretch` (of `ocr.image.preprocess.LinePreprocessor`), `--views` and `--doubt`.
Each of `--views` is a list of STRETCH,SHEAR divided by slashes (`ocr.decoding.rescoring.Rescoring`); decodings other
than `rescore` have none. What is not given is the bundle's own. Seconds are those of the processor.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from ocr.bundle import Bundle
from ocr.data.lines.manifest import ParquetLines
from ocr.evaluation.lines import evaluate_lines
from ocr.inference.recognizer import LineReader


def parse_views(text: str) -> list[list[float]]:
    """Read pairs of numbers from `1.3,0.2/1.55,0`; `none` is no view."""
    return [] if text == "none" else [[float(n) for n in view.split(",")] for view in text.split("/")]


def choices(bundle: Bundle, options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Change the bundle to each choice in turn; yields its stretch and views in words."""
    rescore = bundle.decoding.setdefault("options", {}).setdefault("rescore", {})
    for stretch in options.stretch or [bundle.parts["preprocess"].stretch]:
        bundle.parts["preprocess"].stretch = stretch
        for text in options.views or [None]:
            if text is not None:
                rescore["views"] = parse_views(text)
            for doubt in options.doubt if rescore.get("views") else [None]:
                if doubt is not None:
                    rescore["doubt"] = doubt
                yield f"{stretch:g}", f"{text or 'own'}{'' if doubt is None else f', doubt {doubt:g}'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", help="recognizer whose preprocessor is a LinePreprocessor")
    parser.add_argument("sets", type=Path, nargs="+", help="manifests of lines")
    parser.add_argument("--stretch", type=float, nargs="+", help="widths, as multiples of the aspect ratio's")
    parser.add_argument("--views", nargs="+", help="further views of doubtful lines")
    parser.add_argument("--doubt", type=float, nargs="+", default=[None], help="see `Rescoring`")
    parser.add_argument("--decode", help="decoding; default the bundle's own")
    parser.add_argument("--kind", default="handwritten", help="kind of line to score; '' for all")
    options = parser.parse_args()
    sources = [ParquetLines(path, kind=options.kind or None) for path in options.sets]
    print("| stretch | views | " + " | ".join(path.stem for path in options.sets) + " | all | ms per line |")
    print("|---|---|" + "---|" * (len(sources) + 2))
    bundle = Bundle.load(options.bundle)
    for stretch, views in choices(bundle, options):
        reader, start = LineReader(bundle, decode=options.decode), time.process_time()
        reports = [evaluate_lines(reader, source)[0] for source in sources]
        seconds, lines = time.process_time() - start, sum(report["lines"] for report in reports)
        characters = sum(report["characters"] for report in reports)
        cer = sum(report["cer"] * report["characters"] for report in reports) / characters
        cells = [
            *(f"{report['cer']:.2f}" for report in reports),
            f"{cer:.2f}",
            f"{1000 * seconds / lines:.1f}",
        ]
        print(" | ".join([f"| {stretch}", views, *cells]) + " |", flush=True)


if __name__ == "__main__":
    main()
