"""What is read beside files and folders: standard input, addresses, PDFs, the wanted pages."""

import http.server
import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pypdf
import pytest
from PIL import Image

import infer
import ocr.inference.download
from ocr.errors import ImageError
from ocr.inference.inputs import find_sources
from tests.helpers.pdf import encrypted, shade, write_pdf


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (40, 16), 200).save(buffer, "PNG")
    return buffer.getvalue()


class _Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/moved.png":
            self.send_response(302)
            self.send_header("Location", "/letter.png")
        elif path == "/circle":
            self.send_response(301)
            self.send_header("Location", "/circle")
        elif path == "/trap":
            self.send_response(302)
            self.send_header("Location", "file:///etc/hostname")
        elif path in ("/letter.png", "/Z%C3%BCrich%201905.png", "/a%20b%2F..%2Fc.png", "/short.png", "/"):
            self.send_response(200)
            self.send_header("Content-Length", str(len(png()) + 9 * (path == "/short.png")))
        elif path == "/text.png":
            self.send_response(200)
        else:
            self.send_response(404)
        self.end_headers()
        body = b"Dear Sir," if path == "/text.png" else png()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def run(tiny_recognizer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = [f"recognizer={tiny_recognizer}", "detector=none", "allow_private=true"]
    return lambda *arguments: infer.main([*options, *arguments])


def test_standard_input(run, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(png())))
    assert run("input=-", "output=out", "formats=json") == 0
    out, err = capsys.readouterr()
    assert out == "a\n" and err.startswith("standard input: 1 line")
    assert json.loads(Path("out/stdin.json").read_text())["source"] == "standard input"


@pytest.mark.parametrize("content", [b"", b"Dear Sir,"])
def test_standard_input_without_a_picture(run, monkeypatch, capsys, content):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert run("input=-") == 1
    assert capsys.readouterr().err.startswith("ocr read: standard input: ")


@pytest.mark.slow
def test_standard_input_that_is_closed(tiny_recognizer):
    """As in `infer.py input=- <&-`."""
    command = [sys.executable, infer.__file__, f"recognizer={tiny_recognizer}", "detector=none", "input=-"]
    shell = ["sh", "-c", '"$@" <&-', "sh", *command]
    done = subprocess.run(shell, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ocr read: standard input: is closed\n"


def test_standard_input_has_a_limit(monkeypatch):
    monkeypatch.setattr(ocr.inference.download, "MAX_BYTES", 50)
    with open("/dev/zero") as endless:
        monkeypatch.setattr(sys, "stdin", endless)
        (source,) = find_sources("-")
        with pytest.raises(ImageError, match="standard input: larger than"):
            source.content()


def test_a_pipe_is_read_once(run, tmp_path, capsys):
    """As in `infer.py input=<(zcat letter.png.gz)`."""
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(png()))
    writer.start()
    assert run("input=pipe") == 0
    writer.join()
    assert capsys.readouterr().out == "a\n"


@pytest.mark.parametrize(
    ("names", "results", "reason"),
    [
        (["a.jpg", "b.png"], ["a", "b"], "nothing to tell apart"),
        (["a.jpg", "a.png"], ["a.jpg", "a.png"], "suffixes tell them apart"),
        (["A.jpg", "a.png"], ["A.jpg", "a.png"], "the same on some disks"),
        (["a.jpg", "a.jpg.png", "a.png"], ["a.jpg", "a.jpg.png", "a.png"], "as the first one is called now"),
        (["a-002.jpg", "a.tif"], ["a-002.jpg", "a"], "results of the second page"),
        (["a-002.jpg", "a.png"], ["a-002", "a"], "that has no second page"),
        (["a-02.jpg", "a.tif"], ["a-02", "a"], "numbers of pages have three digits"),
        (["x/a.jpg", "y/a.jpg"], ["x/a", "y/a"], "folders tell them apart"),
        (["2024.05.12.jpg"], ["2024.05.12"], "dots belong to a name"),
    ],
)
def test_no_two_inputs_share_their_results(tmp_path, names, results, reason):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = {
        str(source.origin.relative_to(tmp_path)): str(source.name) for source in find_sources(str(tmp_path))
    }
    assert found == dict(zip(names, results, strict=True)), reason


@pytest.mark.parametrize(
    ("name", "result"),
    [("a.png", "a"), ("a.GIF", "a"), ("a.txt", "a.txt"), ("letter.1", "letter.1"), ("a", "a")],
)
def test_only_a_suffix_of_pictures_is_cut_off(tmp_path, name, result):
    """`input=a.txt output=. formats=txt` writes a.txt.txt, and not over the picture that has the wrong name."""
    (tmp_path / name).write_bytes(b"")
    (source,) = find_sources(str(tmp_path / name))
    assert str(source.name) == result


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/letter.png", "letter"),
        ("/letter.png?size=full", "letter"),
        ("/moved.png", "moved"),
        ("/Zürich 1905.png", "Zürich 1905"),
        ("/", "127.0.0.1_"),
    ],
)
def test_an_address(run, address, capsys, path, name):
    assert run(f"input={address}{path}", "output=out", "formats=txt") == 0
    assert capsys.readouterr().out == "a\n"
    (result,) = Path("out").iterdir()
    assert result.name.startswith(name)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/none.png", "the server says 404"),
        ("/text.png", "not a picture or PDF"),
        ("/trap", "the server says 302"),
        ("/circle", "infinite loop"),
        ("/short.png", "broke off after"),
    ],
)
def test_an_address_without_a_picture_is_named(run, address, capsys, path, reason):
    assert run(f"input={address}{path}") == 1
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert err.startswith(f"ocr read: {address}{path}: ") and reason in err


