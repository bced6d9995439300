"""The doors: pictures, PDFs, bundles, Parquet, XML, JSON lines, lists, pen strokes, options, addresses."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import socketserver
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

import ocr.commands
from ocr.bundle import Bundle
from ocr.bundle.files import CHECKSUM, write_bundle
from ocr.commands.read_options import OPTIONS, parse
from ocr.commands.train import assemble, compose
from ocr.convert.unipen import convert_unipen
from ocr.data.formats.alto import AltoLines
from ocr.data.formats.iam import IamLines
from ocr.data.formats.page_xml import PageXmlLines
from ocr.data.lines.decode import decode_line
from ocr.data.lines.folder import FolderLines
from ocr.data.lines.manifest import ParquetLines, write_manifest
from ocr.data.lines.shards import ParquetShards
from ocr.data.pages.aligned import AlignedPages
from ocr.data.pages.manifest import PagesManifest
from ocr.errors import ConfigError, DataError, OcrError
from ocr.evaluation.analysis.worst import read_predictions
from ocr.image.io import open_pages
from ocr.image.page_image import MAX_PIXELS, PdfLimits
from ocr.inference.detector import LineFinder
from ocr.inference.inputs import find_sources
from ocr.inference.recognizer import LineReader
from ocr.synth.collage import CollageSynthesizer
from ocr.synth.strokes.pieces import LocatedStrokes, PieceLibrary, extract
from ocr.synth.strokes.synthesizer import StrokeSynthesizer
from tests.fuzz import samples
from tests.fuzz.damage import (
    HOSTILE_TEXT,
    choose,
    damaged,
    damaged_table,
    damaged_value,
    damaged_xml,
    mended_png,
)
from tests.fuzz.run import Attempt, Door

Told = list[OcrError]


def _pictures(folder: Path) -> Attempt:
    whole = list(samples.pictures().items())

    def attempt(rng: np.random.Generator, told: Told) -> None:
        _look(_damaged_picture(rng, whole, folder), told)

    return attempt


def _damaged_picture(rng: np.random.Generator, whole: list[tuple[str, bytes]], folder: Path) -> bytes:
    kind, content = choose(rng, whole)
    content = damaged(content, rng)
    if kind.startswith("PNG") and rng.random() < 0.75:
        content = mended_png(content)
    (folder / "case").write_bytes(content)  # what is left of a crash
    return content


def _documents(folder: Path) -> Attempt:
    whole = samples.document(folder)

    def attempt(rng: np.random.Generator, told: Told) -> None:
        content = damaged(whole, rng)
        (folder / "case").write_bytes(content)
        _look(content, told)

    return attempt


def _look(content: bytes, told: Told) -> None:
    limits = PdfLimits(seconds=5, megabytes=1024)
    for page in open_pages(
        content, name="case", dpi=50, max_pixels=500, on_error=told.append, pdf_limits=limits
    ):
        assert page.pixels.dtype == np.uint8 and page.pixels.shape[2:] == (3,)
        assert 0 < page.pixels.size <= 3 * MAX_PIXELS


def _line_images(folder: Path) -> Attempt:
    whole = list(samples.pictures().items())

    def attempt(rng: np.random.Generator, told: Told) -> None:
        image = decode_line(_damaged_picture(rng, whole, folder), name="case")
        assert image.dtype == np.uint8 and image.size and image.ndim in (2, 3)

    return attempt


def _descriptions(folder: Path) -> Attempt:
    made = [samples.recognizer(folder / "recognizer"), samples.detector(folder / "detector")]
    wholes = [json.loads((path / "bundle.json").read_text()) for path in made]
    image = np.full((40, 90), 230, np.uint8)
    image[10:20, 10:60] = 20

    def attempt(rng: np.random.Generator, told: Told) -> None:
        number = int(rng.integers(2))
        case = folder / f"case-{number}"
        if not case.exists():
            shutil.copytree(made[number], case)
        whole = wholes[number]
        if rng.random() < 0.6:
            # What is used after the bundle has been read without complaint.
            part = choose(rng, ("decoding", "part_configs"))
            text = json.dumps(whole | {part: damaged_value(whole[part], rng)}).encode()
        else:
            text = json.dumps(damaged_value(whole, rng)).encode()
        (case / "bundle.json").write_bytes(damaged(text, rng) if rng.random() < 0.1 else text)
        bundle = Bundle.load(case)
        with _renamed():
            if bundle.kind == "recognizer":
                LineReader(bundle).read([image])
            elif bundle.kind == "detector":
                LineFinder(bundle).find(np.repeat(image[:, :, None], 3, axis=2))

    return attempt


@contextlib.contextmanager
def _renamed():
    """Put the name of the case before errors of what is built from a bundle that was read without complaint."""
    try:
        yield
    except OcrError as error:
        raise type(error)(f"case: {error}") from error


def _weights(folder: Path) -> Attempt:
    made = samples.recognizer(folder / "recognizer")
    description = json.loads((made / "bundle.json").read_text())
    weights = (made / "model.safetensors").read_bytes()

    def attempt(rng: np.random.Generator, told: Told) -> None:
        # Behind the header, where values are; or anywhere.
        start = 8 + int.from_bytes(weights[:8], "little") if rng.random() < 0.5 else 0
        bad = weights[:start] + damaged(weights[start:], rng)
        write_bundle(folder / "case", {k: v for k, v in description.items() if k != CHECKSUM}, bad)
        if rng.random() < 0.3:
            (folder / "case" / "model.safetensors").write_bytes(damaged(bad, rng))
        Bundle.load(folder / "case")

    return attempt


def _tables(folder: Path, whole: pa.Table, use: Callable[[Path, Told], None]) -> Attempt:
    pq.write_table(whole, folder / "whole.parquet", row_group_size=3)
    content = (folder / "whole.parquet").read_bytes()

    def attempt(rng: np.random.Generator, told: Told) -> None:
        path = folder / "case.parquet"
        if rng.random() < 0.3:
            path.write_bytes(_damaged_at_either_end(content, rng))
        else:
            pq.write_table(damaged_table(whole, rng), path, row_group_size=3)
        use(path, told)

    return attempt


def _damaged_at_either_end(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage a file whose directory is at its end."""
    if rng.random() < 0.5:
        return damaged(content, rng)
    return content[:-600] + damaged(content[-600:-8], rng) + content[-8:]


