"""Protection against requests of other web sites through the browser of a user.

A site may send requests to any address, and may resolve its own name to this server (DNS rebinding). The server
therefore answers only under its own names, and only requests from its own pages.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("localhost", "127.0.0.1", "::1")

HEADERS = {
    # The page needs nothing but this server; it may not load from or send to any other.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Guard:
    """ASGI middleware; `hosts` are the names under which browsers reach this server, at any port."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self.app = app
        self.hosts = frozenset(hostname(host) or host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        reason = self.refusal(scope["method"], scope["path"], Headers(scope=scope))
        answer = PlainTextResponse(f"{reason}\n", 403) if reason else self.app
        await answer(scope, receive, send_guarded)

    def refusal(self, method: str, path: str, headers: Headers) -> str:
        """Return the reason for refusing a request; empty where it is accepted."""
        host = headers.get("host", "")
        if hostname(host) not in self.hosts:
            return f"this server does not answer to {host[:200]!r}: start it with --allow-host"
        origin = headers.get("origin")
        if origin is not None and _netloc(origin) != host.lower():
            return f"requests from {origin[:200]!r} are refused"
        # Other sites may link to the page, but may request nothing else.
        entering = method == "GET" and path == "/" and headers.get("sec-fetch-mode") == "navigate"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not entering:
            return "requests from other sites are refused"
        return ""


def hostname(host: str) -> str:
    """Extract the name of a Host header, without port and brackets; empty where it is malformed."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
