"""Fit the test of a recognizer that marks lines in scripts which it does not know.

examples:
    ocr fit-script BUNDLE 'DATA/lines/*-val.parquet' --fonts /usr/share/fonts --store
    ocr fit-script BUNDLE 'DATA/lines/*-val.parquet' --fonts /usr/share/fonts --check 'DATA/lines/*-test.parquet'

Lines in other scripts are drawn with the fonts of `--fonts`, such as those of the Debian packages fonts-noto-core and
fonts-noto-cjk. Some scripts, and half of the fonts of every script, are left out of the fit; it is measured on these.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ocr.commands.options import CommandParser, positive, run
from ocr.errors import FontError

if TYPE_CHECKING:
    from ocr.data.lines.sources import LineSource
    from ocr.synth.fonts import Font

LEFT_OUT = ("Greek", "Chinese", "Georgian", "Tamil", "Ethiopic")
"""Scripts on which the result is measured, but to which it is not fitted."""


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    return run(_parser(), arguments)


def _fit_script(options: argparse.Namespace) -> None:
    from ocr.bundle import Bundle, resolve
    from ocr.bundle.schema import update_description
    from ocr.data.lines.synthetic import SyntheticLines
    from ocr.evaluation.script_fit import fit_script_test, line_features, show_marked
    from ocr.synth import ASSETS
    from ocr.synth.fonts import FontLibrary
    from ocr.synth.line import LineSynthesizer
    from ocr.synth.scripts import find_fonts

    bundle = Bundle.load(options.bundle, kind="recognizer")
    fonts = find_fonts(options.fonts)
    if not any(Path(folder) == ASSETS for folder in options.fonts):
        fonts += FontLibrary(ASSETS / "fonts").fonts
    fitted, held = [font for font in fonts if _half(font) == 0], [font for font in fonts if _half(font)]
    drawn = SyntheticLines(LineSynthesizer(), length=2 * options.count, seed=1, name="drawn")
    known = line_features(bundle, {**_files(options.lines, options.limit), "drawn": drawn})
    other = line_features(bundle, _scripts(fitted, options.count, seed=2, left_out=LEFT_OUT))
    test = fit_script_test(known, other)
    show_marked(test, line_features(bundle, _scripts(held, options.count, seed=3)))
    if options.check:
        show_marked(test, line_features(bundle, _files(options.check, options.limit)))
    print(json.dumps(test.config()))
    if options.store:
        decoding = {**bundle.decoding, "script": test.config()}
        update_description(resolve(options.bundle, to_write=True), decoding=decoding)


def _half(font: Font) -> int:
    """Return 0 or 1 by the family of a font, so that its styles are on one side."""
    return zlib.crc32(font.name.split("-")[0].encode()) % 2


def _scripts(
    fonts: Sequence[Font], count: int, *, seed: int, left_out: Iterable[str] = ()
) -> dict[str, LineSource]:
    """Return sources of `count` lines for each script that some of the fonts have."""
    from ocr.data.lines.synthetic import SyntheticLines
    from ocr.synth.scripts import LETTERS, ScriptSynthesizer

    sources = {}
    for script in LETTERS:
        if script in left_out:
            continue
        try:
            synthesizer = ScriptSynthesizer(script, fonts)
        except FontError:
            continue
        sources[script] = SyntheticLines(synthesizer, length=count, seed=seed, name=script)
    if not sources:
        raise FontError(f"none of {len(fonts)} fonts has another script: give more of them with --fonts")
    return sources


def _files(patterns: Sequence[str], limit: int | None) -> dict[str, LineSource]:
    """Return the lines of each Parquet file as a source, spread over the file where only some are wanted."""
    from ocr.data.lines.manifest import ParquetLines, expand_paths
    from ocr.data.lines.sources import SelectedLines

    sources = {}
    for path in expand_paths(patterns):
        lines = ParquetLines(path)
        step = 1 if limit is None else max(1, len(lines) // limit)
        sources[lines.name] = SelectedLines(lines, range(0, len(lines), step))
    return sources


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("ocr fit-script", doc=__doc__)
    parser.set_defaults(run=_fit_script)
    add = parser.add_argument
    add("bundle", help="name or folder")
    add("lines", nargs="+", help="Parquet files of lines that the recognizer knows, but was not trained on")
    add("--fonts", nargs="+", required=True, help="folders with fonts of other scripts")
    add("--check", nargs="+", help="Parquet files of other lines, to measure the result")
    add("--count", type=positive, default=60, help="lines drawn for each script")
    add("--limit", type=positive, help="about that many lines of each file")
    add("--store", action="store_true", help="write the result into the bundle's bundle.json")
    return parser
