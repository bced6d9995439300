"""The server: files in, pages read one after the other, corrections, results; and what it refuses."""

import asyncio
import io
import json
import secrets
import socket
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import urlsplit

import numpy as np
import pypdf
import pytest
from lxml import etree
from PIL import Image
from starlette.requests import Request

from ocr.demo.limits import LimitError, Limits
from ocr.demo.requests import client_of
from ocr.demo.session import DONE, WAITING, MissingError, Upload, UploadPage, clean_name
from ocr.demo.sessions import Sessions
from ocr.demo.worker import Worker
from ocr.errors import ConfigError
from ocr.output import WRITERS
from tests.helpers.pictures import encoded
from tests.helpers.web import FIRST_LINE, User, resembles, served


@pytest.fixture(scope="module")
def address(reader):
    with served(reader) as address:
        yield address


@pytest.fixture(scope="module")
def owner(address, scrap):
    """Somebody who has sent a page, and the file."""
    user = User(address)
    return user, user.read(encoded(scrap), "letter to Zoë.png")


def test_a_page_is_told_line_by_line(owner, scrap, reader):
    user, file = owner
    page = user.page(file)
    assert (page["width"], page["height"]) == scrap.size
    read = [line["reading"] for line in page["lines"]]
    assert read == [line.text for line in reader.read(encoded(scrap)).lines]
    assert resembles(read[0], FIRST_LINE)
    for line in page["lines"]:
        points = np.array([pair.split(",") for pair in line["points"].split()], float)
        assert (points >= 0).all() and (points <= scrap.size).all()
        assert [word["text"] for word in line["words"]] == line["text"].split()


def test_the_pictures_of_a_page_can_be_seen(owner, scrap):
    user, file = owner
    page = f"files/{file['id']}/pages/1"
    shown = Image.open(io.BytesIO(user.client.get(f"{page}/image").content))
    assert shown.size == scrap.size
    crop = Image.open(io.BytesIO(user.client.get(f"{page}/lines/0/image").content))
    assert crop.height == 96 and crop.width > 96
    assert max(Image.open(io.BytesIO(user.client.get(f"{page}/thumbnail").content)).size) <= 240


def test_a_page_that_was_sent_lying_is_shown_upright(address, scrap):
    user = User(address)
    lying = scrap.transpose(Image.Transpose.ROTATE_270)
    file = user.read(encoded(lying))
    page = user.page(file)
    assert page["rotation"] == 90 and (page["width"], page["height"]) == lying.size
    shown = user.client.get(f"files/{file['id']}/pages/1/image").content
    assert Image.open(io.BytesIO(shown)).size == scrap.size
    crop = Image.open(io.BytesIO(user.client.get(f"files/{file['id']}/pages/1/lines/0/image").content))
    assert crop.width > 3 * crop.height, "a line is upright, too"


def test_a_corrected_line_is_in_every_format_that_holds_text(owner):
    user, file = owner
    user.check(file, 1, "President McClish")
    for form, writer in WRITERS.items():
        answer = user.result(file, form)
        assert answer.status_code == 200, form
        name = answer.headers["content-disposition"]
        assert f"letter%20to%20Zo%C3%AB{writer.suffix}" in name and name.startswith("attachment")
        if form == "pdf":
            assert "McClish" in pypdf.PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()
        elif form not in ("draw", "docx"):
            assert "McClish" in answer.text, form


def test_there_are_only_the_formats_that_there_are(owner):
    user, file = owner
    answer = user.result(file, "doc")
    assert answer.status_code == 400 and "unknown format 'doc'" in answer.json()["error"]


def test_the_words_of_a_corrected_line_stand_along_it_and_are_sure(owner):
    user, file = owner
    for text in ("President McClish", "a b c d e f"):
        user.check(file, 1, text)
        line = json.loads(user.result(file, "json").text)["lines"][1]
        assert [word["text"] for word in line["words"]] == text.split()
        starts = [min(x for x, _ in word["polygon"]) for word in line["words"]]
        left, right = (limit(x for x, _ in line["polygon"]) for limit in (min, max))
        assert starts == sorted(starts) and left - 1 <= starts[0] and starts[-1] <= right
        assert {word["confidence"] for word in line["words"]} == {1.0}


