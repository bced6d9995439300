"""A running server, and people who use it."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image
from rapidfuzz.distance.Levenshtein import distance

pytest.importorskip("uvicorn", reason="the extra `demo` is not installed")
pytest.importorskip("starlette", reason="the extra `demo` is not installed")
httpx = pytest.importorskip("httpx", reason="httpx is not installed")


LETTER = Path(__file__).parents[2] / "examples" / "letter.jpg"
FIRST_LINE = "President McClish"


def letter_head() -> Image.Image:
    """Two lines of the letter, the first of them `FIRST_LINE`, on a sheet with margins.

    Without margins it would be a strip, of which even the way up is uncertain.
    """
    sheet = Image.new("RGB", (763, 400), (237, 238, 234))
    with Image.open(LETTER) as letter:
        sheet.paste(letter.crop((60, 80, 763, 265)), (30, 100))
    return sheet


def resembles(text: str, written: str) -> bool:
    """Return True where a reading is right by more than half, as good and less good weights have it."""
    return 2 * distance(text, written) < len(written)


@contextmanager
def served(reader, *, limits=None, corrections=None, process=None):
    """The address of a server that runs in this process until the block is left."""
    from ocr.demo.connections import PageServer
    from ocr.demo.limits import Limits
    from ocr.demo.server import create_app

    app = create_app(reader, limits=limits or Limits(), corrections=corrections, process=process)
    server = PageServer(app, port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server has stopped"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)


class User:
    """Somebody with a browser's cookies."""

    def __init__(self, address: str) -> None:
        self.client = httpx.Client(base_url=f"{address}/api/", timeout=60)

    def send(self, content: bytes, name: str = "page.png") -> httpx.Response:
        return self.client.post("files", params={"name": name}, content=content)

    def files(self) -> list[dict]:
        return self.client.get("session").json()["files"]

    def read(self, content: bytes, name: str = "page.png") -> dict:
        """The file after all of its pages have been read or have failed."""
        answer = self.send(content, name)
        assert answer.status_code == 201, answer.text
        return self.settled(answer.json())

    def settled(self, file: dict) -> dict:
        """The file after all of its pages have been read or have failed."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            file = next(each for each in self.files() if each["id"] == file["id"])
            if all(page["state"] in ("done", "failed") for page in file["pages"]):
                return file
            time.sleep(0.05)
        raise AssertionError(f"not read: {file}")

    def page(self, file: dict, number: int = 1) -> dict:
        return self.client.get(f"files/{file['id']}/pages/{number}").json()

    def check(self, file: dict, line: int, text: str, *, number: int = 1) -> dict:
        path = f"files/{file['id']}/pages/{number}/lines/{line}"
        answer = self.client.put(path, content=text.encode())
        assert answer.status_code == 200, answer.text
        return answer.json()

    def result(self, file: dict, form: str) -> httpx.Response:
        return self.client.get(f"files/{file['id']}/results/{form}")
