"""Draw synthetic lines or pages: to look at, or lines as a data set.

examples:
    ocr synth sheet --output sheet.png
    ocr synth pages --output pages.png --boxes
    ocr synth folder --output lines --count 1000
    ocr synth parquet --output lines.parquet --count 1000
    ocr synth parquet --output shards --count 1000000 --shards 1000
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ocr.commands.options import CommandParser, positive, run
from ocr.errors import ConfigError
from ocr.synth import LINE_HEIGHT

if TYPE_CHECKING:
    from ocr.synth.line import LineSynthesizer, SynthLine


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    return run(_parser(), arguments)


def _sheet(options: argparse.Namespace) -> None:
    from ocr.synth.pictures import write_sheet

    write_sheet(list(_samples(options)), options.output, boxes=options.boxes)


def _folder(options: argparse.Namespace) -> None:
    from ocr.synth.pictures import write_folder

    write_folder(_samples(options), options.output)


def _parquet(options: argparse.Namespace) -> None:
    from ocr.synth.shards import write_lines, write_shard

    synthesizer = _line_synthesizer(options)
    if options.shards is None:
        if options.shard:
            raise ConfigError("--shard says which of --shards: give both")
        write_lines(synthesizer, range(options.count), options.output, seed=options.seed)
        return
    recipe = f"height={options.height} fonts={options.fonts} corpus={options.corpus}"
    facts = {"shards": options.shards, "count": options.count, "seed": options.seed, "recipe": recipe}
    for shard in options.shard or range(options.shards):
        new = write_shard(synthesizer, options.output, shard=shard, **facts)
        print(f"shard {shard} of {options.shards}: {'written' if new else 'is there'}", flush=True)


def _pages(options: argparse.Namespace) -> None:
    import numpy as np

    from ocr.synth.layouts import LAYOUTS
    from ocr.synth.page import PageSynthesizer
    from ocr.synth.pictures import draw_page, write_pages

    if options.layout not in (None, *LAYOUTS):
        raise ConfigError(f"--layout {options.layout}: choose from {', '.join(sorted(LAYOUTS))}")
    only = {options.layout: 1.0} if options.layout else None
    synthesizer = PageSynthesizer(fonts=options.fonts, corpus=options.corpus, layouts=only)
    pages = (synthesizer.sample(np.random.default_rng([options.seed, i])) for i in range(options.count))
    write_pages([draw_page(page) if options.boxes else page.image for page in pages], options.output)


def _line_synthesizer(options: argparse.Namespace) -> LineSynthesizer:
    from ocr.synth.line import LineSynthesizer

    return LineSynthesizer(fonts=options.fonts, corpus=options.corpus, height=options.height)


def _samples(options: argparse.Namespace) -> Iterator[SynthLine]:
    import numpy as np

    synthesizer = _line_synthesizer(options)
    return (synthesizer.sample(np.random.default_rng([options.seed, i])) for i in range(options.count))


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("ocr synth", doc=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for name, run_kind, summary, count in (
        ("sheet", _sheet, "a contact sheet (PNG) of lines to look at", 24),
        ("folder", _folder, "lines as PNG files and labels.tsv", 1000),
        ("parquet", _parquet, "lines as one Parquet file, or as a folder of shards", 1000),
        ("pages", _pages, "a contact sheet (PNG) of whole pages", 9),
    ):
        kind = kinds.add_parser(name, help=summary, doc=f"Write {summary}.")
        kind.set_defaults(run=run_kind)
        add = kind.add_argument
        add("--output", type=Path, required=True, help="file or folder to write")
        add(
            "--count",
            type=positive,
            default=count,
            help=f"number of {'pages' if name == 'pages' else 'lines'}",
        )
        add("--fonts", help="folder with fonts.csv and fonts/; default: the shipped ones")
        add("--corpus", help="text file or folder; default: the shipped texts")
        add("--seed", type=int, default=0, help="of the random choices")
        if name == "pages":
            add("--layout", help="only pages of one kind: prose, letter, notes ...")
        else:
            add("--height", type=positive, default=LINE_HEIGHT, help="height of the lines in pixels")
        if name == "parquet":
            add("--shards", type=positive, help="write a folder of that many files instead")
            add("--shard", type=int, nargs="+", help="only these shards, from 0; default: all missing ones")
        if name in ("sheet", "pages"):
            add("--boxes", action="store_true", help="draw boxes and baselines on top")
    return parser
