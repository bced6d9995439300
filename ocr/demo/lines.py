"""Endpoints for pages and their lines: showing, correcting and changing them."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ocr.demo.corrections import CheckedLines, manifest, save_lines
from ocr.demo.editing import add_lines, check_order, new_lines, place_in_order
from ocr.demo.placing import checked_line
from ocr.demo.requests import (
    json_of,
    picture,
    shared_of,
    sheet_of,
    text_of,
)
from ocr.demo.session import Session, Upload, UploadPage
from ocr.demo.views import document_view, line_view, sheet_view
from ocr.errors import OcrError
from ocr.text.normalize import normalize


async def show_page(request: Request) -> Response:
    """Send the lines of a page."""
    return JSONResponse(sheet_view(sheet_of(request)[2]))


async def show_line(request: Request) -> Response:
    """Send a line of a page."""
    return JSONResponse(line_view(sheet_of(request)[2], request.path_params["line"]))


async def show_picture(request: Request) -> Response:
    """Send the picture of a page."""
    return picture(sheet_of(request)[2].picture())


async def show_thumbnail(request: Request) -> Response:
    """Send the thumbnail of a page."""
    return picture(sheet_of(request)[2].thumbnail())


async def show_crop(request: Request) -> Response:
    """Send the rectified picture of a line."""
    return picture(sheet_of(request)[2].crop(request.path_params["line"]))


async def check_line(request: Request) -> Response:
    """Set the text of a line to the body; `note` in the response reports characters that cannot be trained."""
    session, document, sheet = sheet_of(request)
    number, text = request.path_params["line"], await text_of(request)
    worker = shared_of(request).worker
    sheet.checked[number] = checked_line(sheet, number, text)
    worker.place(session, sheet, number)
    await _save(request, session, document, sheet)
    tokenizer = worker.reader.recognizer.ctc_tokenizer
    unknown = tokenizer.missing(normalize(text)) if tokenizer else []
    note = (
        f"Saved, but not used for training: characters unknown to the model: {' '.join(unknown)}"
        if unknown
        else ""
    )
    return JSONResponse(line_view(sheet, number) | {"note": note})


async def uncheck_line(request: Request) -> Response:
    """Reset a line to its recognized text."""
    session, document, sheet = sheet_of(request)
    number = request.path_params["line"]
    sheet.line(number)
    sheet.checked.pop(number, None)
    await _save(request, session, document, sheet)
    return JSONResponse(line_view(sheet, number))


async def set_order(request: Request) -> Response:
    """Set the reading order of a page, a list of numbers of lines; lines that it lacks are removed."""
    session, document, sheet = sheet_of(request)
    sheet.order = check_order(sheet, await json_of(request))
    await _save(request, session, document, sheet)
    return JSONResponse({"order": sheet.order})


async def add_line(request: Request) -> Response:
    """Add lines: `points` of an outline on the upright page, lines to `join`, or a line to `split` at a share `at`.

    Sends the new lines with their numbers, and the reading order.
    """
    session, document, sheet = sheet_of(request)
    wanted = await json_of(request)
    worker = shared_of(request).worker
    # One at a time: numbers of lines are given in order.
    async with session.editing:
        read = sheet.page
        lines, replaced = new_lines(sheet, wanted)
        index = min(
            (sheet.order.index(number) for number in replaced), default=place_in_order(sheet, lines[0])
        )
        add = partial(add_lines, first=sheet.next_number)
        found = await worker.read_lines(add, worker.reader, document.bare(), sheet.bare(), lines)
        if sheet.page is not read:
            raise OcrError(f"page {sheet.number} is read again")
        numbers = sheet.add(found)
        sheet.order = [number for number in sheet.order if number not in replaced]
        sheet.order[index:index] = numbers
    await _save(request, session, document, sheet)
    return JSONResponse(
        {"lines": [line_view(sheet, number) for number in numbers], "order": sheet.order}, 201
    )


async def read_again(request: Request) -> Response:
    """Read a page again, at the `rotation` in the body or, with null, as the reader finds it."""
    session, document, sheet = sheet_of(request)
    wanted = await json_of(request)
    rotation = wanted.get("rotation") if isinstance(wanted, dict) else -1
    if rotation is not None and (type(rotation) is not int or rotation not in (0, 90, 180, 270)):
        raise OcrError("rotation: expected 0, 90, 180, 270 or null")
    sheet.restart(rotation)
    await _save(request, session, document, sheet)
    shared_of(request).worker.read(session)
    return JSONResponse(document_view(document))


async def _save(request: Request, session: Session, document: Upload, sheet: UploadPage) -> None:
    folder = shared_of(request).corrections
    if folder is None:
        return
    async with session.saving:
        lines, path = CheckedLines(document, sheet), manifest(session, document, sheet, folder)
        await shared_of(request).worker.short(save_lines, lines, path)