def _use_lines(path: Path, told: Told) -> None:
    lines = ParquetLines(path)
    assert len(lines.widths()) == len(lines.documents()) == len(lines)
    for source, get in ((lines, lines.__getitem__), (shards := ParquetShards(path, window=8), shards.at)):
        for index in range(min(len(source), 8)):
            with _telling(told):
                sample = get(index)
                assert sample.image.size and sample.text


def _use_aligned(path: Path, told: Told) -> None:
    lines = CollageSynthesizer(path, min_text=3, characters=(1, 5), borrowed=1.0)
    for row in range(min(lines.table.num_rows, 4)):
        with _telling(told):
            lines._strip(row)


def _use_strokes(path: Path, told: Told) -> None:
    table = LocatedStrokes(path)
    for row in table.rows:
        with _telling(told):
            located = table.located(row)
            extract(located, 0, len(table.texts[row]))
    library = PieceLibrary([table], min_text=3)
    synthesizer = StrokeSynthesizer(path, path)
    for index in range(2):
        rng = np.random.default_rng(index)
        with _telling(told):
            synthesizer.sample(rng)
            for writer in library.inventory.writers:
                library.spell(rng, writer, "to net")


@contextlib.contextmanager
def _telling(told: Told):
    """Go on after an error, as what goes through many lines does."""
    try:
        yield
    except OcrError as error:
        told.append(error)


def _annotations(folder: Path, whole: bytes, kind: type) -> Attempt:
    samples.page_image(folder / "case.png")

    def attempt(rng: np.random.Generator, told: Told) -> None:
        (folder / "case.xml").write_bytes(damaged_xml(whole, rng))
        lines = kind(folder / "case.xml", on_problem=told.append)
        assert len(lines.widths()) == len(lines)
        told += write_manifest(lines, folder / "lines.parquet")

    return attempt


def _iam(folder: Path) -> Attempt:
    root = folder / "case"
    for name in ("lines/a01/a01-000u", "xml", "ascii", "splits"):
        (root / name).mkdir(parents=True)
    for line in ("00", "01"):
        samples.page_image(root / "lines/a01/a01-000u" / f"a01-000u-{line}.png")
    picture = (root / "lines/a01/a01-000u/a01-000u-00.png").read_bytes()
    whole = {
        "xml/form.xml": (samples.IAM_XML, damaged_xml),
        "ascii/lines.txt": (samples.IAM_LINES, damaged),
        "ascii/forms.txt": (b"# forms\na01-000u 000 2 prt 7 5 52 36\n", damaged),
        "splits/train.txt": (b"a01-000u-00\na01-000u-01\n", damaged),
        "lines/a01/a01-000u/a01-000u-00.png": (picture, damaged),
    }

    def attempt(rng: np.random.Generator, told: Told) -> None:
        for name, (content, _) in whole.items():
            (root / name).write_bytes(content)
        name = choose(rng, list(whole))
        content, damage = whole[name]
        (root / name).write_bytes(damage(content, rng))
        if name.startswith("ascii"):
            (root / "xml/form.xml").unlink()
            (root / "xml").rmdir()
        try:
            lines = IamLines(root, "train" if name.startswith("splits") else None, on_problem=told.append)
            for index in range(len(lines)):
                with _telling(told):
                    assert lines[index].text
            assert len(lines.widths()) == len(lines)
        finally:
            (root / "xml").mkdir(exist_ok=True)

    return attempt


