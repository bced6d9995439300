"""Pages with the lines that a detector finds on them, numbered in reading order: the worst, some others, some drawn.

    uv run ocr gallery image_text_detector_v2 DATA/pages/pages.jsonl --split test \
        --sources copiste stanford --fonts FONTS --corpus CORPUS --output docs/gallery

Writes a JPEG a page and `README.md`, which tells what was found on each. Blue: found; orange: found where the
annotation has no such line; red: annotated and missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ocr.bundle import Bundle
from ocr.data.pages.manifest import PagesManifest
from ocr.errors import OcrError, one_line
from ocr.evaluation.analysis.gallery import Exhibit, choose, examine, write_gallery
from ocr.inference.detector import LineFinder
from ocr.synth.page import build_page_synthesizer


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        finder = LineFinder(Bundle.load(options.detector, kind="detector"))
        pages = PagesManifest(options.pages, split=options.split, sources=options.sources)
        scored = [
            examine(f"{row['source']}, {row['id']} ({row['licence']})", row["source"], pages[index], finder)
            for index, row in enumerate(tqdm(pages.rows, disable=None, leave=False))
        ]
        exhibits = choose(scored, worst=options.worst, others=options.others)
        for index, exhibit in enumerate(exhibits[: options.worst]):
            exhibit.title = f"Worst but {index}: {exhibit.title}" if index else f"Worst: {exhibit.title}"
        exhibits += _synthetic(options, lambda title, page: examine(title, "synthetic", page, finder))
        write_gallery(
            exhibits,
            options.output,
            command=" ".join(["uv run ocr gallery", *arguments]),
        )
    except (OcrError, OSError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 2
    return 0


def _synthetic(options: argparse.Namespace, examined: Callable[..., Exhibit]) -> list[Exhibit]:
    if not options.synthetic:
        return []
    synthesizer = build_page_synthesizer(fonts=options.fonts, corpus=options.corpus)
    exhibits = []
    for index in range(options.synthetic):
        sample = synthesizer.sample(np.random.default_rng([options.seed, index]))
        exhibits.append(
            examined(f"Synthetic page {index} of seed {options.seed}", (sample.image, sample.page))
        )
    return exhibits


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("ocr gallery", description=__doc__.split("\n\n")[0])
    parser.add_argument("detector", help="name or folder of a bundle")
    parser.add_argument("pages", help="manifest of annotated pages")
    parser.add_argument("--split", help="only pages of this split")
    parser.add_argument("--sources", nargs="+", help="only pages of these sets")
    parser.add_argument("--worst", type=int, default=3, help="how many of the worst pages")
    parser.add_argument("--others", type=int, default=6, help="how many others, of all sets in turn")
    parser.add_argument("--synthetic", type=int, default=3, help="how many synthetic pages")
    parser.add_argument(
        "--seed", type=int, default=12345, help="of the synthetic pages; training's are small numbers"
    )
    parser.add_argument("--fonts", help="of the synthetic pages; default: those that ship")
    parser.add_argument("--corpus", help="texts of the synthetic pages; default: those that ship")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    return parser
