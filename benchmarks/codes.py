"""Measure how addresses of pages, e-mail addresses and amounts are read, on clean lines drawn with the shipped fonts.

    uv run python benchmarks/codes.py --recognizer ocr_small_handwritten --decode ctc ctc_beam rescore

Each of 24 texts is drawn in print and in three hands. The table gives the lines that are right, and the CER.
"""

from __future__ import annotations

import argparse

import numpy as np

from ocr.bundle import Bundle
from ocr.evaluation import LineResult, evaluate_lines
from ocr.evaluation.lines import rates
from ocr.inference.recognizer import LineReader
from ocr.synth import ASSETS
from ocr.synth.degrade import degrade
from ocr.synth.fonts import FontLibrary
from ocr.synth.line import sample_style
from ocr.synth.render import LineRenderer
from ocr.types import LineSample

TEXTS = {
    "page": [
        "https://www.bnf.fr/collections",
        "www.gutenberg.org/ebooks/1342",
        "http://archives.lyon.fr/fonds",
        "https://github.com/torvalds",
        "www.stanford.edu/library",
        "voir www.lemonde.fr/sport",
        "https://shop.kastner.de/?id=48",
        "see example.com/menu.pdf",
    ],
    "amount": [
        "12,50 €",
        "$1,249.00",
        "EUR 3.480,75",
        "Total : 218,40 €",
        "£ 67.95",
        "1 200 000 F",
        "Summe 19,90 EUR",
        "Balance due $8,317.42",
    ],
    "mail": [
        "j.smith@gmail.com",
        "contact@mairie-lyon.fr",
        "anna_weber82@web.de",
        "info@dupont.com",
        "sales.office@ibm.com",
        "e-mail: k.meier@gmx.net",
        "marta.ruiz@correo.es",
        "webmaster@w3.org",
    ],
}
HANDS = 3
"""Fonts of handwriting per text."""


class CodeLines:
    """The lines, in print and by hand, as a source."""

    name = "codes"

    def __init__(self) -> None:
        fonts = FontLibrary(ASSETS / "fonts").fonts
        renderer = LineRenderer(height=64)
        self.samples = []
        for number, (kind, texts) in enumerate(TEXTS.items()):
            for place, text in enumerate(texts):
                rng = np.random.default_rng([7, number, place])
                able = [font for font in fonts if font.covers(text) and not font.info.allcaps]
                print_, hand = (
                    [f for f in able if (f.info.grade == "P") is wanted] for wanted in (True, False)
                )
                chosen = [print_[place % len(print_)]]
                chosen += [hand[(HANDS * place + step) % len(hand)] for step in range(HANDS)]
                for font in chosen:
                    line = renderer.render(text, font, sample_style(rng, font), rng)
                    source = f"{kind}, {'print' if font.info.grade == 'P' else 'hand'}"
                    name = f"{text} {font.name}"
                    self.samples.append(
                        LineSample(degrade(line, rng, None), text, id=name, document=name, source=source)
                    )

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> LineSample:
        return self.samples[index]

    def widths(self) -> np.ndarray:
        """(n,) widths of the lines, relative to their heights."""
        return np.array([sample.image.shape[1] / sample.image.shape[0] for sample in self.samples])


def row(results: list[LineResult]) -> str:
    """Format the lines that are right, and the CER."""
    right = sum(result.counts.edits == 0 for result in results)
    return f"{right} of {len(results)}, {rates(results)['cer']:.1f}"


def main() -> None:
    """Print a table in Markdown with one row for each kind of line and one column for each decoding."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recognizer", default="ocr_small_handwritten")
    parser.add_argument("--decode", nargs="+", default=["ctc", "ctc_beam", "rescore"])
    options = parser.parse_args()
    lines, bundle = CodeLines(), Bundle.load(options.recognizer, kind="recognizer")
    columns = {}
    for decode in options.decode:
        _, results = evaluate_lines(LineReader(bundle, decode=decode), lines)
        columns[decode] = results
    print("| lines | " + " | ".join(columns) + " |\n|" + "---|" * (len(columns) + 1))
    for source in dict.fromkeys(sample.source for sample in lines.samples):
        cells = [row([r for r in results if r.source == source]) for results in columns.values()]
        print(f"| {source} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