def _labels(folder: Path) -> Attempt:
    root = folder / "case"
    root.mkdir()
    for name in ("a.png", "b c.png"):
        samples.page_image(root / name)
    whole = b"\xef\xbb\xbfa.png\tDear Sir\r\nb%20c.png\tand Madam\nB C.PNG\tx\n"

    def attempt(rng: np.random.Generator, told: Told) -> None:
        (root / "labels.tsv").write_bytes(damaged(whole, rng))
        lines = FolderLines(root, on_problem=told.append)
        assert len(lines.widths()) == len(lines.documents()) == len(lines)
        for index in range(len(lines)):
            with _telling(told):
                assert lines[index].text

    return attempt


def _json_lines(folder: Path) -> Attempt:
    samples.page_image(folder / "whole.png")
    pages, characters, readings = (
        folder / "case.jsonl",
        folder / "case-aligned.jsonl",
        folder / "case-read.jsonl",
    )

    def attempt(rng: np.random.Generator, told: Told) -> None:
        kind = int(rng.integers(3))
        row = (samples.PAGES, samples.ALIGNED_CHARACTERS, samples.PREDICTION)[kind]
        content = samples.json_lines(damaged_value(row, rng), row)
        if rng.random() < 0.3:
            content = damaged(content, rng)
        (pages, characters, readings)[kind].write_bytes(content)
        if kind == 2:
            read_predictions(readings)
            return
        if kind == 1:
            pages.write_bytes(samples.json_lines(samples.PAGES))
        manifest = PagesManifest(pages) if kind == 0 else AlignedPages(pages, characters=characters)
        for index in range(len(manifest)):
            with _telling(told):
                manifest.annotated(index)

    return attempt


def _unipen(folder: Path) -> Attempt:
    root = folder / "case"
    root.mkdir()
    (root / "other.dat").write_bytes(b".VERSION 1.0\n")

    def attempt(rng: np.random.Generator, told: Told) -> None:
        # Files are read once for each path.
        for former in root.glob("case*.dat"):
            former.unlink()
        (root / f"case-{rng.integers(2**60)}.dat").write_bytes(damaged(samples.UNIPEN, rng))
        lines: list[str] = []
        try:
            # Segments are named by donor, which is the folder, and writer.
            convert_unipen(root, folder / "made", tell=lines.append)
        finally:
            told += [DataError(line) for line in lines]

    return attempt


def _read_options(folder: Path) -> Attempt:
    values = (
        *HOSTILE_TEXT,
        "true",
        "null",
        "auto",
        "lines",
        "txt,pdf",
        "1-3,7",
        "5-",
        "[",
        "{a: b}",
        "0.5",
        "12",
    )

    def attempt(rng: np.random.Generator, told: Told) -> None:
        arguments = []
        for _ in range(rng.integers(1, 4)):
            key, value = choose(rng, list(OPTIONS)), choose(rng, values)
            word = f"{key}={value}" if rng.random() < 0.9 else value
            arguments.append(
                damaged(word.encode(), rng).decode("utf-8", "replace") if rng.random() < 0.2 else word
            )
        options = parse(arguments)
        if options.files.input:
            find_sources(options.files.input)

    return attempt


def _commands(folder: Path) -> Attempt:
    words = (
        *HOSTILE_TEXT,
        "--output",
        "--help",
        "--split",
        "--images",
        "--count",
        "page",
        "alto",
        "iam",
        "folder",
    )
    words += (
        "lines",
        "pages",
        "strokes",
        "sheet",
        "parquet",
        "unipen",
        "whole.png",
        "bundle",
        "-",
        "--",
        "a=b",
    )
    # The others serve, train, or read the arguments of Hydra.
    names = [
        name for name in ocr.commands.COMMANDS if name not in ("demo", "spark", "train", "evaluate", "read")
    ]
    (folder / "work").mkdir()
    samples.page_image(folder / "work" / "whole.png")

    def attempt(rng: np.random.Generator, told: Told) -> None:
        chosen = [choose(rng, words) for _ in range(rng.integers(0, 5))]
        arguments = [choose(rng, names), *(word for word in chosen if word.isprintable())]
        errors = io.StringIO()
        with contextlib.ExitStack() as around:
            around.enter_context(_inside(folder / "work"))
            around.enter_context(contextlib.redirect_stderr(errors))
            around.enter_context(contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())))
            around.enter_context(contextlib.suppress(_Help))
            around.enter_context(mock.patch("argparse.ArgumentParser.exit", side_effect=_Help))
            status = ocr.commands.main(arguments)
            assert status in (0, 1, 2), status
            if status:
                raise ConfigError(errors.getvalue().strip() or "status without a word")

    return attempt


