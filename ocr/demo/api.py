"""Public interface for programs: a file is sent, and its pages are answered, without a session."""

from __future__ import annotations

import logging
import secrets
import shutil
from collections.abc import AsyncIterator
from typing import Any

from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ocr.demo.files import open_file, receive_file
from ocr.demo.limits import BusyError
from ocr.demo.openapi import description
from ocr.demo.reading import PICTURED, export, recognize
from ocr.demo.requests import attachment, body_of, client_of, scratch, shared_of
from ocr.demo.session import Upload, clean_name
from ocr.demo.sessions import Incoming
from ocr.errors import ConfigError, OcrError, one_line
from ocr.image.page_image import ALL_PAGES, PageRange
from ocr.output import choose_writers
from ocr.output.json import VERSION, page_dict
from ocr.types import Page

# It warns of every damaged form, which is the sender's concern.
logging.getLogger("python_multipart").setLevel(logging.ERROR)


async def show_description(request: Request) -> Response:
    """Send the OpenAPI description of the interface."""
    return JSONResponse(description(shared_of(request).limits))


async def read_file(request: Request) -> Response:
    """Read the file in the body; answers its pages in the format `?format=`, by default as JSON.

    Query parameters: `name` of the file, `pages` such as 1-3,7, `format` as of `ocr read`.
    """
    shared = shared_of(request)
    form = request.query_params.get("format", "json")
    choose_writers([form])
    wanted = PageRange.parse(request.query_params["pages"]) if "pages" in request.query_params else ALL_PAGES
    with shared.sessions.incoming(secrets.token_hex(8), client=client_of(request)) as incoming:
        document = await _receive(request, incoming)
        pages, errors = await _read(request, document, wanted)
        if form == "json":
            return JSONResponse(_answer(document, pages, errors))
        run = shared.worker.write if form in PICTURED else shared.worker.short
        async with scratch(shared.sessions.folder) as folder:
            path = await run(export, document.bare(), pages, form, folder)
    answer = attachment(path, folder)
    if errors:
        answer.headers["x-pages-not-read"] = ", ".join(str(error["page"]) for error in errors)
    return answer


async def _receive(request: Request, incoming: Incoming) -> Upload:
    """Store the body, or the file of a form. Raises ConfigError for a form without a file."""
    name = request.query_params.get("name", "")
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return await receive_file(request, incoming, clean_name(name))

    async def counted() -> AsyncIterator[bytes]:
        async for chunk in body_of(request):
            incoming.grow(clean_name(name), len(chunk))
            yield chunk

    try:
        form = await MultiPartParser(request.headers, counted(), max_files=1, max_fields=20).parse()
    except (MultiPartException, FormParserError, KeyError) as error:
        raise ConfigError(f"the form cannot be read ({getattr(error, 'message', error)})") from error
    sent = next((value for value in form.values() if isinstance(value, UploadFile)), None)
    if sent is None:
        raise ConfigError("the form holds no file; curl sends one by -F file=@letter.jpg")
    with sent.file, open(incoming.path, "wb") as file:
        await shared_of(request).worker.short(shutil.copyfileobj, sent.file, file)
    return await open_file(request, incoming, clean_name(name or sent.filename or ""))


async def _read(
    request: Request, document: Upload, wanted: PageRange
) -> tuple[list[Page], list[dict[str, Any]]]:
    """Read the wanted pages, each in turn with those of others; returns them, and the errors of other pages.

    Raises:
        OcrError: no page can be read. ClientDisconnect: nobody waits for the answer any more.
    """
    shared = shared_of(request)
    pages, errors = [], []
    for number in wanted.select(len(document.sheets), document.name):
        if await request.is_disconnected():
            raise ClientDisconnect
        sheet = document.sheets[number - 1]
        try:
            pages.append(
                await shared.worker.read_page(
                    recognize, shared.worker.reader, document.bare(), sheet.bare(), shared.limits
                )
            )
        except BusyError:
            raise
        except OcrError as error:
            if len(document.sheets) == 1:
                raise
            errors.append({"page": number, "error": one_line(error)})
    if not pages:
        raise OcrError("; ".join(error["error"] for error in errors))
    return pages, errors


def _answer(document: Upload, pages: list[Page], errors: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the format `json` holds: the only page of a file, or a list of pages."""
    if len(document.sheets) == 1:
        return page_dict(pages[0])
    answer = {"version": VERSION, "source": document.name, "pages": [page_dict(page) for page in pages]}
    return answer | {"errors": errors} if errors else answer