@pytest.mark.parametrize(
    ("text", "words", "why"),
    [
        ("  two \n words\t", ["two", "words"], "a line has no line breaks"),
        ("", [], "there is nothing to read"),
        ("手紙", ["手紙"], "letters that the recogniser does not know: the line is one word"),
        ("so…", ["so…"], "kept as typed, though its normal form is another"),
        ("<b>&\x00\x1b", ["<b>&\x00\x1b"], "what XML cannot hold"),
    ],
)
def test_any_text_can_be_a_correction(owner, text, words, why):
    user, file = owner
    line = user.check(file, 1, text)
    assert [word["text"] for word in line["words"]] == words, why
    assert etree.fromstring(user.result(file, "alto").content) is not None


def test_undone_a_line_is_as_it_was_read(owner):
    user, file = owner
    before = user.page(file)["lines"][0]
    user.check(file, 0, "something else")
    assert user.client.delete(f"files/{file['id']}/pages/1/lines/0").json() == before


def test_a_broken_page_does_not_cost_the_others(address, scrap):
    blank = Image.new("RGB", (80, 60), "white")
    data = bytearray(encoded(scrap, blank, blank, form="TIFF", compression="tiff_deflate"))
    with Image.open(io.BytesIO(data)) as image:
        image.seek(1)
        (start,), (length,) = image.tag_v2[273], image.tag_v2[279]
    data[start : start + length] = bytes(length)
    user = User(address)
    file = user.read(bytes(data), "scans.tif")
    assert [page["state"] for page in file["pages"]] == ["done", "failed", "done"]
    assert file["pages"][1]["message"].startswith("scans.tif, page 2: damaged")
    with zipfile.ZipFile(io.BytesIO(user.result(file, "page").content)) as archive:
        assert archive.namelist() == ["scans-001.page.xml", "scans-003.page.xml"]
    assert user.result(file, "txt").headers["content-disposition"] == 'attachment; filename="scans.txt"'
    assert user.result(file, "html").headers["content-disposition"] == 'attachment; filename="scans.html"'


BLANK = Image.new("L", (1200, 1000), 255)


@pytest.mark.parametrize(
    ("content", "status", "message", "why"),
    [
        (b"", 400, "x.jpg: the file is empty", "nothing"),
        (b"hello", 400, "x.jpg: not a picture or PDF", "no picture"),
        (b"%PDF-1.7 and no more", 400, "x.jpg: a PDF that is damaged", "no PDF"),
        (encoded(BLANK), 413, "x.jpg: 1200 x 1000 is 1 megapixels, more than 0.5", "too large a page"),
        (bytes(200_001), 413, "x.jpg: more than the 0.2 MB that can be kept", "too many bytes"),
        (
            encoded(*[Image.new("1", (9, 9))] * 4, form="TIFF"),
            413,
            "x.jpg: has 4 pages; 3 can be kept",
            "too many pages",
        ),
    ],
)
def test_what_cannot_be_taken_costs_one_line(reader, content, status, message, why):
    with served(reader, limits=Limits(megabytes=0.2, pages=3, megapixels=0.5)) as address:
        user = User(address)
        answer = user.send(content, "x.jpg")
        assert answer.status_code == status, why
        assert answer.json()["error"].startswith(message)
        assert user.files() == []


def test_a_body_longer_than_the_limit_is_refused_without_an_announced_length(reader):
    with served(reader, limits=Limits(megabytes=0.2)) as address:
        chunks = (bytes(50_000) for _ in range(200))
        answer = User(address).send(chunks, "x.jpg")
        assert answer.status_code == 413


def test_people_do_not_see_each_other_s_pages(address, owner):
    _, file = owner
    stranger = User(address)
    assert stranger.files() == []
    for path in (f"files/{file['id']}/pages/1", f"files/{file['id']}/results/txt"):
        assert stranger.client.get(path).status_code == 404
    stranger.send(encoded(Image.new("L", (40, 30), 255)))
    assert stranger.client.get(f"files/{file['id']}/pages/1").status_code == 404
    assert stranger.client.delete(f"files/{file['id']}").status_code == 404