class _Help(Exception):
    """In place of the end of the process after help."""


@contextlib.contextmanager
def _inside(folder: Path):
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _overrides(folder: Path) -> Attempt:
    keys = (
        "seed",
        "threads",
        "init_from",
        "inherit",
        "name",
        "run_dir",
        "model.encoder.depth",
        "model",
        "data",
    )
    keys += (
        "data.lines_per_batch",
        "data.train.length",
        "data.pool",
        "data.num_workers",
        "preprocess.height",
    )
    keys += ("trainer.max_steps", "trainer.precision", "optim.optimizer.lr", "optim.scheduler.warmup_steps")
    keys += (
        "model.encoder.heads",
        "model.encoder.dim",
        "task.module.token_mask",
        "tokenizer",
        "augment",
        "synth",
    )
    values = (
        *HOSTILE_TEXT,
        "-1",
        "0",
        "x",
        "null",
        "[]",
        "{}",
        "true",
        "1.5",
        "[1,2]",
        "{a: 1}",
        "${seed}",
        "none",
    )

    def attempt(rng: np.random.Generator, told: Told) -> None:
        override = f"{choose(rng, ('', '', '', '+', '~'))}{choose(rng, keys)}={choose(rng, values)}"
        with _inside(folder):
            try:
                assemble(compose("train", ["debug=overfit", f"run_dir={folder}/run", override]))
            except (HydraException, OmegaConfBaseException) as error:
                raise ConfigError("refused by Hydra") from error

    return attempt


def _addresses(folder: Path) -> Attempt:
    server = _Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    body = samples.picture("PNG")
    head = f"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:PORT/case.png\r\nContent-Length: 0\r\n\r\n"
    moved = moved.replace(b"PORT", str(server.server_address[1]).encode())
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    address = f"http://127.0.0.1:{server.server_address[1]}/case.png?a=b#c"

    def attempt(rng: np.random.Generator, told: Told) -> None:
        named = address
        server.answer = choose(rng, (head + body, moved, chunked))
        if rng.random() < 0.7:
            server.answer = damaged(server.answer, rng)
        else:
            named = "http" + damaged(address[4:].encode(), rng).decode("utf-8", "replace")
        # Only this machine is asked, whatever a damaged address names.
        with mock.patch("socket.getaddrinfo", partial(_this_machine, server.server_address[1])):
            for source in find_sources(named) if "://" in named else ():
                with _renamed():
                    _look(source.content(allow_private=True), told)

    return attempt


def _this_machine(port: int, host: str, *arguments: object, **options: object) -> list:
    if arguments[:1] != (port,):
        raise OSError("no such host")
    return [(2, 1, 6, "", ("127.0.0.1", port))]


class _Server(socketserver.ThreadingTCPServer):
    """Answers every connection with the same bytes."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        self.answer = b""
        super().__init__(("127.0.0.1", 0), _Answer)

    def handle_error(self, request: object, address: object) -> None:
        """Say nothing: clients hang up."""


class _Answer(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        """Answer once."""
        self.request.settimeout(2)
        self.request.recv(65536)
        self.request.sendall(self.server.answer)


DOORS = (
    Door("pictures", _pictures, share=30),
    Door("documents", _documents, share=8),
    Door("line images", _line_images, share=20),
    Door("descriptions of bundles", _descriptions, share=5),
    Door("weights of bundles", _weights, share=4),
    Door("Parquet of lines", lambda folder: _tables(folder, samples.line_table(), _use_lines), share=10),
    Door(
        "Parquet of aligned lines",
        lambda folder: _tables(folder, samples.line_table(), _use_aligned),
        share=3,
    ),
    Door("Parquet of strokes", lambda folder: _tables(folder, samples.stroke_table(), _use_strokes), share=3),
    Door("PAGE XML", lambda folder: _annotations(folder, samples.PAGE_XML, PageXmlLines), share=10),
    Door("ALTO", lambda folder: _annotations(folder, samples.ALTO, AltoLines), share=10),
    Door("IAM", _iam, share=8),
    Door("labels", _labels, share=8),
    Door("JSON lines", _json_lines, share=10),
    Door("UNIPEN", _unipen, share=5),
    Door("options of reading", _read_options, share=10, named=False),
    Door("arguments of commands", _commands, share=2, named=False),
    Door("overrides of training", _overrides, share=0.3, named=False),
    Door("addresses", _addresses, share=5),
)
"""All doors, with their shares of the cases, which follow from the time that a case takes."""
