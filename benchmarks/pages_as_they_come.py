"""Evaluation on turned and skewed pages, and on pictures without text.

    python benchmarks/pages_as_they_come.py turned pages.jsonl --sources copiste stanford --limit 2
    python benchmarks/pages_as_they_come.py skewed pages.jsonl --sources copiste stanford --limit 2
    python benchmarks/pages_as_they_come.py empty --pictures FOLDER
    python benchmarks/pages_as_they_come.py confidence pages.jsonl

`turned`: each page in all four positions; how many were put upright, and whether they read as well. `skewed`: each
page turned by some degrees. `empty`: lines found on blank sheets drawn by `ocr.synth`, on textures, and in the
pictures of a folder, which hold no text. `confidence`: what the thresholds of `ocr.inference.text_filter` and
`ocr.inference.orientation` rest on. `--limit` takes the first pages of each source.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from ocr import Reader
from ocr.data.pages.manifest import PagesManifest
from ocr.errors import OcrError
from ocr.evaluation.pages import PageCounts, score_page
from ocr.geometry import CoordinateMap
from ocr.image.io import load_image
from ocr.image.kinds import IMAGE_SUFFIXES
from ocr.image.page_augment import texture
from ocr.inference.text_filter import reading_confidence
from ocr.metrics.boxes import match_polygons
from ocr.synth.paper import blank_sheet, punch_holes
from ocr.types import Page

ANGLES = (-20, -12, -5, 0, 5, 12, 20)


def some_pages(options: argparse.Namespace) -> Iterator[tuple[np.ndarray, Page]]:
    """Yield the first pages of every source."""
    manifest = PagesManifest(options.manifest, split=options.split, sources=options.sources)
    seen: Counter[str] = Counter()
    for index, row in enumerate(manifest.rows):
        seen[row["source"]] += 1
        if not options.limit or seen[row["source"]] <= options.limit:
            yield manifest[index]


def moved(page: Page, to: CoordinateMap) -> Page:
    """Map the annotation of a page as its pixels were mapped."""
    lines = [
        replace(line, polygon=to.apply(line.polygon), baseline=to.apply(line.baseline)) for line in page.lines
    ]
    height, width = to.size
    ignore = [to.apply(polygon) for polygon in page.ignore]
    return replace(page, height=height, width=width, lines=lines, ignore=ignore)


def turned(reader: Reader, options: argparse.Namespace) -> None:
    rows = {turns: (PageCounts(), 0, 0.0, 0) for turns in range(4)}
    for image, truth in some_pages(options):
        for turns, (counts, right, seconds, pages) in rows.items():
            # Put so that `turns` quarter turns counter-clockwise make it upright.
            to = CoordinateMap.rotate90(image.shape[:2], -turns)
            picture = np.ascontiguousarray(np.rot90(image, -turns))
            start = time.process_time()
            page = reader.read_array(picture)
            seconds += time.process_time() - start
            counts += score_page(page.lines, moved(truth, to))
            rows[turns] = counts, right + (page.rotation == 90 * turns), seconds, pages + 1
    print("| turned by | pages | found so | CER % | recall | seconds a page |\n|---|---|---|---|---|---|")
    for turns, (counts, right, seconds, pages) in rows.items():
        print(f"| {90 * turns} | {pages} | {right} | {_scores(counts)} | {seconds / pages:.2f} |")


def skewed(reader: Reader, options: argparse.Namespace) -> None:
    rows = dict.fromkeys(options.angles, PageCounts())
    for image, truth in some_pages(options):
        paper = tuple(np.median(image.reshape(-1, 3), axis=0).tolist())
        for angle in rows:
            to = CoordinateMap.rotate(image.shape[:2], angle)
            picture = to.warp(image, border=cv2.BORDER_CONSTANT, fill=paper)
            rows[angle] += score_page(reader.read_array(picture).lines, moved(truth, to))
    print("| degrees | CER % | recall |\n|---|---|---|")
    for angle, counts in rows.items():
        print(f"| {angle} | {_scores(counts)} |")


def empty_pictures(folder: Path | None) -> Iterator[tuple[str, np.ndarray]]:
    """Yield names and pixels of pictures without text."""
    for number in range(16):
        rng = np.random.default_rng([5, number])
        sheet = blank_sheet(rng, (1200, 850), float(rng.uniform(22, 40)))
        if number % 3 == 0:
            punch_holes(rng, sheet)
        yield f"sheet {number}", sheet.image
    for number in range(8):
        yield f"texture {number}", texture(np.random.default_rng([6, number]), (900, 700))
    for path in sorted(folder.rglob("*")) if folder else ():
        if path.suffix.lower() in IMAGE_SUFFIXES:
            yield path.name, load_image(path)


def empty(reader: Reader, options: argparse.Namespace) -> None:
    print("| picture | lines found | read | confidence of the page | kept | turned | texts kept |")
    print("|---|---|---|---|---|---|---|")
    kept = clean = total = 0
    for name, image in empty_pictures(options.pictures):
        page, raw = reader.read_array(image), reader.cut(image)
        reader.recognize([raw])
        read = sum(bool(line.text) for line in raw.lines)
        kept, clean, total = kept + len(page.lines), clean + (not page.lines), total + 1
        sure, texts = reading_confidence(raw.lines), "; ".join(line.text for line in page.lines)
        cells = (name, len(raw.lines), read, f"{sure:.2f}", len(page.lines), page.rotation, texts)
        print(f"| {' | '.join(map(str, cells))} |", flush=True)
    print(f"\n{clean} of {total} pictures without a line, {kept} lines in all")


def confidence(reader: Reader, options: argparse.Namespace) -> None:
    """Print the lowest confidences of true lines (found at an overlap of 0.5) and of upright pages."""
    lines, pages = [], []
    for image, truth in some_pages(options):
        page = reader.cut(image)
        reader.recognize([page])
        outlines = [line.polygon for line in page.lines], [line.polygon for line in truth.lines]
        true = [(page.lines[i], truth.lines[j]) for i, j in match_polygons(*outlines) if truth.lines[j].text]
        lines += [(found.confidence, found.text, line.text) for found, line in true]
        pages.append((reading_confidence(page.lines), truth.source))
    values = np.array([value for value, _, _ in lines])
    print(
        f"{len(lines)} true lines; quantiles 0, 0.5, 1, 5, 50 %:", np.percentile(values, (0, 0.5, 1, 5, 50))
    )
    for value, text, true in sorted(lines)[: options.worst]:
        print(f"{value:.2f} {text!r} for {true!r}")
    for value, name in sorted(pages)[: options.worst]:
        print(f"{value:.2f} {name}")


def _scores(counts: PageCounts) -> str:
    return f"{counts.text.cer:.1f} | {counts.detection.recall:.3f}"


PARTS = {"turned": turned, "skewed": skewed, "empty": empty, "confidence": confidence}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("manifest", nargs="?", type=Path, help="annotated pages; not for empty")
    parser.add_argument("--split", default="val")
    parser.add_argument("--sources", nargs="+")
    parser.add_argument("--limit", type=int, default=0, help="pages a source; 0: all")
    parser.add_argument("--angles", type=float, nargs="+", default=ANGLES, help="of skewed pages, in degrees")
    parser.add_argument("--pictures", type=Path, help="folder of pictures without text")
    parser.add_argument("--worst", type=int, default=10, help="of confidence: how many are listed")
    parser.add_argument("--recognizer", default="ocr_small_handwritten")
    parser.add_argument("--detector", default="image_text_detector_v2")
    parser.add_argument("--decode")
    parser.add_argument("--orientation", default="auto")
    parser.add_argument("--min-confidence", type=float, default=0.4)
    options = parser.parse_args()
    if options.part != "empty" and options.manifest is None:
        parser.error(f"{options.part} needs a manifest of pages")
    torch.set_num_threads(1)
    try:
        reader = Reader.from_pretrained(
            options.recognizer,
            options.detector,
            device="cpu",
            decode=options.decode,
            orientation=options.orientation,
            min_confidence=options.min_confidence,
        )
        PARTS[options.part](reader, options)
    except OcrError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
