"""Where each character of a page's lines stands, by forced alignment of their known text with a CTC head.

    python -m ocr.training.align_pages pages.jsonl --split train --output characters.jsonl

writes a row a line: `page`, `line` (ids), `fit` (see `ocr.inference.align`) and `words`, for each word the
outlines of its characters in page pixels: what `ocr.data.aligned_pages` trains the detector's word maps on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from ocr.bundle import Bundle
from ocr.data.page_dataset import PagesManifest
from ocr.decoding.hypothesis import CharacterSpan, Hypothesis
from ocr.errors import DataError, OcrError, one_line
from ocr.geometry import rectify_line
from ocr.inference.align import align_lines
from ocr.inference.pipeline import place_words
from ocr.types import Polygon, TextLine


@dataclass
class AlignedLine:
    """Per word the quads of its characters in page pixels, and how well the text fits the picture."""

    line: TextLine
    words: list[list[Polygon]]
    fit: float


def align_page(bundle: Bundle, pages: PagesManifest, index: int) -> list[AlignedLine]:
    """The lines of a page whose text the recogniser's alphabet can express.

    Raises DataError where the page cannot be read.
    """
    image, page = pages[index]
    tokenizer = bundle.parts["ctc_tokenizer"]
    lines = [line for line in page.lines if line.text.strip() and not tokenizer.missing(line.text)]
    crops = [rectify_line(image, line.polygon, line.baseline) for line in lines]
    aligned = align_lines(bundle, [crop.image for crop in crops], [line.text for line in lines])
    result = []
    for line, crop, (edges, fit) in zip(lines, crops, aligned, strict=True):
        words = place_words(_hypothesis(line.text, edges), line.polygon, crop, page_size=image.shape[:2])
        quads = [[character.polygon for character in word.characters] for word in words]
        result.append(AlignedLine(line, quads, fit))
    return result


def _hypothesis(text: str, edges: Sequence[float]) -> Hypothesis:
    """The text as if it had been read: a character begins and ends halfway to its neighbours."""
    starts, ends = edges[::2], edges[1::2]
    pitch = (ends[-1] - starts[0]) / len(text)
    inner = [(end + start) / 2 for end, start in zip(ends, starts[1:], strict=False)]
    bounds = [max(0.0, starts[0] - pitch / 2), *inner, ends[-1] + pitch / 2]
    spans = [
        CharacterSpan(character, left, right, 1.0)
        for character, left, right in zip(text, bounds, bounds[1:], strict=False)
    ]
    return Hypothesis(text, 1.0, spans)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        "python -m ocr.training.align_pages", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("pages", help="manifest of annotated pages")
    parser.add_argument("--split", help="only pages of this split")
    parser.add_argument("--sources", nargs="+", help="only pages of these sets")
    parser.add_argument("--recognizer", default="ocr_small_handwritten", help="bundle with a CTC head")
    parser.add_argument("--output", required=True, help="JSON-lines file to write")
    options = parser.parse_args(arguments)
    try:
        bundle = Bundle.load(options.recognizer, kind="recognizer")
        pages = PagesManifest(options.pages, split=options.split, sources=options.sources)
        with Path(options.output).open("w", encoding="utf-8") as file:
            for index in tqdm(range(len(pages)), disable=None, leave=False):
                try:
                    lines = align_page(bundle, pages, index)
                except DataError as error:
                    print(one_line(error), file=sys.stderr)
                    continue
                for aligned in lines:
                    words = [[quad.round(1).tolist() for quad in word] for word in aligned.words]
                    row = {
                        "page": pages.rows[index]["id"],
                        "line": aligned.line.id,
                        "fit": round(aligned.fit, 3),
                    }
                    file.write(json.dumps({**row, "words": words}) + "\n")
    except (OcrError, OSError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
