"""Measure speed and memory on your own images, and compare with other engines.

examples:
    ocr bench --pages scans/
    ocr bench --lines 'DATA/lines/*-test.parquet' --limit 64 --decode ctc rescore --engine ours rapidocr
    ocr bench --lines lines.parquet --pages scans/ --repeat 5 --json speed.json --plot speed.png
    ocr bench --lines lines.parquet --engine ours rapidocr:size=small tesseract:languages=fra+eng trocr-small
    ocr bench --pages scans/ --bundle exported/recognizer --detector exported/detector --backend torch onnx openvino

Every round runs each task once, and the medians of all rounds but the first are shown, so that other work on the
machine slows all tasks alike: ratios are more reliable than seconds. `per CPU second` counts the time of all cores
used. Lines are read as images that are already decoded; pages from the file to the text. `start` runs `ocr read` on
the first page in a new process: seconds until it ends, and its peak memory.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from inspect import signature
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocr.commands.options import CommandParser, positive, run
from ocr.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from ocr.evaluation.engine import LineEngine, Machine
    from ocr.evaluation.speed import Speed, Task
    from ocr.inference.reader import Reader

OURS = "ours"

UNTRAINED = "trocr-small"
"""Name of the engine that is only timed: its weights are random."""


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    return run(_parser(), arguments)


@dataclass(frozen=True)
class _Entry:
    """An engine to compare with, and the arguments of its function `load`."""

    name: str
    options: dict[str, str]

    @classmethod
    def parse(cls, text: str, shared: Sequence[str]) -> _Entry:
        """Parse `NAME` or `NAME:KEY=VALUE,KEY=VALUE`; `shared` has settings for all entries, as `NAME.KEY=VALUE`."""
        name, _, settings = text.partition(":")
        given = [setting.removeprefix(f"{name}.") for setting in shared if setting.startswith(f"{name}.")]
        given += settings.split(",") if settings else []
        if wrong := [setting for setting in given if "=" not in setting]:
            raise ConfigError(f"--engine {text}: {wrong[0]!r} is not KEY=VALUE")
        return cls(name, dict(setting.split("=", 1) for setting in given))

    def load(self, machine: Machine) -> LineEngine:
        """Load the engine. Raises ConfigError."""
        from ocr.evaluation.engine import engine_loader, engine_names
        from ocr.evaluation.engines.trocr import load_untrained

        known = [*engine_names(), UNTRAINED]
        if self.name not in known:
            raise ConfigError(f"--engine {self.name}: unknown, choose from {', '.join(known)}")
        load = load_untrained if self.name == UNTRAINED else engine_loader(self.name)
        try:
            signature(load).bind(machine, **self.options)
        except TypeError as error:
            raise ConfigError(f"--engine {self.name}: {error}") from error
        return load(machine, **self.options)


def _bench(options: argparse.Namespace) -> None:
    import torch

    from ocr.evaluation.engine import Machine
    from ocr.evaluation.speed import measure_program, measure_tasks
    from ocr.inference.device import resolve_device

    if not options.lines and not options.pages:
        raise ConfigError("nothing to read: name images with --lines or --pages")
    if options.threads:
        torch.set_num_threads(options.threads)
    machine = Machine(resolve_device(options.device), options.threads)
    entries = [_Entry.parse(text, options.set) for text in options.engine]
    options.ours = any(entry.name == OURS for entry in entries)
    others = [entry.load(machine) for entry in entries if entry.name != OURS]
    tasks = [*_line_tasks(options, machine, others), *_page_tasks(options, machine, others)]
    speeds = measure_tasks(
        tasks,
        repeats=options.repeat,
        on_round=lambda n: print(f"round {n} of {options.repeat}", file=sys.stderr),
    )
    report: dict[str, Any] = {"tasks": [asdict(speed) for speed in speeds], **_circumstances(machine)}
    if options.pages and not options.no_start:
        page = str(_files(options.pages)[0])
        command = [sys.executable, "-m", "ocr", "read", page, f"recognizer={options.bundle}"]
        report["start"] = asdict(measure_program(command, repeats=min(options.repeat, 3)))
    print(_table(speeds))
    if "start" in report:
        print(
            "\nstart: {wall:.1f} s, {cpu:.1f} s of processor, {mebibytes:.0f} MiB".format(**report["start"])
        )
    if options.json:
        Path(options.json).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    if options.plot:
        _plot(speeds, options.plot)


def _line_tasks(
    options: argparse.Namespace, machine: Machine, others: Sequence[LineEngine]
) -> Iterator[Task]:
    """Yield a task per backend, decoding and batch size of the bundle, and per other engine."""
    from ocr.bundle import Bundle
    from ocr.evaluation.speed import Task
    from ocr.inference.recognizer import LineReader

    if not options.lines:
        return
    images = _line_images(options.lines, options.limit)
    variants = product(options.backend, options.decode, options.batch_size) if options.ours else ()
    for backend, decode, size in variants:
        bundle = Bundle.load(options.bundle, kind="recognizer")
        reader = LineReader(bundle, device=machine.device, decode=decode, batch_size=size, backend=backend)
        name = f"{OURS} decode={decode} batch_size={size}" + _backend_note(backend)
        yield Task("lines", name, len(images), partial(reader.read, images))
    for engine in others:
        yield Task("lines", engine.title, len(images), partial(engine.read_lines, images))


def _page_tasks(
    options: argparse.Namespace, machine: Machine, others: Sequence[LineEngine]
) -> Iterator[Task]:
    """Yield tasks of whole pages by engine and, for the bundles, of decoding files and finding lines."""
    from ocr.evaluation.engine import PageEngine
    from ocr.evaluation.speed import Task
    from ocr.image.io import load_image
    from ocr.inference.reader import Reader

    if not options.pages:
        return
    files = _files(options.pages)
    images = [load_image(file) for file in files]

    def each(function: Callable[[Any], object], items: Sequence[Any]) -> Callable[[], object]:
        return lambda: [function(item) for item in items]

    for backend in options.backend if options.ours else ():
        reader = Reader.from_pretrained(
            options.bundle,
            options.detector,
            device=str(machine.device),
            batch_size=options.batch_size[0],
            backend=backend,
        )
        name = OURS + _backend_note(backend)
        yield Task("decode files", name, len(files), each(load_image, files))
        yield Task("find lines", name, len(files), each(reader.detector.find, images))
        yield Task("pages", name, len(files), each(reader.read, files))
        if len(files) > 1:
            yield Task("pages", f"{name}, as a folder", len(files), partial(_read_folder, reader, files))
        for megapixels in options.megapixels:
            page = _scaled(images[0], megapixels)
            yield Task("pages by size", f"{name} {megapixels:g} MP", 1, partial(reader.read, page))
    for engine in others:
        if isinstance(engine, PageEngine):
            work = each(lambda file, engine=engine: engine.read_page(load_image(file)), files)
            yield Task("pages", engine.title, len(files), work)


def _backend_note(backend: str) -> str:
    return "" if backend == "torch" else f" backend={backend}"


def _read_folder(reader: Reader, files: Sequence[Path]) -> None:
    """Read files as `ocr read` reads those of a folder, without writing anything."""
    from ocr.commands.read_ahead import PagesAhead, page_threads
    from ocr.image.io import open_pages
    from ocr.inference.inputs import Source

    sources = [Source(file, file) for file in files]
    with page_threads(many=True) as workers:
        ahead = PagesAhead(
            sources,
            fetch=lambda source: source.origin,
            open_pages=lambda source, content, on_error: open_pages(content, on_error=on_error),
            read=lambda image, source: reader.read_page(image),
            workers=workers,
        )
        with ahead:
            for source in sources:
                ahead.open(source)
                for _ in ahead.pages(source):
                    pass


def _line_images(names: Sequence[str], limit: int) -> list[np.ndarray]:
    """Images of lines: of Parquet files, evenly spread, or of files and folders."""
    from ocr.data.lines.manifest import ParquetLines
    from ocr.image.io import load_image

    if not all(name.endswith(".parquet") for name in names):
        return [load_image(file) for file in _files(names)[:limit]]
    source = ParquetLines(names)
    count = min(limit, len(source))
    return [source[index * len(source) // count].image for index in range(count)]


def _files(names: Sequence[str]) -> list[Path]:
    """The images that files, folders and patterns name. Raises ConfigError where there is none."""
    from ocr.inference.inputs import find_sources

    found = [source.origin for name in names for source in find_sources(name)]
    if not all(isinstance(item, Path) for item in found):
        raise ConfigError("addresses and standard input cannot be measured: name files")
    return found


def _scaled(image: np.ndarray, megapixels: float) -> np.ndarray:
    import cv2

    factor = (megapixels * 1e6 / (image.shape[0] * image.shape[1])) ** 0.5
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=how)


def _circumstances(machine: Machine) -> dict[str, Any]:
    import platform

    import torch

    from ocr import __version__

    return {
        "versions": {"ocr": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "threads": torch.get_num_threads(),
        "device": str(machine.device),
    }


def _table(speeds: Sequence[Speed]) -> str:
    rows = ["| what | who | per second | ratio | per CPU second | ratio |", "|---|---|---|---|---|---|"]
    for speed in speeds:
        rows.append(
            f"| {speed.group} | {speed.name} | {speed.per_second:.3g} | {speed.ratio:.2f} "
            f"| {speed.per_cpu_second:.3g} | {speed.cpu_ratio:.2f} |"
        )
    return "\n".join(rows)


def _plot(speeds: Sequence[Speed], path: str) -> None:
    """Draw bars of items per processor second, a chart for each group. Raises ConfigError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError("--plot needs matplotlib: pip install matplotlib") from error
    groups = list(dict.fromkeys(speed.group for speed in speeds))
    figure = Figure(figsize=(8, 1.2 + 0.5 * len(speeds)), layout="constrained")
    for axes, group in zip(figure.subplots(len(groups), squeeze=False)[:, 0], groups, strict=True):
        rows = [speed for speed in speeds if speed.group == group]
        axes.barh([row.name for row in rows][::-1], [row.per_cpu_second for row in rows][::-1])
        axes.set_xlabel(f"{group} per processor second")
    figure.savefig(path)