@pytest.mark.parametrize(
    ("line", "body", "status", "why"),
    [
        ("lines/0", b"a" * 8001, 413, "too long"),
        ("lines/99", b"a", 404, "no such line"),
    ],
)
def test_a_correction_that_makes_no_sense_is_refused(owner, line, body, status, why):
    user, file = owner
    answer = user.client.put(f"files/{file['id']}/pages/1/{line}", content=body)
    assert answer.status_code == status, why


def test_a_text_that_is_not_utf_8_is_taken_as_far_as_it_goes(owner):
    user, file = owner
    answer = user.client.put(f"files/{file['id']}/pages/1/lines/1", content=b"caf\xe9")
    assert answer.json()["text"] == "caf\ufffd"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "why"),
    [
        ("GET", "/", {}, 200, "a browser that was given the address"),
        ("GET", "/", {"host": "evil.example"}, 403, "a name of somebody else's that leads here"),
        ("GET", "/", {"host": "localhost"}, 200, "a name of this machine"),
        ("GET", "/", {"host": "[::1]:8000"}, 200, "an address of this machine"),
        ("GET", "/", {"host": "[::1"}, 403, "no address"),
        ("POST", "/api/files", {"origin": "http://evil.example"}, 403, "another site's script"),
        ("POST", "/api/files", {"origin": "http://127.0.0.1:1"}, 403, "another server on this machine"),
        ("POST", "/api/files", {"origin": "null"}, 403, "a page without an origin"),
        ("POST", "/api/files", {"origin": "http://[::1"}, 403, "no origin"),
        ("GET", "/api/session", {"sec-fetch-site": "cross-site"}, 403, "another site's picture or script"),
        ("GET", "/api/session", {"sec-fetch-site": "same-site"}, 403, "another port's picture or script"),
        ("GET", "/", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200, "a link"),
        (
            "GET",
            "/api/session",
            {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
            403,
            "a link to what is behind the page",
        ),
    ],
)
def test_other_sites_are_kept_out(address, method, path, headers, status, why):
    answer = User(address).client.request(method, address + path, headers=headers)
    assert answer.status_code == status, why
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_session_cannot_be_had_by_scripts_or_other_sites(address):
    answer = User(address).send(encoded(Image.new("L", (40, 30), 255)))
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    assert len(cookie.partition("=")[2].partition(";")[0]) >= 32


def test_a_removed_file_leaves_room_for_another(reader):
    pages = encoded(*[Image.new("L", (40, 30), 255)] * 2, form="TIFF")
    with served(reader, limits=Limits(pages=3)) as address:
        user = User(address)
        file = user.read(pages, "a.tif")
        assert user.send(pages, "b.tif").status_code == 413
        assert user.client.delete(f"files/{file['id']}").status_code == 204
        assert user.client.get(f"files/{file['id']}/pages/1").status_code == 404
        assert [page["state"] for page in user.read(pages, "b.tif")["pages"]] == ["done", "done"]


def test_a_session_that_nobody_comes_back_to_ends(tmp_path):
    sessions = Sessions(tmp_path, Limits(hours=1))
    session = sessions.open()
    session.documents["a"] = Upload("a", "a.png", session.folder / "a" / "file", 0, "digest")
    sessions.expire()
    assert sessions.find(session.id) is session
    session.seen -= 3601
    sessions.expire()
    assert not list(tmp_path.iterdir())
    with pytest.raises(MissingError, match="has ended"):
        sessions.find(session.id)


def test_what_is_not_accepted_opens_no_session(reader):
    with served(reader, limits=Limits(sessions=1)) as address:
        for _ in range(5):
            stranger = User(address)
            assert stranger.files() == []
            assert stranger.send(b"no picture").status_code == 400
        page = encoded(Image.new("L", (40, 30), 255))
        assert User(address).send(page).status_code == 201
        assert User(address).send(page).status_code == 503


