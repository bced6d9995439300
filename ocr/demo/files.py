"""Endpoints for files: upload, progress and results."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ocr.demo.corrections import CheckedLines, manifest, save_lines
from ocr.demo.reading import PICTURED, add_sheets, export, export_all
from ocr.demo.requests import (
    Shared,
    attachment,
    body_of,
    client_of,
    document_of,
    give_id,
    scratch,
    session_id,
    session_of,
    session_or_none,
    shared_of,
)
from ocr.demo.session import DONE, READING, WAITING, Session, Upload, clean_name
from ocr.demo.sessions import Incoming
from ocr.demo.views import document_view, limits_view, session_view
from ocr.errors import OcrError
from ocr.types import Page

MAX_PLACES = 500
"""Lines that a search answers."""


async def show_session(request: Request) -> Response:
    """Send the limits and the files of a session."""
    shared = shared_of(request)
    files = session_view(session_or_none(request))
    answer = JSONResponse({"limits": limits_view(shared.limits), "public": shared.public, "files": files})
    if not session_id(request):
        give_id(request, answer, shared.sessions.new_id())
    return answer


async def add_file(request: Request) -> Response:
    """Store the body as a file called `?name=`; a session is opened where a file is accepted, not before."""
    shared = shared_of(request)
    name = clean_name(request.query_params.get("name", ""))
    owner, client = session_id(request) or shared.sessions.new_id(), client_of(request)
    with shared.sessions.incoming(owner, client=client) as incoming:
        document = await receive_file(request, incoming, name)
        place = request.query_params.get("place", "")
        # Files that are sent at the same time arrive in any order.
        document.place = int(place) if re.fullmatch("[0-9]{1,18}", place) else 0
        session = shared.sessions.accept(owner, document, client=client)
    shared.worker.read(session)
    answer = JSONResponse(document_view(document), 201)
    if session_id(request) != session.id:
        give_id(request, answer, session.id)
    return answer


async def receive_file(request: Request, incoming: Incoming, name: str) -> Upload:
    """Store the body of a request as the file `name`, and find its pages.

    Raises:
        LimitError: it is too large, or has too many pages. ImageError: it is no picture or PDF. SlowError: it comes
            too slowly.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal():
        incoming.check(name, int(announced))
    digest = blake2b(digest_size=6)
    with open(incoming.path, "wb") as file:
        async for chunk in body_of(request):
            incoming.grow(name, len(chunk))
            digest.update(chunk)
            file.write(chunk)
    return await open_file(request, incoming, name, digest.hexdigest())


async def open_file(request: Request, incoming: Incoming, name: str, digest: str = "") -> Upload:
    """Find the pages of the stored file. Raises LimitError and ImageError as `receive_file`."""
    shared: Shared = shared_of(request)
    document = Upload(secrets.token_hex(8), name, incoming.path, incoming.size, digest)
    await shared.worker.short(add_sheets, document, shared.limits)
    return document


async def remove_file(request: Request) -> Response:
    """Remove a file; with `?lines=forget`, also the checked lines of its pages."""
    shared = shared_of(request)
    session, document = document_of(request)
    if request.query_params.get("lines") == "forget" and shared.corrections is not None:
        async with session.saving:
            for sheet in document.sheets:
                sheet.checked.clear()
                path = manifest(session, document, sheet, shared.corrections)
                save_lines(CheckedLines(document, sheet), path)
    shared.sessions.remove(session, document)
    return Response(status_code=204)


async def download(request: Request) -> Response:
    """Send all pages of a file in one format."""
    session, document = document_of(request)
    if any(sheet.state in (WAITING, READING) for sheet in document.sheets):
        raise OcrError(f"{document.name}: is still being read")
    await shared_of(request).worker.placed(session)
    pages = _read_pages(document)
    if not pages:
        raise OcrError(f"{document.name}: no page of it could be read")
    return await _send(request, session, export, document.bare(), pages)


async def download_all(request: Request) -> Response:
    """Send the pages of all files of a session that have been read, in one format."""
    session = session_of(request)
    await shared_of(request).worker.placed(session)
    documents = [(document, _read_pages(document)) for document in session.documents.values()]
    documents = [(document, pages) for document, pages in documents if pages]
    if not documents:
        raise OcrError("no page has been read yet")
    documents = [(document.bare(), pages) for document, pages in documents]
    return await _send(request, session, export_all, documents)


async def find_text(request: Request) -> Response:
    """Send the places of the text `?text=` in all pages of a session, regardless of case: file, page and line."""
    session = session_or_none(request)
    wanted = " ".join(request.query_params.get("text", "").split()).casefold()
    places = []
    for document, sheet in session.sheets() if session and wanted else ():
        for number in sheet.order:
            text = sheet.checked.get(number, sheet.line(number)).text
            if wanted in text.casefold() and len(places) < MAX_PLACES:
                places.append({"file": document.id, "page": sheet.number, "line": number, "text": text})
    return JSONResponse(places)


def _read_pages(document: Upload) -> list[Page]:
    return [sheet.result() for sheet in document.sheets if sheet.state == DONE]


async def _send(
    request: Request, session: Session, write: Callable[..., Path], *arguments: object
) -> Response:
    """Write a result with a function of `ocr.demo.reading`, and send it."""
    worker, form = shared_of(request).worker, request.path_params["form"]
    run = worker.write if form in PICTURED else worker.short
    async with scratch(session.folder) as folder:
        path = await run(write, *arguments, form, folder)
    return attachment(path, folder)
