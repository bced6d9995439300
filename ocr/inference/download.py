"""Download of a file from an http or https address, within limits.

An address may come from a list that others wrote, and its server may answer with any other address. Neither may reach
what only this machine can: other schemes, and servers of the local network.
"""

from __future__ import annotations

import io
import ipaddress
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from ocr.errors import ImageError, OcrError, shortened

MAX_BYTES = 500_000_000
"""Highest size of a download, headers and redirections included; larger ones are refused."""

TIMEOUT = 30.0
"""Longest time in seconds without data from the server."""

DEADLINE = 600.0
"""Longest time in seconds of a whole download, from the first connection to the last byte."""

_PORTS = {"http": 80, "https": 443}


def download(address: str, *, allow_private: bool = False) -> bytes:
    """Download a file. Redirections are followed to http and https on their usual ports, or on the port of `address`.

    The addresses that names stand for are checked when the connection is made, so that no name that changes its
    meaning in between gets around it. Where the environment names a proxy, the proxy looks names up, and only
    addresses written as numbers can be checked here.

    Args:
        allow_private: also connect to this machine and to the local network.
    Raises:
        ImageError: the download failed, leads to an address that is not public, is larger than `MAX_BYTES`, or takes
            longer than `DEADLINE`.
    """
    transfer = _Transfer(address, allow_private, end=time.monotonic() + DEADLINE)
    try:
        # Spaces and letters beyond ASCII as browsers send them.
        quoted = quote(address, safe="%/:=&?~#+!$,;'@()*[]")
        opener = _opener(transfer, _port(quoted))
        with opener.open(Request(quoted, headers={"User-Agent": "ocr"}), timeout=TIMEOUT) as reply:
            if reply.length is not None:
                transfer.check_size(reply.length)
            return reply.read()
    except OcrError:
        raise
    except IncompleteRead as error:
        raise ImageError(f"{address}: broke off after {len(error.partial)} bytes") from error
    except HTTPError as error:
        raise ImageError(f"{address}: the server says {error.code} {shortened(error.reason)}") from error
    except (URLError, OSError, HTTPException, ValueError) as error:
        transfer.check_time()
        reason = getattr(error, "reason", None) or error
        reason = getattr(reason, "strerror", None) or reason
        # What comes from the server may hold line breaks and other control characters.
        text = shortened(reason)
        text = text if text.isprintable() else repr(text)
        raise ImageError(f"{address}: {text or type(reason).__name__}") from error


@dataclass
class _Transfer:
    """Limits of one download, over all of its connections."""

    address: str
    allow_private: bool
    end: float
    """Of `time.monotonic`."""
    size: int = 0
    """Bytes that have come."""

    def check_time(self) -> float:
        """Return the seconds that the next step may take. Raises ImageError where none are left."""
        seconds = self.end - time.monotonic()
        if seconds <= 0:
            raise ImageError(f"{self.address}: took longer than {DEADLINE:.0f} s")
        return min(seconds, TIMEOUT)

    def check_size(self, more: int) -> None:
        """Raise ImageError where so many more bytes would be too many."""
        if self.size + more > MAX_BYTES:
            raise ImageError(f"{self.address}: larger than {MAX_BYTES / 1e6:.0f} MB")

    def check_host(self, host: str) -> None:
        """Raise ImageError for a host, written as a number, that is not public. Names are not looked up."""
        try:
            number = ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            return
        if not (self.allow_private or _is_public(number)):
            raise ImageError(
                f"{self.address}: leads to {number}, which is not a public address "
                "(allow_private=true reads from the local network)"
            )


