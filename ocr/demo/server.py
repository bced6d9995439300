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

from ocr.demo import api, files, learning, lines
from ocr.demo.adapting import Adapting
from ocr.demo.corrections import FolderCounts
from ocr.demo.guard import LOOPBACK, Guard
from ocr.demo.limits import Limits
from ocr.demo.process import ReadingProcess
from ocr.demo.requests import Shared, client_error, disconnected, disk_error
from ocr.demo.scratch import server_folder
from ocr.demo.sessions import Sessions
from ocr.demo.worker import Worker
from ocr.errors import OcrError
from ocr.inference.reader import RECOGNIZER, Reader

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


ROUTES = [
    Route("/api/read", api.read_file, methods=["POST"]),
    Route("/api/openapi.json", api.show_description),
    Route("/api/session", files.show_session),
    Route("/api/files", files.add_file, methods=["POST"]),
    Route(FILE, files.remove_file, methods=["DELETE"]),
    Route(FILE + "/results/{form}", files.download),
    Route("/api/results/{form}", files.download_all),
    Route("/api/find", files.find_text),
    Route(PAGE, lines.show_page),
    Route(PAGE + "/order", lines.set_order, methods=["PUT"]),
    Route(PAGE + "/lines", lines.add_line, methods=["POST"]),
    Route(PAGE + "/reading", lines.read_again, methods=["POST"]),
    Route(PAGE + "/image", lines.show_picture),
    Route(PAGE + "/thumbnail", lines.show_thumbnail),
    Route(LINE, lines.show_line),
    Route(LINE, lines.check_line, methods=["PUT"]),
    Route(LINE, lines.uncheck_line, methods=["DELETE"]),
    Route(LINE + "/image", lines.show_crop),
    Route("/api/corrections", learning.show_corrections),
    Route("/api/corrections.parquet", learning.download_corrections),
    Route("/api/adapting", learning.show_adapting),
    Route("/api/adapting", learning.start_adapting, methods=["POST"]),
    Route("/api/adapting", learning.stop_adapting, methods=["DELETE"]),
    Route("/api/reader", learning.choose_reader, methods=["PUT"]),
    Mount("/", StaticFiles(directory=FOLDER, html=True)),
]


def create_app(
    reader: Reader,
    *,
    limits: Limits,
    corrections: Path | None,
    hosts: Sequence[str] = LOOPBACK,
    recognizer: str | Path = RECOGNIZER,
    process: ReadingProcess | None = None,
) -> Starlette:
    """Create the application for a reader, which no other thread may use.

    Args:
        limits: limits of sessions.
        corrections: folder in which checked lines are kept after the end of a session; None: they can be
            downloaded, and are removed with the session.
        recognizer: bundle of the reader's recognizer, which is adapted to checked lines.
        process: reads in place of this process, which then answers at once whatever is read; stopped in the end.
        hosts: names under which browsers reach the server; requests to other names are refused.
    """

    @asynccontextmanager
    async def running(app: Starlette) -> AsyncIterator[None]:
        with server_folder() as folder:
            sessions, worker = Sessions(folder, limits), Worker(reader, limits, process)
            public = bool(set(hosts) - set(LOOPBACK))
            counts = None if corrections is None else FolderCounts(corrections)
            adapting = None if counts is None or public else Adapting(worker, counts, recognizer)
            app.state.shared = Shared(limits, sessions, worker, corrections, counts, adapting, public)
            sweeper = asyncio.create_task(_sweep(sessions))
            yield
            sweeper.cancel()
            worker.stop()
            if adapting is not None:
                adapting.kill()

    app = Starlette(
        routes=ROUTES,
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
