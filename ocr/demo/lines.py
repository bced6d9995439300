"""Endpoints for pages and their lines: showing and correcting them, and downloading checked lines for training."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ocr.demo.corrections import CheckedLines, collect, count_session, manifest, save_lines
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
    """Send the lines of a page."""
    return JSONResponse(sheet_view(sheet_of(request)[2]))


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


async def show_corrections(request: Request) -> Response:
    """Send the number of checked lines, the command that trains on them, and the folder in which they are kept."""
    shared = shared_of(request)
    if shared.corrections is None or shared.public:
        found = count_session(session_or_none(request))
    else:
        found = await shared.worker.short(shared.counts.count)
    folder = "" if shared.corrections is None else str(shared.corrections)
    return JSONResponse(vars(found) | {"folder": folder})


async def download_corrections(request: Request) -> Response:
    """Send the checked lines of a session as one manifest."""
    session = session_of(request)
    async with scratch(session.folder) as folder:
        path = folder / "corrections.parquet"
        await shared_of(request).worker.short(collect, session, path)
    return attachment(path, folder)


async def _save(request: Request, session: Session, document: Upload, sheet: UploadPage) -> None:
    folder = shared_of(request).corrections
    if folder is None:
        return
    async with session.saving:
        lines, path = CheckedLines(document, sheet), manifest(session, document, sheet, folder)
        await shared_of(request).worker.short(save_lines, lines, path)
