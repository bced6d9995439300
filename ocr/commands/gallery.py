"""Draw pages with the lines that a detector finds, numbered in reading order: the worst, some others, synthetic ones.

example:
    ocr gallery image_text_detector_v2 DATA/pages/pages.jsonl --split test \\
        --sources copiste stanford --fonts FONTS --corpus CORPUS --output docs/gallery

Writes a JPEG per page and `README.md`, which tells what was found on each. Blue: found; orange: found where the
annotation has no such line; red: annotated and missed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ocr.commands.options import CommandParser, run

if TYPE_CHECKING:
    from ocr.evaluation.analysis.gallery import Exhibit


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    parser = _parser()
    parser.set_defaults(run=partial(_write, arguments))
    return run(parser, arguments)


def _write(arguments: Sequence[str], options: argparse.Namespace) -> None:
    from tqdm import tqdm

    from ocr.bundle import Bundle
    from ocr.data.pages.manifest import PagesManifest
    from ocr.evaluation.analysis.gallery import choose, examine, write_gallery
    from ocr.inference.detector import LineFinder

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
    write_gallery(exhibits, options.output, command=" ".join(["uv run ocr gallery", *arguments]))


def _synthetic(options: argparse.Namespace, examined: Callable[..., Exhibit]) -> list[Exhibit]:
    import numpy as np

    from ocr.synth.page import PageSynthesizer

    if not options.synthetic:
        return []
    synthesizer = PageSynthesizer(fonts=options.fonts, corpus=options.corpus)
    exhibits = []
    for index in range(options.synthetic):
        sample = synthesizer.sample(np.random.default_rng([options.seed, index]))
        title = f"Synthetic page {index} of seed {options.seed}"
        exhibits.append(examined(title, (sample.image, sample.page)))
    return exhibits


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("ocr gallery", doc=__doc__)
    add = parser.add_argument
    add("detector", help="name or folder of a bundle")
    add("pages", help="manifest of annotated pages (JSON lines)")
    add("--output", type=Path, required=True, help="folder to write")
    add("--split", help="only pages of this split")
    add("--sources", nargs="+", help="only pages of these sets")
    add("--worst", type=int, default=3, help="number of the worst pages")
    add("--others", type=int, default=6, help="number of others, from all sets in turn")
    add("--synthetic", type=int, default=3, help="number of synthetic pages")
    add("--seed", type=int, default=12345, help="of the synthetic pages; training uses small numbers")
    add("--fonts", help="of the synthetic pages; default: the shipped ones")
    add("--corpus", help="texts of the synthetic pages; default: the shipped ones")
    return parser
