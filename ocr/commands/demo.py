"""Read pages in the browser.

examples:
    ocr demo
    ocr demo --host 0.0.0.0 --allow-host scans.example.org

Prints the address to open; Ctrl-C ends it. Exit status: 0, or 2 where it cannot be started.
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ocr.commands.options import CommandParser, run
from ocr.demo.limits import Limits
from ocr.errors import ConfigError
from ocr.inference.settings import DETECTOR, RECOGNIZER

if TYPE_CHECKING:
    from ocr.inference.reader import Reader

DEFAULTS = Limits()


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    try:
        return run(_parser(), arguments)
    except KeyboardInterrupt:
        return 0


def _serve(options: argparse.Namespace) -> None:
    try:
        from ocr.demo.connections import PageServer
        from ocr.demo.guard import LOOPBACK
        from ocr.demo.process import ReadingProcess
        from ocr.demo.server import create_app
    except ImportError as error:
        raise ConfigError(
            f"{error.name} is missing: install the extra `demo`, as in uv sync --extra demo"
        ) from error
    if not options.allow_host and not _is_loopback(options.host):
        raise ConfigError(
            f"--host {options.host}: tell with --allow-host NAME under which name browsers reach this server"
        )
    settings = {
        "limits": _limits(options),
        "corrections": None if options.corrections == "none" else _folder(options.corrections),
        "hosts": (*LOOPBACK, *options.allow_host),
        "recognizer": options.recognizer,
        "process": ReadingProcess(),
    }
    with _listen(options.host, options.port) as listener:
        server = PageServer(create_app(_reader(options), **settings))
        host = f"[{options.host}]" if ":" in options.host else options.host
        print(f"open http://{host}:{listener.getsockname()[1]}/ in a browser; Ctrl-C ends this", flush=True)
        server.run(sockets=[listener])


def _limits(options: argparse.Namespace) -> Limits:
    return Limits(
        megabytes=options.max_megabytes,
        pages=options.max_pages,
        megapixels=options.max_megapixels,
        sessions=options.max_sessions,
        hours=options.keep_hours,
    )


def _reader(options: argparse.Namespace) -> Reader:
    from ocr.inference.reader import Reader

    return Reader.from_pretrained(
        options.recognizer, options.detector, device=options.device, decode=options.decode
    )


def _folder(name: str) -> Path:
    """Check the folder for checked lines, which is made when there are any. Raises ConfigError if it cannot be."""
    path = Path(name).resolve()
    there = next(folder for folder in (path, *path.parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise ConfigError(f"--corrections {name}: cannot be written to")
    return path


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    """Open a listening socket. Raises ConfigError where that is not possible."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        # Python adds to the system's words what is said here already.
        reason = os.strerror(error.errno) if (getattr(error, "errno", None) or 0) > 0 else error
        raise ConfigError(f"--host {host} --port {port}: cannot listen there ({reason})") from error


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("ocr demo", doc=__doc__)
    parser.set_defaults(run=_serve)
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen at; only this machine reaches the default")
    add("--port", type=int, default=8000, help="0: any that is free")
    about = "name under which browsers reach this server, where that is not this machine's; may be repeated"
    add("--allow-host", action="append", default=[], metavar="NAME", help=about)
    add(
        "--recognizer",
        default=RECOGNIZER,
        help="bundle: a shipped name or a folder, such as runs/adapt/bundle",
    )
    add("--detector", default=DETECTOR, help="bundle: a shipped name or a folder")
    add("--decode", help="ctc (fastest), ctc_beam, greedy, beam or rescore; default: the bundle's")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    about = "where checked lines are kept to learn from; none: nowhere"
    add("--corrections", default="corrections", metavar="FOLDER", help=about)
    add("--max-megabytes", type=float, default=DEFAULTS.megabytes, help="of all files of a user")
    add("--max-pages", type=int, default=DEFAULTS.pages, help="of a user")
    add("--max-megapixels", type=float, default=DEFAULTS.megapixels, help="of a page")
    add("--max-sessions", type=int, default=DEFAULTS.sessions, help="users at once")
    about = "hours that a user's pages are kept after the last use"
    add("--keep-hours", type=float, default=DEFAULTS.hours, help=about)
    return parser
