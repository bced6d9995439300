"""Draw synthetic lines or pages: to look at, or lines as a data set.

ocr synth sheet --out sheet.png
ocr synth pages --out pages.png
ocr synth folder --out lines --count 1000
ocr synth parquet --out lines.parquet --count 1000
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from ocr.errors import ConfigError, OcrError
from ocr.image.encode import encode_png
from ocr.synth.layouts import LAYOUTS
from ocr.synth.line import LineSynthesizer, SynthLine, build_line_synthesizer
from ocr.synth.page import SynthPage, build_page_synthesizer


def lines(synthesizer: LineSynthesizer, count: int, seed: int) -> Iterator[SynthLine]:
    """Lines 0 to `count` - 1 of a seed."""
    for index in range(count):
        yield synthesizer.sample(np.random.default_rng([seed, index]))


def write_sheet(samples: list[SynthLine], out: Path, *, boxes: bool = False) -> None:
    """One picture with a line a row; `boxes` draws characters, words and the baseline on top."""
    gap = 6
    width = max(sample.image.shape[1] for sample in samples)
    rows = []
    for sample in samples:
        picture = cv2.cvtColor(sample.image, cv2.COLOR_GRAY2BGR)
        if boxes:
            for _, (x0, y0, x1, y1) in sample.characters:
                cv2.rectangle(picture, (round(x0), round(y0)), (round(x1), round(y1)), (230, 120, 0), 1)
            for _, (x0, y0, x1, y1) in sample.words:
                cv2.rectangle(picture, (round(x0), round(y0)), (round(x1), round(y1)), (0, 0, 230), 1)
            cv2.polylines(picture, [sample.baseline.round().astype(np.int32)], False, (0, 170, 0), 1)
        rows.append(
            cv2.copyMakeBorder(
                picture,
                gap // 2,
                gap // 2,
                0,
                width - picture.shape[1],
                cv2.BORDER_CONSTANT,
                value=(128, 128, 128),
            )
        )
    out.write_bytes(encode_png(np.vstack(rows)))


def write_folder(samples: Iterator[SynthLine], out: Path) -> None:
    """PNG files and `labels.tsv`, a file name, a tab and the text a row."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "labels.tsv").open("w", encoding="utf-8") as labels:
        for index, sample in enumerate(samples):
            name = f"{index:06d}.png"
            (out / name).write_bytes(encode_png(sample.image))
            labels.write(f"{name}\t{sample.text}\n")


def draw_page(sample: SynthPage) -> np.ndarray:
    """The page uint8 (h, w, 3) RGB with its characters, words, lines, baselines and ignored areas drawn on it."""
    picture = sample.image.copy()

    def outline(polygon: np.ndarray, color: tuple[int, int, int], *, closed: bool = True) -> None:
        points = np.round((polygon - 0.5) * 16).astype(np.int32)
        cv2.polylines(picture, [points], closed, color, 1, cv2.LINE_AA, 4)

    for character in (quad for word in sample.character_polygons for quad in word):
        outline(character, (255, 190, 0))
    for line in sample.page.lines:
        for word in line.words:
            outline(word.polygon, (0, 110, 255))
        outline(line.polygon, (230, 0, 0))
        outline(line.baseline, (0, 170, 0), closed=False)
    for area in sample.page.ignore:
        outline(area, (220, 0, 220))
    return picture


def write_pages(pictures: list[np.ndarray], out: Path, *, cell: int = 900) -> None:
    """One picture with the pages side by side, each scaled to fit a square of `cell` pixels; one alone is kept."""
    if len(pictures) == 1:
        out.write_bytes(encode_png(pictures[0][..., ::-1]))
        return
    columns = int(np.ceil(np.sqrt(len(pictures))))
    contact = np.full((-(-len(pictures) // columns) * cell, columns * cell, 3), 128, np.uint8)
    for index, picture in enumerate(pictures):
        scale = (cell - 8) / max(picture.shape[:2])
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        top, left = index // columns * cell, index % columns * cell
        contact[top : top + small.shape[0], left : left + small.shape[1]] = small
    out.write_bytes(encode_png(contact[..., ::-1]))


def _count(value: str) -> int:
    number = int(value)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a positive number")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ocr synth", description="Draw synthetic handwriting.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, summary, count in (
        ("sheet", "a contact sheet (PNG) to look at", 24),
        ("folder", "PNG files and labels.tsv", 1000),
        ("parquet", "one Parquet file, or a folder of shards", 1000),
        ("pages", "a contact sheet (PNG) of whole pages", 9),
    ):
        command = commands.add_parser(name, help=summary)
        command.add_argument("--out", type=Path, required=True, help="where to write")
        command.add_argument("--count", type=_count, default=count, help="number of lines, or of pages")
        command.add_argument("--fonts", help="folder with fonts.csv and fonts/ (default: the shipped ones)")
        command.add_argument("--corpus", help="text file or folder (default: the shipped text)")
        command.add_argument("--seed", type=int, default=0)
        if name == "pages":
            command.add_argument("--layout", choices=sorted(LAYOUTS), help="only pages of this kind")
        else:
            command.add_argument("--height", type=int, default=64, help="line height in pixels")
        if name == "parquet":
            command.add_argument("--shards", type=_count, help="write a folder of so many files instead")
            command.add_argument(
                "--shard",
                type=int,
                nargs="+",
                help="only these of them, from 0 (default: all that are not there)",
            )
        if name in ("sheet", "pages"):
            command.add_argument("--boxes", action="store_true", help="draw boxes and baselines on top")
    return parser


def _write_parquet(synthesizer: LineSynthesizer, options: argparse.Namespace) -> None:
    # Imported here: pyarrow takes longer to import than a sheet takes to draw.
    from ocr.synth.shards import write_lines, write_shard

    if options.shards is None:
        if options.shard:
            raise ConfigError("--shard says which of --shards: give both")
        write_lines(synthesizer, range(options.count), options.out, seed=options.seed)
        return
    recipe = f"height={options.height} fonts={options.fonts} corpus={options.corpus}"
    facts = {"shards": options.shards, "count": options.count, "seed": options.seed, "recipe": recipe}
    for shard in options.shard or range(options.shards):
        new = write_shard(synthesizer, options.out, shard=shard, **facts)
        print(f"shard {shard} of {options.shards}: {'written' if new else 'is there'}", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        _draw(options)
    except (OcrError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _draw(options: argparse.Namespace) -> None:
    """Write what the options ask for. Raises OcrError or OSError where that cannot be done."""
    if options.command == "pages":
        only = {options.layout: 1.0} if options.layout else None
        pages = build_page_synthesizer(fonts=options.fonts, corpus=options.corpus, layouts=only)
        drawn = (pages.sample(np.random.default_rng([options.seed, i])) for i in range(options.count))
        write_pages([draw_page(page) if options.boxes else page.image for page in drawn], options.out)
        return
    synthesizer = build_line_synthesizer(fonts=options.fonts, corpus=options.corpus, height=options.height)
    if options.command == "parquet":
        _write_parquet(synthesizer, options)
        return
    samples = lines(synthesizer, options.count, options.seed)
    if options.command == "sheet":
        write_sheet(list(samples), options.out, boxes=options.boxes)
    else:
        write_folder(samples, options.out)
