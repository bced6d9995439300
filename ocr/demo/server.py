"""Server of the demo as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ocr.demo import api, files, lines
from ocr.demo.corrections import FolderCounts
from ocr.demo.guard import LOOPBACK, Guard
from ocr.demo.limits import Limits
from ocr.demo.requests import Shared, client_error, disconnected, disk_error
from ocr.demo.scratch import server_folder
from ocr.demo.sessions import Sessions
from ocr.demo.worker import Worker
from ocr.errors import OcrError
from ocr.inference.reader import Reader

FOLDER = Path(__file__).with_name("page")

SWEEP_SECONDS = 60.0
"""Interval at which unused sessions are ended."""

FILE = "/api/files/{file}"
PAGE = FILE + "/pages/{page:number}"
LINE = PAGE + "/lines/{line:number}"


class NumberConvertor(IntegerConvertor):
    """Number in an address; of more digits than Python converts, there is nothing anyway."""

    regex = "[0-9]{1,9}"


register_url_convertor("number", NumberConvertor())


def create_app(
    reader: Reader,
    *,
    limits: Limits,
    corrections: Path | None,
    hosts: Sequence[str] = LOOPBACK,
) -> Starlette:
    """Create the application for a reader, which no other thread may use.

    Args:
        limits: limits of sessions.
        corrections: folder in which checked lines are kept after the end of a session; None: they can be
            downloaded, and are removed with the session.
        hosts: names under which browsers reach the server; requests to other names are refused.
    """

    @asynccontextmanager
    async def running(app: Starlette) -> AsyncIterator[None]:
        with server_folder() as folder:
            sessions, worker = Sessions(folder, limits), Worker(reader, limits)
            public = bool(set(hosts) - set(LOOPBACK))
            counts = None if corrections is None else FolderCounts(corrections)
            app.state.shared = Shared(limits, sessions, worker, corrections, counts, public)
            sweeper = asyncio.create_task(_sweep(sessions))
            yield
            sweeper.cancel()
            worker.stop()

    app = Starlette(
        routes=[
            Route("/api/read", api.read_file, methods=["POST"]),
            Route("/api/openapi.json", api.show_description),
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
            Route("/api/corrections", lines.show_corrections),
            Route("/api/corrections.parquet", lines.download_corrections),
            Mount("/", StaticFiles(directory=FOLDER, html=True)),
        ],
        middleware=[Middleware(Guard, hosts=tuple(hosts))],
        exception_handlers={OcrError: client_error, OSError: disk_error, ClientDisconnect: disconnected},
        lifespan=running,
    )
    app.state.limits = limits
    return app


async def _sweep(sessions: Sessions) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        sessions.expire()
