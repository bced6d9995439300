"""What infer.py does, without its command line: read the inputs, print the text, write the results."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ocr.errors import ConfigError, OcrError
from ocr.inference.inputs import Source, find_sources, printable
from ocr.output.results import Results
from ocr.output.resume import ResumeLog

if TYPE_CHECKING:
    from ocr.image.page_image import PageRange
    from ocr.inference.reader import Reader
    from ocr.output.draw import DrawOptions
    from ocr.types import Page

_STANDARD_OUTPUT = "standard output"


@dataclass
class InferOptions:
    """The options of infer.py, typed; `configs/infer.yaml` tells what they mean and holds the defaults."""

    input: str | None = None
    pages: str | None = None
    dpi: int = 200
    output: str | None = None
    resume: bool = False
    formats: list[str] = field(default_factory=list)
    text: str = "lines"
    draw_shape: str = "polygon"
    draw_color: str = "confidence"
    draw_width: int | None = None
    draw_words: bool = True
    draw_numbers: bool = True
    draw_confidence: bool = False
    recognizer: str = ""
    detector: str | None = None
    decode: str | None = None
    device: str = "auto"
    batch_size: int = 16
    width: int | None = None
    text_threshold: float | None = None
    low_text: float | None = None
    link_threshold: float | None = None
    size_threshold: float | None = None
    with_refiner: bool | None = None
    orientation: str = "auto"
    min_confidence: float = 0.4


def infer(options: InferOptions) -> int:
    """Read everything `options.input` names; text on standard output, messages on standard error.

    Returns:
        0, or 1 if a file could not be read or a result could not be written.
    Raises:
        OcrError: nothing can be read at all: no input, an unknown bundle or format, a useless output folder.
        OSError: standard output is closed or full.
    """
    from ocr.image.io import check_dpi
    from ocr.image.page_image import ALL_PAGES, PageRange
    from ocr.output import choose_writers

    check_dpi(options.dpi)
    if options.resume and not options.output:
        raise ConfigError("resume=true needs output=FOLDER, where it keeps what has been read")
    sources = find_sources(options.input, Path(options.output) if options.output else None)
    pages = PageRange.parse(options.pages) if options.pages is not None else ALL_PAGES
    writers = choose_writers(options.formats, text=options.text, drawing=_drawing(options))
    reader = load_reader(options)
    results = Results(options.output, writers)
    log = ResumeLog(results.folder, options.formats, options.pages) if options.resume else None
    failed = passed = 0
    for source in sources:
        if log is not None and source in log:
            passed += 1
            continue
        if len(sources) > 1:
            _say(f"# {printable(source)}\n")
        try:
            complete = _read(source, reader, results, pages=pages, options=options)
            failed += not complete
            if complete and log is not None:
                log.add(source)
        except OcrError as error:
            failed += 1
            report(error)
        except OSError as error:
            if error.filename == _STANDARD_OUTPUT:
                raise
            failed += 1
            report(f"{error.filename or printable(source)}: {error.strerror or error}")
    if passed:
        print(f"{passed} of {len(sources)} files had been read before", file=sys.stderr)
    if failed and len(sources) > 1:
        print(f"{failed} of {len(sources)} files failed", file=sys.stderr)
    return 1 if failed else 0


def load_reader(options: InferOptions) -> Reader:
    """The reader that the options describe. Raises BundleError or ConfigError."""
    from ocr.inference.reader import DetectorOptions, Reader

    return Reader.from_pretrained(
        options.recognizer,
        None if options.detector in (None, "none") else options.detector,
        device=options.device,
        decode=options.decode,
        batch_size=options.batch_size,
        detection=DetectorOptions(
            width=options.width,
            text_threshold=options.text_threshold,
            link_threshold=options.link_threshold,
            low_text=options.low_text,
            size_threshold=options.size_threshold,
            with_refiner=options.with_refiner,
        ),
        orientation=options.orientation,
        min_confidence=options.min_confidence,
    )


def report(problem: object) -> None:
    """One line on standard error."""
    print(f"infer.py: {' '.join(str(problem).split())}", file=sys.stderr)


def output_lost(error: OSError) -> int:
    """The exit status where standard output is closed (`| head`) or full, after a line about the latter."""
    # Python writes what is left on exit, and would complain again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return 141
    report(f"{error.filename}: {error.strerror}")
    return 2


def _read(
    source: Source, reader: Reader, results: Results, *, pages: PageRange, options: InferOptions
) -> bool:
    """Read a source page by page: no page is kept when the next is opened.

    Returns:
        Whether every page could be read; a line was printed for each that could not.
    """
    from ocr.image.io import open_pages
    from ocr.image.page_image import ENOUGH_PIXELS
    from ocr.inference.reader import source_name
    from ocr.output.text import page_text

    start, divider = time.perf_counter(), ""
    broken: list[OcrError] = []

    def skip(error: OcrError) -> None:
        broken.append(error)
        report(error)

    images = open_pages(
        source.content(),
        name=printable(source),
        pages=pages,
        dpi=options.dpi,
        max_pixels=ENOUGH_PIXELS,
        on_error=skip,
    )
    with results.of(source) as files:
        for image in images:
            page = reader.read_page(image, source=source_name(str(source)))
            _say(divider + page_text(page, options.text))
            files.add(page, image.pixels, file_size=image.reduced_from)
            print(f"{printable(source)}: {_summary(page, time.perf_counter() - start)}", file=sys.stderr)
            start, divider = time.perf_counter(), "\f"
            # A page is large, and would stay until the next one has been decoded.
            del image
    return not broken


def _drawing(options: InferOptions) -> DrawOptions:
    from ocr.output.draw import DrawOptions

    return DrawOptions(
        shape=options.draw_shape,
        color=options.draw_color,
        width=options.draw_width,
        words=options.draw_words,
        numbers=options.draw_numbers,
        confidence=options.draw_confidence,
    )


def _say(text: str) -> None:
    """Text on standard output, at once. Raises OSError, named after it, if nobody takes it."""
    try:
        print(text, end="", flush=True)
    except OSError as error:
        error.filename = _STANDARD_OUTPUT
        raise


def _summary(page: Page, seconds: float) -> str:
    lines = sum(bool(line.text) for line in page.lines)
    place = f"page {page.number}, " if page.number > 1 else ""
    held = len(page.embedded_text)
    note = f"; the file itself holds {held} characters of text for this page" if held else ""
    turned = f", turned by {page.rotation} degrees," if page.rotation else ""
    return f"{place}{lines} line{'s' * (lines != 1)}{turned} in {seconds:.1f} s{note}"