def test_a_session_without_files_ends_in_minutes(tmp_path):
    sessions = Sessions(tmp_path, Limits())
    session = sessions.open()
    session.seen -= 6 * 60
    sessions.expire()
    assert len(sessions) == 0


def test_files_sent_at_the_same_time_come_to_one_session(address):
    user = User(address)
    assert user.files() == [], "which gives the browser its cookie"
    page = encoded(Image.new("L", (40, 30), 255))
    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(lambda name: user.send(page, name), ["a.png", "b.png", "c.png"]))
    assert [answer.status_code for answer in answers] == [201] * 3
    assert {file["name"] for file in user.files()} == {"a.png", "b.png", "c.png"}


@pytest.mark.parametrize("cookie", ["x", "x.y", "a" * 32 + "." + "b" * 32, "."])
def test_only_the_server_makes_ids(tmp_path, cookie):
    sessions = Sessions(tmp_path, Limits())
    assert sessions.is_id(sessions.new_id()) and not sessions.is_id(cookie)


HEAD = "POST /api/files?name=a.png HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    ("sent", "answer", "why"),
    [
        (b"", b"", "nothing"),
        (b"GET / HT", b"", "half a line"),
        (HEAD.encode(), b"", "a head without end"),
        (f"{HEAD}Content-Length: 9\r\n\r\nab".encode(), b"HTTP/1.1 408", "half a body"),
        (f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode(), b"HTTP/1.1 408", "a body that never begins"),
    ],
)
def test_who_sends_too_slowly_is_not_waited_for(reader, sent, answer, why):
    with served(reader, limits=Limits(idle_seconds=0.2)) as address:
        host, port = urlsplit(address).netloc.split(":")
        with socket.create_connection((host, int(port)), timeout=30) as client:
            client.sendall(sent)
            received = b""
            while data := client.recv(1000):
                received += data
        assert received.startswith(answer) and bool(received) == bool(answer), why


def test_corrections_and_texts_do_not_wait_for_a_page_that_is_read(reader, scrap, monkeypatch):
    end = threading.Event()
    with served(reader) as address:
        user = User(address)
        file = user.read(encoded(scrap))
        monkeypatch.setattr("ocr.demo.worker.read_sheet", lambda *_: end.wait(60))
        try:
            user.send(encoded(scrap), "long.png")
            assert user.check(file, 0, "meanwhile")["checked"]
            for form in ("txt", "json", "alto"):
                assert "meanwhile" in user.result(file, form).text
            assert user.send(b"no picture").status_code == 400
            assert user.result(file, "html").status_code == 200
            assert not end.is_set()
        finally:
            end.set()


@pytest.mark.parametrize("digits", [20, 5000])
@pytest.mark.parametrize("path", ["files/x/pages/{}", "files/x/pages/1/lines/{}"])
def test_numbers_of_any_length_are_no_fault_of_the_server(owner, path, digits):
    user, file = owner
    path = path.replace("x", file["id"]).format("9" * digits)
    assert user.client.put(path, content=b"a").status_code in (404, 405)
    assert user.client.get(path).status_code == 404


def test_there_are_only_so_many_sessions(tmp_path):
    sessions = Sessions(tmp_path, Limits(sessions=1))
    first = sessions.open()
    with pytest.raises(LimitError, match="try again later"):
        sessions.open()
    first.seen -= 13 * 3600
    assert sessions.open() is not first, "one has ended"


def opened(sessions, *clients):
    """Sessions with a file each."""
    made = [sessions.open(client=client) for client in clients]
    for session in made:
        session.documents["a"] = Upload("a", "a.png", session.folder / "a" / "file", 0, "digest")
    return made


