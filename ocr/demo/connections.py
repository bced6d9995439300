"""The server that runs the application: its connections end where a client is too slow, and it stops at once."""

from __future__ import annotations

import asyncio
import logging
import socket
from functools import partial
from typing import Any

import h11
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

GRACE_SECONDS = 1
"""Time for answers that are being sent when the server is stopped."""

KEEP_SECONDS = 30
"""Time that a connection stays open between requests: on a busy machine, a request may arrive late."""


class TimedConnection(H11Protocol):
    """HTTP connection with a limit of time for the head of a request, and for a body that nobody reads any more.

    Bodies that are read have their own limit, `ocr.demo.requests.body_of`.
    """

    def __init__(self, *arguments: Any, seconds: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Handle what has come."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of a body."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        super().connection_lost(exc)
        self._stop()

    def _watch(self) -> None:
        """Keep the clock running, from the moment at which it was started, as long as something is awaited."""
        # Between requests, a connection without any data has the server's limit for idle connections.
        head = self.conn.their_state is h11.IDLE and (self.cycle is None or bool(self.conn.trailing_data[0]))
        rest = self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.DONE
        if not head and not rest:
            self._stop()
        elif self._timer is None:
            self._timer = self.loop.call_later(self.seconds, self._end)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


class PageServer(uvicorn.Server):
    """Server of `ocr.demo.server.create_app`, which waits neither for pages that are read nor for slow clients."""

    def __init__(self, app: Starlette, **options: Any) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(TimedConnection, seconds=app.state.limits.idle_seconds),
                log_level="error",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_SECONDS,
                timeout_keep_alive=KEEP_SECONDS,
                **options,
            )
        )
        self.app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, after the requests that take no longer than `GRACE_SECONDS`."""
        self.app.state.shared.worker.stop()
        # The requests that are ended here are no errors.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await super().shutdown(sockets)
