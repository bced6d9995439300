"""Kinds of pictures that readers fail on, drawn and read: sizes, grounds, orientations, scripts.

    uv run python -m benchmarks.kinds [--decode ctc] [--only board]

Prints a table in Markdown: for each kind the lines found of those drawn, the CER, and what the reader says of the
page. Run in a checkout of another version, it gives the column before a change.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import torch

from ocr import Reader
from ocr.metrics.text import count_errors
from tests.helpers.sheets import colored, drawn

LINES = [
    "The meeting is moved to Thursday",
    "please bring the blue folder and",
    "three copies of the list. Anna will",
    "open the room at half past seven,",
]
CYRILLIC = [
    "Вчера мы были у моря",
    "и долго смотрели на волны",
    "потом пошёл сильный дождь",
    "и все ушли домой",
]
GROUNDS = {
    "white on gray 128": ((128, 128, 128), (250, 250, 250)),
    "white on kraft paper": ((176, 136, 92), (250, 250, 250)),
    "chalk on a green board": ((38, 66, 52), (236, 236, 228)),
    "white on blue": ((28, 52, 150), (250, 250, 250)),
    "white on red": ((190, 30, 40), (250, 250, 250)),
    "white on black": ((0, 0, 0), (255, 255, 255)),
    "blue ink on yellow paper": ((250, 240, 150), (40, 50, 140)),
    "red ink of the same luminance as green paper": ((90, 180, 90), (214, 112, 112)),
}
"""Colors of ground and ink."""


def sheet(*, font: str = "IndieFlower.ttf", texts: list[str] = LINES) -> np.ndarray:
    """Draw four lines on a sheet."""
    return drawn((560, 1100), *((text, 80, 60 + 110 * i, 60) for i, text in enumerate(texts)), font=font)


def kinds() -> Iterator[tuple[str, np.ndarray, list[str]]]:
    """Yield the name, the picture and the lines of each kind."""
    yield "black on white", sheet(), LINES
    for name, colors in GROUNDS.items():
        yield name, colored(sheet(), *colors), LINES
    yield "a word that fills the picture", drawn((200, 800), ("Thursday", 10, 5, 190)), ["Thursday"]
    yield "a word half as high as the sheet", drawn((900, 1900), ("Thursday", 100, 250, 420)), ["Thursday"]
    tiny = ((text, 900, 1500 + 50 * i, 34) for i, text in enumerate(LINES))
    yield "tiny lines on a large sheet", drawn((3400, 2600), *tiny), LINES
    yield "a short upright text", drawn((500, 700), ("NO SOS", 150, 200, 90)), ["NO SOS"]
    for turns, name in enumerate(("on its left side", "upside down", "on its right side"), start=1):
        yield f"a page {name}", np.ascontiguousarray(np.rot90(sheet(), turns)), LINES
    body = [(text, 200, 60 + 60 * i, 40) for i, text in enumerate(LINES)]
    yield "a note up the margin", drawn((700, 1000), *body, turned="filed 12 June"), [*LINES, "filed 12 June"]
    yield "an empty sheet", np.full((600, 400, 3), 245, np.uint8), []
    yield "Latin letters by the next hand", sheet(font="Caveat-Regular.ttf"), LINES
    yield "Cyrillic", sheet(font="Caveat-Regular.ttf", texts=CYRILLIC), CYRILLIC


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--decode", help="as of `ocr read`")
    parser.add_argument("--only", default="", help="only kinds with this in their names")
    options = parser.parse_args()
    torch.set_num_threads(1)
    reader = Reader.from_pretrained(device="cpu", decode=options.decode)
    print("| kind | lines | CER % | said of the page |", "|---|---|---|---|", sep="\n")
    for name, image, truth in kinds():
        if options.only not in name:
            continue
        page = reader.read(image)
        cer = f"{count_errors(chr(10).join(truth), page.text).cer:.1f}" if truth else "-"
        said = "; ".join(getattr(page, "warnings", []))
        print(f"| {name} | {len(page.lines)} of {len(truth)} | {cer} | {said} |", flush=True)


if __name__ == "__main__":
    main()
