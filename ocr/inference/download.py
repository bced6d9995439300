"""Download of a file from an http or https address, within limits."""

from __future__ import annotations

import time
from http.client import HTTPException, HTTPResponse
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from ocr.errors import ImageError, OcrError

MAX_BYTES = 500_000_000
"""Highest size of a file; larger ones are refused."""

TIMEOUT = 30.0
"""Longest time in seconds without data from the server."""

DEADLINE = 600.0
"""Longest time in seconds of a whole download."""


def download(address: str) -> bytes:
    """Download a file; redirections are followed, but not to local files.

    Raises:
        ImageError: the download failed, is larger than `MAX_BYTES`, or takes longer than `DEADLINE`.
    """
    try:
        # Spaces and letters beyond ASCII as browsers send them.
        quoted = quote(address, safe="%/:=&?~#+!$,;'@()*[]")
        with urlopen(Request(quoted, headers={"User-Agent": "ocr"}), timeout=TIMEOUT) as reply:
            return _read(reply, address)
    except OcrError:
        raise
    except HTTPError as error:
        reason = " ".join(str(error.reason).split())
        raise ImageError(f"{address}: the server says {error.code} {reason}") from error
    except (URLError, OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        reason = getattr(reason, "strerror", None) or reason
        raise ImageError(f"{address}: {str(reason) or type(reason).__name__}") from error


def _read(reply: HTTPResponse, address: str) -> bytes:
    end = time.monotonic() + DEADLINE
    chunks: list[bytes] = []
    size = 0
    # One read may wait for many small packets; read1 returns with what is there.
    while chunk := reply.read1(1 << 20):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BYTES:
            raise ImageError(f"{address}: larger than {MAX_BYTES / 1e6:.0f} MB")
        if time.monotonic() > end:
            raise ImageError(f"{address}: took longer than {DEADLINE:.0f} s")
    if reply.length:
        raise ImageError(f"{address}: broke off after {size} bytes")
    return b"".join(chunks)
