"""Endpoints for files: upload, progress and results."""

from __future__ import annotations

import secrets
import shutil
from hashlib import blake2b
from pathlib import Path

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ocr.demo.corrections import CheckedLines, manifest, save_lines
from ocr.demo.reading import add_sheets, export
from ocr.demo.requests import (
    Shared,
    attachment,
    cookie_name,
    document_of,
    scratch,
    session_or_none,
    shared_of,
)
from ocr.demo.session import DONE, READING, WAITING, Session, Upload, clean_name
from ocr.demo.views import document_view, limits_view, session_view
from ocr.errors import OcrError


async def show_session(request: Request) -> Response:
    """Send the limits and the files of a session."""
    shared = shared_of(request)
    files = session_view(session_or_none(request))
    return JSONResponse({"limits": limits_view(shared.limits), "public": shared.public, "files": files})


async def add_file(request: Request) -> Response:
    """Store the body as a file called `?name=`; opens a session where the request has none."""
    shared = shared_of(request)
    name = clean_name(request.query_params.get("name", ""))
    session = session_or_none(request)
    announced = int(request.headers.get("content-length", 0))
    shared.limits.check_bytes(name, held=session.held_bytes if session else 0, added=announced)
    session = session or shared.sessions.open()
    folder = session.folder / secrets.token_hex(8)
    folder.mkdir()
    try:
        document = await _receive(request, session, folder, name)
    except (OcrError, OSError, ClientDisconnect):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    session.documents[document.id] = document
    shared.worker.read(session)
    answer = JSONResponse(document_view(document), 201)
    secure = request.url.scheme == "https"
    answer.set_cookie(cookie_name(request), session.id, httponly=True, samesite="strict", secure=secure)
    return answer


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
    pages = [sheet.result() for sheet in document.sheets if sheet.state == DONE]
    if not pages:
        raise OcrError(f"{document.name}: no page of it could be read")
    form = request.path_params["form"]
    async with scratch(session) as folder:
        path = await shared_of(request).worker.run(export, document, pages, form, folder)
    return attachment(path, folder)


async def _receive(request: Request, session: Session, folder: Path, name: str) -> Upload:
    shared: Shared = shared_of(request)
    path, digest, size = folder / "file", blake2b(digest_size=6), 0
    try:
        with open(path, "wb") as file:
            async for chunk in request.stream():
                shared.limits.check_bytes(name, held=session.held_bytes - size, added=size + len(chunk))
                size += len(chunk)
                session.held_bytes += len(chunk)
                digest.update(chunk)
                file.write(chunk)
        document = Upload(folder.name, name, path, size, digest.hexdigest())
        held = sum(1 for _ in session.sheets())
        await shared.worker.run(add_sheets, document, held, shared.limits)
    except (OcrError, OSError, ClientDisconnect):
        session.held_bytes -= size
        raise
    return document
