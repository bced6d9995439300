"""Measure speed and memory on your own images, and compare with other engines.

examples:
    ocr bench --pages scans/
    ocr bench --lines 'DATA/lines/*-test.parquet' --limit 64 --decode ctc rescore --engine ours rapidocr
    ocr bench --lines lines.parquet --pages scans/ --repeat 5 --json speed.json --plot speed.png

Every round runs each task once, and the medians of all rounds but the first are shown, so that other work on the
machine slows all tasks alike: ratios are more reliable than seconds. `per CPU second` counts the time of all cores
used. Lines are read as images that are already decoded; pages from the file to the text. `start` runs `ocr read` on
the first page in a new process: seconds until it ends, and its peak memory.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocr.commands.options import CommandParser, positive, run
from ocr.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np

    from ocr.evaluation.engine import Machine
    from ocr.evaluation.speed import Speed, Task

OURS = "ours"


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    return run(_parser(), arguments)


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
    tasks = [*_line_tasks(options, machine), *_page_tasks(options, machine)]
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


def _line_tasks(options: argparse.Namespace, machine: Machine) -> list[Task]:
    """A task per decoding and batch size of the bundle, and per other engine."""
    from ocr.bundle import Bundle
    from ocr.evaluation.engine import load_engine
    from ocr.evaluation.speed import Task
    from ocr.inference.recognizer import LineReader

    if not options.lines:
        return []
    images = _line_images(options.lines, options.limit)
    tasks = []

    def add(name: str, work: Any) -> None:
        tasks.append(Task("lines", name, len(images), lambda: work(images)))

    if OURS in options.engine:
        for decode in options.decode:
            for size in options.batch_size:
                bundle = Bundle.load(options.bundle, kind="recognizer")
                reader = LineReader(bundle, device=machine.device, decode=decode, batch_size=size)
                add(f"{OURS} decode={decode} batch_size={size}", reader.read)
    for name in options.engine:
        if name != OURS:
            engine = load_engine(name, machine, _engine_options(name, options))
            add(engine.title, engine.read_lines)
    return tasks


def _page_tasks(options: argparse.Namespace, machine: Machine) -> list[Task]:
    """Tasks of whole pages by engine and, for the bundles, of decoding files and finding lines."""
    from ocr.evaluation.engine import PageEngine, load_engine
    from ocr.evaluation.speed import Task
    from ocr.image.io import load_image
    from ocr.inference.reader import Reader

    if not options.pages:
        return []
    files = _files(options.pages)
    tasks = []
    if OURS in options.engine:
        reader = Reader.from_pretrained(
            options.bundle, options.detector, device=str(machine.device), batch_size=options.batch_size[0]
        )
        images = [load_image(file) for file in files]
        tasks.append(
            Task("decode files", OURS, len(files), lambda: [load_image(file) for file in files]),
        )
        tasks.append(
            Task("find lines", OURS, len(files), lambda: [reader.detector.find(image) for image in images])
        )
        tasks.append(
            Task("pages", OURS, len(files), lambda: [reader.read(file) for file in files]),
        )
        for megapixels in options.megapixels:
            page = _scaled(images[0], megapixels)
            tasks.append(Task("pages by size", f"{megapixels:g} MP", 1, lambda page=page: reader.read(page)))
    for name in options.engine:
        if name != OURS:
            engine = load_engine(name, machine, _engine_options(name, options))
            if isinstance(engine, PageEngine):
                tasks.append(
                    Task(
                        "pages",
                        engine.title,
                        len(files),
                        lambda engine=engine: [engine.read_page(load_image(file)) for file in files],
                    )
                )
    return tasks


def _engine_options(name: str, options: argparse.Namespace) -> dict[str, str]:
    """Settings of another engine, given as NAME.KEY=VALUE."""
    given = [setting.partition("=") for setting in options.set]
    return {key.partition(".")[2]: value for key, _, value in given if key.partition(".")[0] == name}


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
    add("--engine", nargs="+", default=[OURS], help="engines: ours, rapidocr, tesseract, trocr")
    add(
        "--set", nargs="+", default=[], metavar="KEY=VALUE", help="of other engines, as in rapidocr.size=tiny"
    )
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