def _parser() -> argparse.ArgumentParser:
    from ocr.inference.settings import DEFAULTS

    parser = CommandParser("ocr bench", doc=__doc__)
    parser.set_defaults(run=_bench)
    add = parser.add_argument
    add(
        "--lines",
        nargs="+",
        help="Parquet files of lines, or pictures of lines, as files, folders or patterns",
    )
    add("--pages", nargs="+", help="files, folders or patterns of pages")
    add("--limit", type=positive, default=64, help="lines to read")
    add("--bundle", default=DEFAULTS.recognizer, help="recognizer: name or folder")
    add("--detector", default=DEFAULTS.detector, help="detector: name or folder")
    add(
        "--engine",
        nargs="+",
        default=[OURS],
        metavar="NAME[:KEY=VALUE,...]",
        help="ours, rapidocr, tesseract, trocr, or trocr-small, which is that network with random weights; with "
        "options, as in rapidocr:size=tiny",
    )
    add(
        "--backend",
        nargs="+",
        default=[DEFAULTS.backend],
        choices=("torch", "onnx", "openvino"),
        help="of ours; all but torch need --bundle and --detector that `ocr export onnx` wrote",
    )
    add("--set", nargs="+", default=[], metavar="KEY=VALUE", help="for all entries of an engine")
    add("--decode", nargs="+", default=["ctc", "rescore"], help="decodings of lines")
    add("--batch-size", nargs="+", type=positive, default=[DEFAULTS.batch_size], help="lines read at once")
    add("--megapixels", nargs="*", type=float, default=[], help="read the first page at these sizes as well")
    add("--repeat", type=positive, default=5, help="measured rounds")
    add("--threads", type=positive, help="threads of each engine")
    add("--device", default="auto", help="auto, cpu, cuda, mps")
    add("--no-start", action="store_true", help="leave out the start of `ocr read`")
    add("--json", help="write all numbers to this file")
    add("--plot", help="write a picture of the numbers to this file; needs matplotlib")
    return parser