def _is_public(number: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(number, ipaddress.IPv6Address):
        # Forms of IPv6 that carry the traffic to an address of IPv4.
        inner = number.ipv4_mapped or number.sixtofour
        if inner is None and number in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(number) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
    return number.is_global and not number.is_multicast


def _port(address: str) -> int | None:
    parts = urlsplit(address)
    return parts.port or _PORTS.get(parts.scheme)


def _opener(transfer: _Transfer, port: int | None) -> OpenerDirector:
    """Build an opener for http and https alone: that of `urllib.request` also opens files, FTP and data URLs."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        _Http(transfer),
        _Https(transfer),
        HTTPDefaultErrorHandler(),
        _Redirects(transfer, port),
        HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


class _Redirects(HTTPRedirectHandler):
    """Redirections that stay with http and https, on usual ports or on that of the first address."""

    def __init__(self, transfer: _Transfer, port: int | None) -> None:
        self.transfer, self.port = transfer, port

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        parts = urlsplit(newurl)
        if parts.scheme not in _PORTS or _port(newurl) not in (_PORTS[parts.scheme], self.port):
            raise ImageError(f"{self.transfer.address}: redirected to {newurl!r:.200}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Http(HTTPHandler):
    def __init__(self, transfer: _Transfer) -> None:
        super().__init__()
        self.transfer = transfer

    def http_open(self, req: Request) -> HTTPResponse:
        """Send a request over a connection that keeps the limits."""
        return self.do_open(_connection(req, self.transfer, _Connection), req)


class _Https(HTTPSHandler):
    def __init__(self, transfer: _Transfer) -> None:
        super().__init__()
        self.transfer = transfer

    def https_open(self, req: Request) -> HTTPResponse:
        """Send a request over an encrypted connection that keeps the limits."""
        return self.do_open(_connection(req, self.transfer, _SecureConnection), req)


def _connection(req: Request, transfer: _Transfer, kind: type[HTTPConnection]) -> Any:
    """Return what makes the connection for a request, to its host or to the proxy of the environment."""
    proxied = req.has_proxy() or bool(req._tunnel_host)
    if proxied:
        transfer.check_host(urlsplit(req.full_url).hostname or "")
    return partial(kind, transfer=transfer, proxied=proxied)


class _Connection(HTTPConnection):
    """HTTP connection within the limits of a transfer, to public addresses alone unless it goes to a proxy."""

    def __init__(self, host: str, *, transfer: _Transfer, proxied: bool, **options: Any) -> None:
        super().__init__(host, **options)
        self.transfer, self.proxied = transfer, proxied
        self.response_class = partial(_Response, transfer=transfer)
        # What `connect` calls; all else that it does stays.
        self._create_connection = self._connect

    def _connect(self, place: tuple[str, int], *ignored: Any) -> socket.socket:
        refusal: Exception = OSError("the name has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(*place, type=socket.SOCK_STREAM):
            with ExitStack() as opened:
                try:
                    if not self.proxied:
                        self.transfer.check_host(address[0])
                    connection = opened.enter_context(socket.socket(family, kind, protocol))
                    connection.settimeout(self.transfer.check_time())
                    connection.connect(address)
                    connection.settimeout(self.transfer.check_time())
                except (OSError, ImageError) as error:
                    refusal = error
                    continue
                opened.pop_all()
                return connection
        raise refusal


class _SecureConnection(HTTPSConnection, _Connection):
    """The same with encryption: in this order, it is put over what `_Connection` connects."""


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, transfer: _Transfer, **options: Any) -> None:
        super().__init__(_Limited(sock, transfer), *arguments, **options)


@dataclass
class _Limited:
    """The part of a socket that `HTTPResponse` uses."""

    sock: socket.socket
    transfer: _Transfer

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_LimitedReader(self.sock, self.transfer))


class _LimitedReader(io.RawIOBase):
    """Reading side of a socket; every read keeps the limits, those of header lines too."""

    def __init__(self, sock: socket.socket, transfer: _Transfer) -> None:
        self.sock, self.transfer = sock, transfer
        # Keeps the socket open when the connection lets go of it.
        self.raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        """Tell that this can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int | None:
        """Read what is there. Raises ImageError beyond the limits, OSError where nothing comes in time."""
        self.sock.settimeout(self.transfer.check_time())
        size = self.raw.readinto(buffer)
        self.transfer.check_size(size or 0)
        self.transfer.size += size or 0
        return size

    def close(self) -> None:
        """Close the socket."""
        self.raw.close()
        super().close()
