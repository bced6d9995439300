"""Helpers of the endpoints: state of the server, objects named by a request, and responses."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import json
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from ocr.demo.adapting import Adapting
from ocr.demo.corrections import FolderCounts
from ocr.demo.limits import BusyError, LimitError, Limits
from ocr.demo.session import MissingError, Session, Upload, UploadPage
from ocr.demo.sessions import Sessions
from ocr.demo.worker import Worker
from ocr.errors import OcrError, one_line

MAX_TEXT_BYTES = 8000
"""Highest size of the text of a line in bytes."""

MAX_JSON_BYTES = 50_000
"""Highest size of numbers of lines and of outlines in bytes."""

PROGRESS_BYTES = 16_000
"""Bytes of a body that must come within `Limits.idle_seconds`."""

log = logging.getLogger(__name__)


class SlowError(OcrError):
    """The body of a request comes too slowly."""


STATUS = {MissingError: 404, SlowError: 408, BusyError: 503, LimitError: 413}
"""HTTP status by the kind of an error; 400 for any other."""


@dataclass(frozen=True)
class Shared:
    """State of the server for all requests: `app.state.shared`."""

    limits: Limits
    sessions: Sessions
    worker: Worker
    corrections: Path | None
    """Folder for checked lines."""
    counts: FolderCounts | None
    """Counts of the lines in that folder."""
    adapting: Adapting | None
    """Adaptation to those lines; None without a folder, and on a public server."""
    public: bool
    """True where browsers reach the server by other names than those of the local machine."""


def shared_of(request: Request) -> Shared:
    """Return the state of the server."""
    return request.app.state.shared


def cookie_name(request: Request) -> str:
    """Return the name of the session cookie, which contains the port, as browsers share cookies between ports."""
    port = request.headers.get("host", "").rpartition(":")[2]
    return f"ocr-{port if port.isdecimal() else 'session'}"


def session_id(request: Request) -> str:
    """Return the id in the session cookie of a request; empty where it has none of this server."""
    name = request.cookies.get(cookie_name(request), "")
    return name if shared_of(request).sessions.is_id(name) else ""


def give_id(request: Request, answer: Response, name: str) -> None:
    """Set the session cookie."""
    answer.set_cookie(
        cookie_name(request),
        name,
        max_age=round(3600 * shared_of(request).limits.hours),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def client_of(request: Request) -> str:
    """Return a name for the machine that sent a request, empty for this one.

    Behind a reverse proxy on this machine it is what the proxy names in `X-Forwarded-For`. Machines with addresses of
    IPv6 get whole networks of them, and are named by these.
    """
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return ""
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback:
        return ""
    return str(address if address.version == 4 else ipaddress.ip_network((address, 64), strict=False))


def session_or_none(request: Request) -> Session | None:
    """Find the session of a request; None where it has none."""
    name = request.cookies.get(cookie_name(request), "")
    sessions = shared_of(request).sessions
    return sessions.find(name) if name in sessions else None


def session_of(request: Request) -> Session:
    """Find the session of a request. Raises MissingError."""
    return shared_of(request).sessions.find(request.cookies.get(cookie_name(request), ""))


def document_of(request: Request) -> tuple[Session, Upload]:
    """Find the file that the address names. Raises MissingError."""
    session = session_of(request)
    return session, session.document(request.path_params["file"])


def sheet_of(request: Request) -> tuple[Session, Upload, UploadPage]:
    """Find the page that the address names. Raises MissingError."""
    session, document = document_of(request)
    return session, document, document.sheet(request.path_params["page"])


async def body_of(request: Request) -> AsyncIterator[bytes]:
    """Yield the body of a request as it comes. Raises SlowError where it comes too slowly."""
    seconds = shared_of(request).limits.idle_seconds
    clock = asyncio.get_running_loop().time
    stream, deadline, received = request.stream(), clock() + seconds, 0
    while True:
        try:
            chunk = await asyncio.wait_for(anext(stream), deadline - clock())
        except StopAsyncIteration:
            return
        except asyncio.TimeoutError as error:
            raise SlowError(f"less than {PROGRESS_BYTES // 1000} kB came in {seconds:g} seconds") from error
        received += len(chunk)
        if received >= PROGRESS_BYTES:
            deadline, received = clock() + seconds, 0
        yield chunk


async def text_of(request: Request) -> str:
    """Read the body, the text of a line in UTF-8, with single spaces for all white space. Raises LimitError."""
    return " ".join((await small_body(request)).decode("utf-8", errors="replace").split())


async def json_of(request: Request) -> Any:
    """Read the body as JSON. Raises OcrError."""
    body = await small_body(request, MAX_JSON_BYTES)
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise OcrError("the body is not JSON") from error


async def small_body(request: Request, limit: int = MAX_TEXT_BYTES) -> bytes:
    """Read a body of at most `limit` bytes. Raises LimitError."""
    body = bytearray()
    async for chunk in body_of(request):
        body += chunk
        if len(body) > limit:
            raise LimitError(f"a text of at most {limit} bytes is expected")
    return bytes(body)


@asynccontextmanager
async def scratch(parent: Path) -> AsyncIterator[Path]:
    """Create a folder for an attachment; it is removed if an error occurs."""
    folder = Path(tempfile.mkdtemp(dir=parent))
    try:
        yield folder
    except (OcrError, OSError):
        shutil.rmtree(folder, ignore_errors=True)
        raise


def attachment(path: Path, folder: Path) -> Response:
    """Send a file as a download; `folder` is removed afterwards."""
    remove = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    return FileResponse(path, filename=path.name, background=remove)


def picture(path: Path) -> Response:
    """Send a picture. Raises MissingError."""
    if not path.is_file():
        raise MissingError("there is no such picture, or no longer")
    return FileResponse(path)


async def client_error(request: Request, error: OcrError) -> Response:
    """Respond to an error that the request caused."""
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 400)
    return JSONResponse({"error": one_line(error)}, status)


async def disk_error(request: Request, error: OSError) -> Response:
    """Respond to an error of the disk of the server."""
    log.error("%s %s: %s", request.method, request.url.path, error)
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return JSONResponse({"error": "the server's disk is full" if full else "the server cannot do this"}, 507)


async def disconnected(request: Request, error: Exception) -> Response:
    """Respond to a client that has disconnected, so that no error is logged."""
    return Response(status_code=400)
