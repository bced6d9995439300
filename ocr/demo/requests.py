"""What endpoints share: what the server holds, whose request it is, what is answered."""

from __future__ import annotations

import errno
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from ocr.demo.limits import LimitError, Limits
from ocr.demo.session import MissingError, Session, Upload, UploadPage
from ocr.demo.sessions import Sessions
from ocr.demo.worker import Worker
from ocr.errors import OcrError, one_line

MAX_TEXT_BYTES = 8000
"""Bytes of a line's text that are taken."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shared:
    """What the server holds for all requests: `app.state.shared`."""

    limits: Limits
    sessions: Sessions
    worker: Worker
    corrections: Path | None
    """Folder for checked lines."""
    public: bool
    """Reached by names that are not of this machine alone."""


def shared_of(request: Request) -> Shared:
    """What the server holds."""
    return request.app.state.shared


def cookie_name(request: Request) -> str:
    """The name of the session's cookie: browsers keep those of a host's ports together."""
    port = request.headers.get("host", "").rpartition(":")[2]
    return f"ocr-{port if port.isdecimal() else 'session'}"


def session_or_none(request: Request) -> Session | None:
    """The session of whoever asks; None for somebody new."""
    name = request.cookies.get(cookie_name(request), "")
    sessions = shared_of(request).sessions
    return sessions.find(name) if name in sessions else None


def session_of(request: Request) -> Session:
    """The session of whoever asks. Raises MissingError."""
    return shared_of(request).sessions.find(request.cookies.get(cookie_name(request), ""))


def document_of(request: Request) -> tuple[Session, Upload]:
    """The file that the address names. Raises MissingError."""
    session = session_of(request)
    return session, session.document(request.path_params["file"])


def sheet_of(request: Request) -> tuple[Session, Upload, UploadPage]:
    """The page that the address names. Raises MissingError."""
    session, document = document_of(request)
    return session, document, document.sheet(request.path_params["page"])


async def text_of(request: Request) -> str:
    """The body, the text of a line in UTF-8, with single spaces for all white space. Raises LimitError."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_TEXT_BYTES:
            raise LimitError(f"the text of a line has at most {MAX_TEXT_BYTES} bytes")
    return " ".join(body.decode("utf-8", errors="replace").split())


@asynccontextmanager
async def scratch(session: Session) -> AsyncIterator[Path]:
    """A folder to write an attachment in; gone if it cannot be written."""
    folder = Path(tempfile.mkdtemp(dir=session.folder))
    try:
        yield folder
    except (OcrError, OSError):
        shutil.rmtree(folder, ignore_errors=True)
        raise


def attachment(path: Path, folder: Path) -> Response:
    """A file for saving; `folder` goes when it is sent."""
    gone = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    return FileResponse(path, filename=path.name, background=gone)


def picture(path: Path) -> Response:
    """A picture to show. Raises MissingError."""
    if not path.is_file():
        raise MissingError("there is no such picture, or no longer")
    return FileResponse(path)


async def refused(request: Request, error: OcrError) -> Response:
    """What comes of an error that the request caused."""
    status = 404 if isinstance(error, MissingError) else 413 if isinstance(error, LimitError) else 400
    return JSONResponse({"error": one_line(error)}, status)


async def unable(request: Request, error: OSError) -> Response:
    """What comes of an error that the server's disk caused."""
    log.error("%s %s: %s", request.method, request.url.path, error)
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return JSONResponse({"error": "the server's disk is full" if full else "the server cannot do this"}, 507)


async def unheard(request: Request, error: Exception) -> Response:
    """What would be answered to somebody who is gone."""
    return Response(status_code=400)
