"""The server behind the page, as an ASGI application."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ocr.demo import files, lines
from ocr.demo.guard import LOOPBACK, Guard
from ocr.demo.limits import Limits
from ocr.demo.requests import Shared, refused, unable, unheard
from ocr.demo.sessions import Sessions
from ocr.demo.worker import Worker
from ocr.errors import OcrError
from ocr.inference.reader import Reader

FOLDER = Path(__file__).with_name("page")

SWEEP = 60.0
"""Seconds between looks for sessions that nobody comes back to."""

FILE = "/api/files/{file}"
PAGE = FILE + "/pages/{page:int}"
LINE = PAGE + "/lines/{line:int}"


def create_app(
    reader: Reader,
    *,
    limits: Limits,
    corrections: Path | None,
    hosts: Sequence[str] = LOOPBACK,
) -> Starlette:
    """The application around a reader, which it has for itself.

    Args:
        corrections: folder for the lines that people check, which outlive their sessions there; None: they can be
            downloaded, and end with the session.
        hosts: names under which browsers reach the server; under others it refuses to answer.
    """

    @asynccontextmanager
    async def running(app: Starlette) -> AsyncIterator[None]:
        with tempfile.TemporaryDirectory(prefix="ocr-demo-", ignore_cleanup_errors=True) as folder:
            sessions, worker = Sessions(Path(folder), limits), Worker(reader, limits)
            public = bool(set(hosts) - set(LOOPBACK))
            app.state.shared = Shared(limits, sessions, worker, corrections, public)
            sweeper = asyncio.create_task(_sweep(sessions))
            yield
            sweeper.cancel()
            await worker.close()

    return Starlette(
        routes=[
            Route("/api/session", files.show_session),
            Route("/api/files", files.add_file, methods=["POST"]),
            Route(FILE, files.remove_file, methods=["DELETE"]),
            Route(FILE + "/results/{form}", files.download),
            Route(PAGE, lines.show_page),
            Route(PAGE + "/image", lines.show_picture),
            Route(PAGE + "/thumbnail", lines.show_thumbnail),
            Route(LINE, lines.check_line, methods=["PUT"]),
            Route(LINE, lines.uncheck_line, methods=["DELETE"]),
            Route(LINE + "/image", lines.show_crop),
            Route("/api/corrections", lines.show_gathered),
            Route("/api/corrections.parquet", lines.download_gathered),
            Mount("/", StaticFiles(directory=FOLDER, html=True)),
        ],
        middleware=[Middleware(Guard, hosts=tuple(hosts))],
        exception_handlers={OcrError: refused, OSError: unable, ClientDisconnect: unheard},
        lifespan=running,
    )


async def _sweep(sessions: Sessions) -> None:
    while True:
        await asyncio.sleep(SWEEP)
        sessions.expire()
