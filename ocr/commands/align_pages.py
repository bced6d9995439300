"""Where each character of a page's lines stands, by forced alignment of their known text with a CTC head.

    ocr align-pages pages.jsonl --split train --output characters.jsonl

writes a row a line: `page`, `line` (ids), `fit` (see `ocr.inference.align`) and `words`, for each word the
outlines of its characters in page pixels: what `ocr.data.pages.aligned` trains the detector's word maps on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from ocr.bundle import Bundle
from ocr.data.pages.manifest import PagesManifest
from ocr.errors import DataError, OcrError, one_line
from ocr.inference.align_pages import align_page


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser("ocr align-pages", description=__doc__.split("\n\n")[0])
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
                    lines = align_page(bundle, *pages[index])
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
