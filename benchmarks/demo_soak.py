"""Use of the web page by many people at once: latency percentiles and memory, as JSON.

    python benchmarks/demo_soak.py --clients 30 --seconds 300

Starts `ocr demo`. Each client sends a page, waits until it is read, saves its lines one after the other with pauses
as a person makes them, downloads the text, removes the page and begins again.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

LETTER = Path(__file__).parents[1] / "examples" / "letter.jpg"
POLL_SECONDS = {"reading": 0.6, "waiting": 1.5}
"""Intervals at which the page asks for the state of its files."""


class Client:
    """A person with a browser; `times` collects seconds by kind of request."""

    def __init__(self, address: str, page: bytes, times: dict[str, list[float]], errors: list[str]) -> None:
        self.http = httpx.AsyncClient(base_url=f"{address}/api/", timeout=120)
        self.page, self.times, self.errors = page, times, errors

    async def ask(self, kind: str, method: str, path: str, **options: object) -> httpx.Response:
        """Send a request and keep its time."""
        start = time.perf_counter()
        answer = await self.http.request(method, path, **options)
        self.times[kind].append(time.perf_counter() - start)
        if answer.is_error:
            self.errors.append(f"{kind}: {answer.status_code} {answer.text[:100]}")
        return answer

    async def visit(self, number: int, pause: float) -> None:
        """Send a page, read it, correct its lines, download the text, and remove it."""
        sent = time.perf_counter()
        answer = await self.ask("upload", "POST", "files", params={"name": "page.png"}, content=self.page)
        file = answer.json()["id"]
        while True:
            state = (await self.ask("state", "GET", "session")).json()
            (page,) = (page for each in state["files"] if each["id"] == file for page in each["pages"])
            if page["state"] in ("done", "failed"):
                break
            await asyncio.sleep(POLL_SECONDS[page["state"]])
        self.times["until read"].append(time.perf_counter() - sent)
        lines = (await self.ask("page", "GET", f"files/{file}/pages/1")).json()["lines"]
        for line in range(len(lines)):
            await asyncio.sleep(random.uniform(0.5, 1.5) * pause)
            path = f"files/{file}/pages/1/lines/{line}"
            await self.ask("crop", "GET", f"{path}/image")
            await self.ask("save line", "PUT", path, content=f"corrected line {number}".encode())
            await self.ask("counts", "GET", "corrections")
        await self.ask("text", "GET", f"files/{file}/results/txt")
        await self.ask("remove", "DELETE", f"files/{file}", params={"lines": "keep"})

    async def stay(self, seconds: float, pause: float) -> None:
        """Visit again and again."""
        end = time.perf_counter() + seconds
        await asyncio.sleep(random.uniform(0, pause))
        for number in itertools.count():
            if time.perf_counter() > end:
                break
            try:
                await self.visit(number, pause)
            except (httpx.HTTPError, KeyError, ValueError) as error:
                self.errors.append(repr(error))
        await self.http.aclose()


def page_content() -> bytes:
    """Return the upper third of the example letter as PNG."""
    with Image.open(LETTER) as letter:
        part = letter.convert("L").crop((0, 0, letter.width, letter.height // 3))
    buffer = io.BytesIO()
    part.save(buffer, "PNG")
    return buffer.getvalue()


def resident(pid: int) -> int:
    """Return the memory of a process and its children in MB, by Linux's /proc; 0 elsewhere."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:
            continue
        if str(pid) in (status.parent.name, fields.get("PPid", "").strip()):
            total += int(fields.get("VmRSS", "0").split()[0]) // 1000
    return total


async def soak(address: str, pid: int, options: argparse.Namespace) -> dict:
    """Let all clients use the server; returns the summary."""
    times: dict[str, list[float]] = defaultdict(list)
    errors: list[str] = []
    memory = [resident(pid)]
    page = page_content()
    clients = [Client(address, page, times, errors) for _ in range(options.clients)]
    work = [asyncio.ensure_future(client.stay(options.seconds, options.pause)) for client in clients]
    while (await asyncio.wait(work, timeout=1))[1]:
        memory.append(resident(pid))
    return {
        "clients": options.clients,
        "seconds": options.seconds,
        "pages": len(times["until read"]),
        "errors": len(errors),
        "first_errors": errors[:5],
        "memory_mb": {"start": memory[0], "highest": max(memory), "end": memory[-1]},
        "seconds_by_request": {kind: percentiles(values) for kind, values in sorted(times.items())},
    }


def percentiles(values: list[float]) -> dict[str, float]:
    """Return the number of values, and their percentiles."""
    points = {f"p{point}": round(float(np.percentile(values, point)), 4) for point in (50, 95, 99)}
    return {"count": len(values), **points, "max": round(max(values), 4)}


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--pause", type=float, default=2, help="mean seconds between two lines of a client")
    parser.add_argument("--output", type=Path, help="JSON file; default: standard output")
    options = parser.parse_args()
    random.seed(0)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ocr", "demo", "--port", "0"]
        root = str(Path(__file__).resolve().parents[1])
        environment = {**os.environ, "PYTHONPATH": root}
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment)
        try:
            address = server.stdout.readline().split()[1].rstrip("/")
            summary = asyncio.run(soak(address, server.pid, options))
        finally:
            server.terminate()
            server.wait()
    text = json.dumps(summary, indent=1)
    options.output.write_text(text + "\n") if options.output else print(text)


if __name__ == "__main__":
    main()
