"""Read folders of pages on Spark.

examples:
    ocr spark read SCANS --output TEXTS --master local[4]
    ocr spark read SCANS TEXTS --master local[4]

TEXTS becomes a folder of Parquet files with a row a page: path, pagenum, text, lines, confidence, exception. A
second run reads only what is missing. Exit status: 0 all read, 1 a file failed, 2 nothing could be done.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from datetime import timedelta
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from ocr.commands.options import CommandParser, positive, run
from ocr.errors import ConfigError, DataError
from ocr.inference.settings import DEFAULTS

if TYPE_CHECKING:
    from py4j.protocol import Py4JJavaError
    from pyspark.sql import SparkSession

    from ocr.spark.read import Progress, ReadOptions

LOCAL = "local[*,4]"
"""All cores of this machine, and four tries for a task, as on a cluster."""

SPARK_SETTINGS = {
    # Files that a worker holds at once: as many as share batches of lines.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "32",
    # Tasks of about eight scans: there are many to a core, so that few cores wait for the last one.
    "spark.sql.files.maxPartitionBytes": "32m",
    # Results in files as large as they may be: 64 MB.
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    # Spark warns, with stack traces, of an output that is not there yet.
    "spark.log.level": "ERROR",
}
"""Settings that --conf overrides."""

LISTING_TASKS = "spark.sql.sources.parallelPartitionDiscovery.parallelism"


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    return run(_parser(), arguments)


def _read(options: argparse.Namespace) -> int:
    output = _output(options)
    py4j, pyspark = _libraries(options)
    from ocr.spark.read import ReadPages, read_missing

    chosen, settings = _read_options(options), SPARK_SETTINGS | dict(_setting(text) for text in options.conf)
    ReadPages.reader(chosen, "cpu")  # Refuses what cannot work before Spark starts.
    running = pyspark.SparkSession.getActiveSession()
    session = _session(pyspark.SparkSession.builder.master(options.master), settings)
    report = _Report(output)
    try:
        for step in read_missing(session, options.input, output, chosen, commit_every=options.commit_every):
            report.add(step)
    except py4j.Py4JJavaError as error:
        # The cluster's troubles: no space, no rights, no executors. Errors of Python code have another type.
        raise DataError(f"{output}: Spark stopped ({root_cause(error)})") from error
    finally:
        if running is None:
            session.stop()
    print(f"{output}: {report.files} files read, {report.pages} pages, {report.failed} failed")
    return 1 if report.failed else 0


class _Report:
    """Progress of a run on standard error: a line before it and one for each commit."""

    def __init__(self, output: str) -> None:
        self.output = output
        self.files = self.pages = self.failed = 0
        self.start: float | None = None

    def add(self, step: Progress) -> None:
        """Add the counts of a commit, and print where the run is."""
        if self.start is None:
            self.start = time.monotonic()
            print(f"{self.output}: {step.total} files to read", file=sys.stderr)
            return
        self.files, self.pages = self.files + step.files, self.pages + step.pages
        self.failed += step.failed
        seconds = time.monotonic() - self.start
        left = timedelta(seconds=round(seconds / self.files * (step.total - self.files)))
        print(
            f"{self.output}: {self.files} of {step.total} files, {self.pages} pages, {self.failed} failed, "
            f"{self.pages / seconds:.2g} pages/s, {left} left",
            file=sys.stderr,
        )


def _output(options: argparse.Namespace) -> str:
    """Return the folder to write, which stands alone or after --output."""
    given = [output for output in (options.second, options.output) if output is not None]
    if len(given) != 1:
        raise ConfigError("give one output: as the second argument, or after --output")
    return given[0]


def _libraries(options: argparse.Namespace) -> tuple[ModuleType, ModuleType]:
    """Import py4j.protocol and pyspark.sql. Raises ConfigError where they are not installed."""
    if options.master.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    # Spark warns of a newer pandas than it was tested with; nothing here uses it.
    warnings.filterwarnings("ignore", category=FutureWarning, module="pyspark")
    try:
        return import_module("py4j.protocol"), import_module("pyspark.sql")
    except ImportError as error:
        raise ConfigError(
            "pyspark is missing: install the extra `spark`, as in uv sync --extra spark"
        ) from error


def _read_options(options: argparse.Namespace) -> ReadOptions:
    from ocr.spark.read import ReadOptions

    return ReadOptions(
        recognizer=options.recognizer,
        detector=None if options.detector == "none" else options.detector,
        decode=options.decode,
        batch_size=options.batch_size,
        orientation=options.orientation,
        min_confidence=options.min_confidence,
        use_gpu=options.gpu,
    )


def _session(builder: SparkSession.Builder, settings: Mapping[str, str]) -> SparkSession:
    """Start Spark with the given settings, or return the running session."""
    builder = builder.appName("ocr read")
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    if LISTING_TASKS not in settings:
        list_in_few_tasks(session)
    return session


def list_in_few_tasks(session: SparkSession) -> None:
    """Limit the tasks of the job that looks up the files of a commit; Spark makes one for each, up to 10,000."""
    session.conf.set(LISTING_TASKS, 4 * session.sparkContext.defaultParallelism)


def root_cause(error: Py4JJavaError) -> str:
    """Return the first line of the error in Java that caused another."""
    cause = error.java_exception
    while (deeper := cause.getCause()) is not None:
        cause = deeper
    return cause.toString().splitlines()[0]


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--conf {text}: expected key=value")
    return key, value


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser("ocr spark", doc=__doc__)
    parts = parser.add_subparsers(dest="command", required=True)
    read = parts.add_parser("read", help="read a folder of pages into Parquet", doc=__doc__)
    read.set_defaults(run=_read)
    read.add_argument("input", help="folder, file or pattern, wherever Spark can read")
    read.add_argument("second", nargs="?", metavar="output", help="folder of Parquet files to write")
    read.add_argument("--output", help="the same, where it does not stand alone")
    read.add_argument("--master", default=LOCAL, help="Spark master")
    read.add_argument(
        "--conf", action="append", default=[], metavar="KEY=VALUE", help="a Spark setting; may be repeated"
    )
    read.add_argument(
        "--recognizer",
        default=DEFAULTS.recognizer,
        help="bundle: a shipped name or a folder (default: %(default)s)",
    )
    read.add_argument(
        "--detector",
        default=DEFAULTS.detector,
        help="bundle, or none: every image is a single line of text (default: %(default)s)",
    )
    read.add_argument("--decode", help="ctc (fastest), ctc_beam, greedy, beam or rescore")
    read.add_argument(
        "--batch-size",
        type=positive,
        default=DEFAULTS.batch_size,
        help="lines read at once",
    )
    read.add_argument(
        "--orientation",
        default=DEFAULTS.orientation,
        help="auto: pages on their side or upside down are read upright; keep: as they lie",
    )
    read.add_argument(
        "--min-confidence",
        type=float,
        default=DEFAULTS.min_confidence,
        help="lines read with less are dropped, as no text",
    )
    read.add_argument("--gpu", action="store_true", help="use the GPU that Spark gives each task")
    read.add_argument(
        "--commit-every",
        type=positive,
        metavar="FILES",
        help="files between commits of results; default: few at first, then 128 per core",
    )
    return parser