def test_one_client_cannot_take_all_sessions(tmp_path):
    sessions = Sessions(tmp_path, Limits(sessions=8))
    first, _ = opened(sessions, "203.0.113.1", "203.0.113.1")
    with pytest.raises(LimitError, match="try again later"):
        sessions.open(client="203.0.113.1")
    opened(sessions, "203.0.113.2", "", "", "")
    first.seen -= 11 * 60
    opened(sessions, "203.0.113.1")
    assert first.id not in sessions, "its own oldest one makes room"
    with ExitStack() as sent:
        for _ in range(8):
            sent.enter_context(sessions.incoming("x", client="203.0.113.1"))
        with pytest.raises(LimitError, match="too many files are being sent"):
            sent.enter_context(sessions.incoming("x", client="203.0.113.1"))
        sent.enter_context(sessions.incoming("y", client="203.0.113.2"))


def test_a_full_server_ends_the_oldest_idle_session_of_who_has_most(tmp_path):
    sessions = Sessions(tmp_path, Limits(sessions=8))
    alone, many, newer, *_ = opened(sessions, "a", "b", "b", "", "c", "d", "e", "f")
    alone.seen -= 60 * 60
    many.seen -= 20 * 60
    newer.seen -= 15 * 60
    for ended in (many, alone, newer):
        sessions.open(client=secrets.token_hex(4))
        assert ended.id not in sessions
    with pytest.raises(LimitError, match="try again later"):
        sessions.open(client="g")


@pytest.mark.parametrize(
    ("host", "client", "why"),
    [
        ("127.0.0.1", "", "this machine"),
        ("::1", "", "this machine"),
        ("203.0.113.9", "203.0.113.9", "an address of IPv4"),
        ("::ffff:203.0.113.9", "203.0.113.9", "the same"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64", "everybody can have millions of these"),
        ("unix:", "", "a socket without addresses"),
    ],
)
def test_clients_are_known_by_their_address(host, client, why):
    assert client_of(Request({"type": "http", "client": (host, 1)})) == client, why


def test_who_comes_later_need_not_wait_for_somebody_s_book(reader, tmp_path):
    def book(sessions, pages):
        session = sessions.open()
        folder = session.folder / "book"
        folder.mkdir()
        path = folder / "file"
        path.write_bytes(encoded(*[Image.new("L", (40, 30), 255)] * pages, form="TIFF"))
        document = Upload("book", "book.tif", path, 0, "digest")
        for number in range(1, pages + 1):
            (folder / str(number)).mkdir()
            document.sheets.append(UploadPage(number, folder / str(number)))
        session.documents["book"] = document
        return session, document.sheets

    async def run():
        limits = Limits()
        worker, sessions = Worker(reader, limits), Sessions(tmp_path, limits)
        first, long = book(sessions, 6)
        second, short = book(sessions, 1)
        worker.read(first)
        worker.read(second)
        while short[0].state != DONE:
            await asyncio.sleep(0)
        assert long[0].state == DONE and long[-1].state == WAITING
        worker.stop()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "clean", "why"),
    [
        ("letter.jpg", "letter.jpg", "nothing special"),
        ("brief an Zoë 手紙.png", "brief an Zoë 手紙.png", "any script"),
        ("../../etc/passwd", "passwd", "folders"),
        ("C:\\scans\\1.tif", "1.tif", "folders of another system"),
        ('a<b>:"c|d?*.pdf', "a_b___c_d__.pdf", "reserved by some systems"),
        ("a\x00\n\x1b[31m.png", "a[31m.png", "control characters"),
        ("gpj.\u202eexe", "gpj.exe", "a direction mark that shows a name as another"),
        (".htaccess", "htaccess", "a hidden file"),
        ("", "page", "no name"),
        ("..", "page", "nothing else than a folder"),
        ("a" * 300 + ".jpeg", "a" * 156 + ".jpeg", "longer than file systems take"),
        ("\U0001f58b" * 99 + ".png", "\U0001f58b" * 39 + ".png", "they count bytes"),
    ],
)
def test_names_from_outside_are_harmless(name, clean, why):
    assert clean_name(name) == clean, why


@pytest.mark.parametrize("name", ["megabytes", "pages", "megapixels", "sessions", "hours"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_a_limit_leaves_room_for_something(name, value):
    with pytest.raises(ConfigError, match=f"{name}="):
        Limits(**{name: value})
