"""Addresses that others wrote: limits over a whole download, and no way to what only this machine reaches."""

import contextlib
import http.server
import socket
import threading
import time
from urllib.parse import unquote

import pytest

import ocr.inference.download
from ocr.errors import ImageError
from ocr.inference.download import download


class _Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, target = unquote(self.path).partition("?")
        with contextlib.suppress(OSError):
            getattr(self, "do_" + path.strip("/"))(target)

    def do_picture(self, target):
        self._head(200, f"Content-Length: {len(target)}", target)

    def do_to(self, target):
        self._head(302, f"Location: {target}")

    def do_claims(self, target):
        self._head(200, f"Content-Length: {target}", "x")

    def do_endless(self, target):
        self._head(200, "X: y")
        while True:
            self.wfile.write(b"x" * 1000)

    def do_endless_redirect(self, target):
        self._head(302, "Location: /picture?a")
        while True:
            self.wfile.write(b"x" * 1000)

    def do_drip(self, target):
        """Sends one byte of a header line at a time, each well before a pause would be noticed."""
        self.wfile.write(b"HTTP/1.0 200 OK\r\n")
        for _ in range(300):
            self.wfile.write(b"X")
            time.sleep(0.02)

    def do_silent(self, target):
        time.sleep(1)

    def _head(self, status, line, body=""):
        self.wfile.write(f"HTTP/1.0 {status} -\r\n{line}\r\n\r\n{body}".encode())

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server():
    """A local server, by its port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("limit", "value", "path", "reason"),
    [
        ("MAX_BYTES", 5000, "/endless", "larger than"),
        ("MAX_BYTES", 5000, "/endless_redirect", "larger than"),
        ("MAX_BYTES", 5000, "/claims?9999999999999999", "larger than"),
        ("MAX_BYTES", 5000, "/claims?99", "broke off after 1 bytes"),
        ("TIMEOUT", 0.1, "/silent", "timed out"),
        ("DEADLINE", 0.3, "/silent", "took longer than"),
        ("DEADLINE", 0.3, "/drip", "took longer than"),
        ("DEADLINE", 0.3, "/to?/drip", "took longer than"),
        ("DEADLINE", -1, "/picture?a", "took longer than"),
    ],
)
def test_limits_hold_for_the_whole_transfer(server, monkeypatch, limit, value, path, reason):
    monkeypatch.setattr(ocr.inference.download, limit, value)
    start = time.monotonic()
    with pytest.raises(ImageError, match=reason):
        download(f"http://127.0.0.1:{server}{path}", allow_private=True)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("file:///etc/hostname", "not allowed"),
        ("ftp://127.0.0.1/a.png", "not followed"),
        ("http://127.0.0.1:22/", "not followed"),
        ("https://127.0.0.1:80/", "not followed"),
        ("http://127.0.0.1:99999999/", "."),
        ("data:text/plain,a", "not allowed"),
    ],
)
def test_redirections_stay_with_the_web(server, target, reason):
    with pytest.raises(ImageError, match=reason):
        download(f"http://127.0.0.1:{server}/to?{target}", allow_private=True)


def test_redirections_are_followed(server):
    address = f"http://127.0.0.1:{server}"
    assert download(f"{address}/to?{address}/picture?abc", allow_private=True) == b"abc"


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("127.0.0.1", "this machine"),
        ("localhost", "a name of it"),
        ("2130706433", "its number"),
        ("0.0.0.0", "any address of it"),
        ("[::1]", "in IPv6"),
        ("[::ffff:127.0.0.1]", "IPv4 within IPv6"),
        ("[64:ff9b::7f00:1]", "translated to IPv4"),
        ("[2002:7f00:1::]", "tunneled to IPv4"),
        ("10.0.0.1", "private"),
        ("192.168.1.1", "private"),
        ("172.16.0.1", "private"),
        ("100.64.0.1", "shared by customers of a provider"),
        ("169.254.169.254", "link-local: the description of a rented machine"),
        ("[fe80::1]", "link-local"),
        ("[fd00::1]", "unique local"),
        ("224.0.0.1", "multicast"),
    ],
)
def test_what_is_not_public_is_refused(host, reason):
    with pytest.raises(ImageError, match="not a public address"):
        download(f"http://{host}:1/a.png")


@pytest.mark.parametrize("hops", [0, 1])
def test_a_name_is_checked_by_the_address_that_is_connected(server, monkeypatch, hops):
    """It says nothing of where it leads, and may mean another address at the second look-up."""
    numbers, connected = ["1.1.1.1", "127.0.0.1"][1 - hops :], []

    def look_up(host, port, **options):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (numbers.pop(0), port))]

    def connect(self, address):
        connected.append(address[0])
        return original(self, ("127.0.0.1", server))

    original = socket.socket.connect
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(ImageError, match="leads to 127.0.0.1, which is not a public address"):
        download("http://pictures.example/to?http://pictures.example/picture?a")
    assert connected == ["1.1.1.1"][:hops], "nothing is sent to what is refused"


def test_behind_a_proxy_addresses_are_checked_as_written(server, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server}")
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(ImageError, match="not a public address"):
        download("http://192.168.1.1/a.png")
