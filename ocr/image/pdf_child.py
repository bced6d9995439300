"""The process that opens PDF files for others: what makes it hang, crash or fill the memory costs it alone.

It answers requests, each a line of JSON on standard input, with a line of JSON and perhaps pixels on standard output;
see `ocr.image.pdf`. It imports neither NumPy nor anything else that takes time to load.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import math
import os
import signal
import sys
from collections.abc import Iterator
from typing import BinaryIO

import pypdfium2
import pypdfium2.raw

_MAX_SIDE = 65_000
"""Pixels; JPEG holds few more."""

_SCAN_DPI = (72, 600)
"""Lowest and highest number of pixels per inch for pages that are scans."""

_SCAN_SHARE = 0.8
"""Of a page's area that pictures cover, for the page to be a scan."""

_MAX_OBJECTS = 1000
"""Looked at on a page before it counts as something else than a scan."""

_INVISIBLE = 3
"""Render mode of the text that recognition has laid over a scan."""


def main() -> None:
    """Serve until standard input ends, which it does when the other process does."""
    # Ctrl-C is for the other process, whose end is the end of this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    with contextlib.ExitStack() as opened:
        document: pypdfium2.PdfDocument | None = None
        for line in requests:
            request = json.loads(line)
            _limit(request["seconds"], request["bytes"])
            if "open" in request:
                opened.close()
                document, answer = _open(request, requests)
                if document is not None:
                    opened.callback(document.close)
                _answer(answers, answer)
            elif "page" in request and document is not None:
                _draw(document, request, answers)
            else:
                opened.close()
                document = None
                _answer(answers, {})


def _limit(seconds: float, size: int) -> None:
    """Let the system end this process where it takes too long or too much, even if nobody else is left to do so."""
    try:
        import resource
    except ImportError:
        return
    spent = resource.getrusage(resource.RUSAGE_SELF)
    until = math.ceil(spent.ru_utime + spent.ru_stime + seconds) + 1
    limits = {resource.RLIMIT_CPU: until, resource.RLIMIT_CORE: 0, resource.RLIMIT_AS: size}
    for kind, value in limits.items():
        highest = resource.getrlimit(kind)[1]
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (value if highest < 0 else min(value, highest), highest))


def _open(request: dict, requests: BinaryIO) -> tuple[pypdfium2.PdfDocument | None, dict]:
    stream: BinaryIO
    if request["open"] is None:
        stream = io.BytesIO(requests.read(request["size"]))
    else:
        try:
            stream = open(os.fsencode(request["open"]), "rb")  # noqa: SIM115 - closed with the document
        except OSError as error:
            return None, {"error": error.strerror}
    # A document without pages fails under the code of the last one that failed; this makes that a damaged one.
    pypdfium2.raw.FPDF_LoadMemDocument64(b"-", 1, None)
    try:
        document = pypdfium2.PdfDocument(stream, autoclose=True)
        # Without this, what was filled into a form is not drawn.
        document.init_forms()
    except pypdfium2.PdfiumError as error:
        stream.close()
        if getattr(error, "err_code", None) == pypdfium2.raw.FPDF_ERR_PASSWORD:
            return None, {"error": "an encrypted PDF; remove its password first"}
        return None, {"error": "a PDF that is damaged or has no pages"}
    return document, {"pages": len(document)}


def _draw(document: pypdfium2.PdfDocument, request: dict, answers: BinaryIO) -> None:
    """Answer with a page's size, resolution and text, and then its rows of pixels: RGB, or RGB and one more."""
    try:
        page = document[request["page"] - 1]
        height, width = page.get_height(), page.get_width()
        if not (0 < height < math.inf and 0 < width < math.inf):
            _answer(answers, {"error": f"has no size ({width:g} x {height:g} points)"})
            return
        dpi = request["dpi"]
        if dpi is None:
            dpi = _resolution(page, request["usual_dpi"])
        dpi = min(
            dpi, 72 * math.sqrt(request["pixels"] / height / width), 72 * _MAX_SIDE / max(height, width)
        )
        bitmap = page.render(scale=dpi / 72, rev_byteorder=True)
        text_page = page.get_textpage()
        text = text_page.get_text_range()
    except pypdfium2.PdfiumError as error:
        _answer(answers, {"error": f"damaged ({error})"})
        return
    # PDFium writes a hyphen that divides a word as a character of its own.
    text = text.replace("\r\n", "\n").replace("\ufffe", "-").strip()
    size = {"height": bitmap.height, "width": bitmap.width, "stride": bitmap.stride}
    _answer(answers, {**size, "channels": bitmap.n_channels, "dpi": dpi, "text": text})
    answers.write(memoryview(bitmap.buffer).cast("B")[: bitmap.stride * bitmap.height])
    answers.flush()
    for item in (text_page, bitmap, page):
        item.close()


def _resolution(page: pypdfium2.PdfPage, usual: float) -> float:
    """Return the pixels per inch of the scan that fills a page; `usual` at least where something else is on it."""
    area, covered, highest, drawn = page.get_width() * page.get_height(), 0.0, 0.0, False
    for item in _objects(page):
        if item is None:
            return usual
        if item.type == pypdfium2.raw.FPDF_PAGEOBJ_IMAGE:
            matrix = item.get_matrix()
            across, down = math.hypot(matrix.a, matrix.b), math.hypot(matrix.c, matrix.d)
            columns, rows = item.get_px_size()
            # Pictures of a point or less are marks and dots.
            if min(across, down) > 1:
                covered += min(across * down, area)
                highest = max(highest, 72 * columns / across, 72 * rows / down)
        elif item.type == pypdfium2.raw.FPDF_PAGEOBJ_TEXT:
            drawn |= pypdfium2.raw.FPDFTextObj_GetTextRenderMode(item) != _INVISIBLE
        else:
            drawn = True
    if covered < _SCAN_SHARE * area:
        return usual
    low, high = _SCAN_DPI
    # Less by a hair: sizes are rounded up, and one column more would blur the page.
    return min(max(highest, usual if drawn else low), high) * (1 - 1e-6)


def _objects(page: pypdfium2.PdfPage) -> Iterator[pypdfium2.PdfObject | None]:
    """Yield the objects of a page; None in place of the rest if there are many."""
    objects = page.get_objects(max_depth=4)
    yield from itertools.islice(objects, _MAX_OBJECTS)
    if next(objects, None) is not None:
        yield None


def _answer(answers: BinaryIO, answer: dict) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.flush()


if __name__ == "__main__":
    main()
