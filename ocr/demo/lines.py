"""Endpoints for pages and their lines: showing and correcting them, and what is gathered to learn from."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ocr.demo.corrections import CheckedLines, collect, gathered_by, gathered_in, manifest, save_lines
from ocr.demo.placing import checked_line
from ocr.demo.requests import (
    attachment,
    picture,
    scratch,
    session_of,
    session_or_none,
    shared_of,
    sheet_of,
    text_of,
)
from ocr.demo.session import Session, Upload, UploadPage
from ocr.demo.views import line_view, sheet_view
from ocr.text.normalize import normalize


async def show_page(request: Request) -> Response:
    """The lines of a page."""
    return JSONResponse(sheet_view(sheet_of(request)[2]))


async def show_picture(request: Request) -> Response:
    """The page to look at."""
    return picture(sheet_of(request)[2].picture())


async def show_thumbnail(request: Request) -> Response:
    """The page at a glance."""
    return picture(sheet_of(request)[2].thumbnail())


async def show_crop(request: Request) -> Response:
    """A line, straightened."""
    return picture(sheet_of(request)[2].crop(request.path_params["line"]))


async def check_line(request: Request) -> Response:
    """Take the body as what the line says; `note` in the answer tells if it cannot be learned."""
    session, document, sheet = sheet_of(request)
    number, text = request.path_params["line"], await text_of(request)
    worker = shared_of(request).worker
    sheet.checked[number] = await worker.run(checked_line, worker.reader.recognizer, sheet, number, text)
    await _save(request, session, document, sheet)
    tokenizer = worker.reader.recognizer.ctc_tokenizer
    unknown = tokenizer.missing(normalize(text)) if tokenizer else []
    note = f"Saved, but not to be learned: the model does not know {' '.join(unknown)}" if unknown else ""
    return JSONResponse(line_view(sheet, number) | {"note": note})


async def uncheck_line(request: Request) -> Response:
    """Back to what was read."""
    session, document, sheet = sheet_of(request)
    number = request.path_params["line"]
    sheet.line(number)
    sheet.checked.pop(number, None)
    await _save(request, session, document, sheet)
    return JSONResponse(line_view(sheet, number))


async def show_gathered(request: Request) -> Response:
    """How much there is to learn from, and the command that does; `folder`, where it is kept, if it is."""
    shared = shared_of(request)
    if shared.corrections is None or shared.public:
        found = gathered_by(session_or_none(request))
    else:
        found = await asyncio.to_thread(gathered_in, shared.corrections)
    folder = "" if shared.corrections is None else str(shared.corrections)
    return JSONResponse(vars(found) | {"folder": folder})


async def download_gathered(request: Request) -> Response:
    """What a session has checked, as one manifest."""
    session = session_of(request)
    async with scratch(session) as folder:
        path = folder / "corrections.parquet"
        await asyncio.to_thread(collect, session, path)
    return attachment(path, folder)


async def _save(request: Request, session: Session, document: Upload, sheet: UploadPage) -> None:
    folder = shared_of(request).corrections
    if folder is None:
        return
    async with session.saving:
        lines, path = CheckedLines(document, sheet), manifest(session, document, sheet, folder)
        await asyncio.to_thread(save_lines, lines, path)