def test_a_server_that_is_not_there(run, capsys):
    assert run("input=http://127.0.0.1:1/a.png") == 1
    assert capsys.readouterr().err == "ocr read: http://127.0.0.1:1/a.png: Connection refused\n"


@pytest.mark.parametrize("path", ["/a/%2e%2e%2f%2e%2e%2fetc", "/..", "/%00.png", "/.hidden"])
def test_results_of_an_address_stay_in_the_output_folder(path, tmp_path):
    (source,) = find_sources(f"https://host{path}")
    assert len(source.name.parts) == 1 and source.name.name not in ("", ".", "..")
    assert "\0" not in str(source.name)


def test_a_pdf_beside_pictures(run, tmp_path, capsys):
    """Its text is reported, its pages, with that text, make one searchable PDF, and a second run passes over that."""
    text = "BT /F 12 Tf 10 40 Td (born digital) Tj ET"
    write_pdf(tmp_path / "book.pdf", [text, shade(0.8)])
    (tmp_path / "cover.png").write_bytes(png())
    for _ in range(2):
        assert run("input=.", "output=.", "formats=json,pdf", "dpi=50") == 0
        out, err = capsys.readouterr()
        assert out == "# book.pdf\na\n\fa\n# cover.png\na\n"
        assert (
            "book.pdf: page 1, 1 line" in err
            and err.count("the file itself holds 12 characters of text") == 1
        )
    pages = json.loads(Path("book.json").read_text())["pages"]
    assert [(page["embedded_text"], page["dpi"]) for page in pages] == [("born digital", 50), ("", 50)]
    searchable = pypdf.PdfReader("book.ocr.pdf", strict=True)
    assert [page.extract_text().split() for page in searchable.pages] == [["a", "born", "digital"], ["a"]]
    assert [float(value) for value in searchable.pages[0].mediabox] == pytest.approx([0, 0, 144, 72])


def test_wanted_pages_keep_their_numbers(run, tmp_path, capsys):
    write_pdf(tmp_path / "book.pdf", [shade(0.8)] * 9)
    assert run("input=book.pdf", "pages=2-3,9", "output=out", "formats=txt,pdf", "dpi=30") == 0
    assert capsys.readouterr().out == "a\n\fa\n\fa\n"
    assert sorted(path.name for path in Path("out").iterdir()) == ["book.ocr.pdf", "book.txt"]
    assert Path("out/book.txt").read_text() == "a\n\fa\n\fa\n"
    assert run("input=book.pdf", "pages=2-3,9", "output=out", "formats=txt", "dpi=30", "split=true") == 0
    assert sorted(path.name for path in Path("out").glob("*-*")) == [f"book-00{n}.txt" for n in (2, 3, 9)]


def test_bad_pdfs_cost_a_line_each_and_not_the_batch(run, tmp_path, capsys):
    encrypted(tmp_path / "1 locked.pdf")
    write_pdf(tmp_path / "2 hollow.pdf", [])
    (tmp_path / "3 letter.pdf").write_text("Dear Sir,\n")
    write_pdf(tmp_path / "4 torn.pdf", [shade(0.8)] * 3)
    whole = (tmp_path / "4 torn.pdf").read_bytes()
    first, second, third, rest = whole.split(b"/Type /Page ")
    torn = b"/Type /Page ".join([first, second]) + b"/Type /Pane " + third + b"/Type /Page " + rest
    (tmp_path / "4 torn.pdf").write_bytes(torn)
    write_pdf(tmp_path / "5 good.pdf", [shade(0.8)])
    assert run("input=.", "output=out", "formats=txt,pdf") == 1
    out, err = capsys.readouterr()
    problems = [line for line in err.splitlines() if line.startswith("ocr read: ")]
    reasons = ["an encrypted PDF", "or has no pages", "not a picture or PDF", "page 2: damaged"]
    for name, reason, line in zip(
        ["1 locked", "2 hollow", "3 letter", "4 torn"], reasons, problems, strict=True
    ):
        assert f"{name}.pdf" in line and reason in line
    assert err.splitlines()[-1] == "4 of 5 files failed"
    assert out.endswith("# 4 torn.pdf\na\n\fa\n# 5 good.pdf\na\n")
    written = ["4 torn.ocr.pdf", "4 torn.txt", "5 good.ocr.pdf", "5 good.txt"]
    assert sorted(path.name for path in Path("out").iterdir()) == written


@pytest.mark.parametrize(
    ("argument", "reason"),
    [
        ("pages=x", "pages=x: give numbers and spans"),
        ("pages=3-1", "pages=3-1"),
        ("dpi=5", "dpi=5: must be from 20 to 2400"),
        ("text=poem", "text=poem: choose from lines"),
        ("draw_shape=circle", "draw_shape=circle: choose from polygon"),
        ("draw_color=loud", "draw_color=loud: no color"),
        ("draw_width=0", "draw_width=0: must be from 1"),
    ],
)
def test_options_out_of_range_stop_with_one_line(run, tmp_path, capsys, argument, reason):
    (tmp_path / "good.png").write_bytes(png())
    assert run("input=good.png", argument) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and reason in err
