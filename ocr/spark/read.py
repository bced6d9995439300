"""Files in, a Parquet folder of read pages out: the work of `ocr spark read`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import FloatType, IntegerType, StringType, StructField, StructType

from ocr.errors import ConfigError
from ocr.image.kinds import PAGE_SUFFIXES
from ocr.inference.reader import Reader
from ocr.inference.settings import ReaderSettings
from ocr.spark.batching import Failure, attempt, grouped
from ocr.spark.bundles import ship
from ocr.spark.folders import clear_remains, existing, listing_session, load_files, missing_files
from ocr.spark.images import PAGENUM, file_pages
from ocr.spark.params import use_this_python
from ocr.spark.recognize import page_confidence
from ocr.spark.regions import flat
from ocr.spark.schemas import LINES
from ocr.spark.worker import (
    EXCEPTION,
    Row,
    RowMap,
    line_finder,
    line_reader,
    task_device,
)
from ocr.types import Page

FILES_TOGETHER = 32
"""Files that a worker takes at a time."""

PAGES_TOGETHER = 4
"""Pages whose lines share batches: enough to sort lines by width, few enough to stay in memory."""

BATCHES_TOGETHER = 4
"""Batches of images that are read together where each image is a single line."""

BYTES_TOGETHER = 250_000_000
"""Pixels in bytes that are read together: fewer pages where they are large."""

FILES_A_CORE = 128
"""Files a core reads before results are committed, unless told otherwise: some minutes' work on a CPU."""

FIRST_FILES_A_CORE, GROWTH = 4, 4
"""Files a core reads before the first commit, seconds' work, and how much more before each of the next ones."""

PAGES = StructType(
    [
        StructField(PAGENUM, IntegerType()),
        StructField("text", StringType()),
        StructField("lines", LINES),
        StructField("confidence", FloatType()),
        StructField(EXCEPTION, StringType()),
    ]
)
"""The columns of the result, after `path`."""


@dataclass(frozen=True)
class ReadOptions(ReaderSettings):
    """Settings of the reader in each worker; `device` is left to `use_gpu`."""

    use_gpu: bool = False
    """Read on the GPU that Spark gives each task."""


@dataclass(frozen=True)
class Progress:
    """Counts since the last commit: files, their pages, and pages or files that failed; `total` files of the run."""

    files: int
    pages: int
    failed: int
    total: int


@dataclass(frozen=True)
class _FilePage:
    """A page of the file in row `index`, counted from 0 in `number`, or the reason why it cannot be decoded."""

    index: int
    number: int
    content: np.ndarray | Failure


@dataclass(frozen=True)
class ReadPages(RowMap):
    """Pages of files (columns `path`, `content`), read as `ocr.Reader` reads them."""

    options: ReadOptions

    def compute(self, rows: list[Row]) -> Iterator[tuple[int, Row]]:
        """Compute the new columns of each row; see `RowMap`."""
        reader = self.reader(self.options, task_device(self.options.use_gpu))
        for group in grouped(_file_pages(rows), weight=self._weight, limit=1.0):
            decoded = [page.content for page in group if not isinstance(page.content, Failure)]
            results = iter(attempt(reader.read_arrays, decoded))
            for page in group:
                result = page.content if isinstance(page.content, Failure) else next(results)
                yield page.index, {PAGENUM: page.number} | _columns(result)

    @staticmethod
    def reader(options: ReadOptions, device: str) -> Reader:
        """Return the worker's reader. Raises BundleError or ConfigError."""
        recognizer = line_reader(str(options.recognizer), device, options.decode, options.batch_size)
        detector = None if options.detector is None else line_finder(str(options.detector), device, None)
        return Reader(
            recognizer, detector, orientation=options.orientation, min_confidence=options.min_confidence
        )

    def _weight(self, page: _FilePage) -> float:
        """Return the share of a page in what is read at once."""
        if isinstance(page.content, Failure):
            return 0.0
        pages = (
            BATCHES_TOGETHER * self.options.batch_size if self.options.detector is None else PAGES_TOGETHER
        )
        return max(1 / pages, page.content.size / BYTES_TOGETHER)


def _file_pages(rows: list[Row]) -> Iterator[_FilePage]:
    for index, row in enumerate(rows):
        for number, page in enumerate(file_pages(row["content"], row["path"])):
            content = Failure(page) if isinstance(page, str) else page.pixels
            yield _FilePage(index, number, content)


def _columns(page: Page | Failure) -> Row:
    if isinstance(page, Failure):
        return {EXCEPTION: page.reason}
    lines = [
        {"text": line.text, "confidence": line.confidence, "outline": flat(line.polygon)}
        for line in page.lines
        if line.text
    ]
    return {"text": page.text, "lines": lines, "confidence": page_confidence(page)}


def read_pages(files: DataFrame, options: ReadOptions) -> DataFrame:
    """Read files.

    Args:
        files: columns `path` and `content`, as `spark.read.format("binaryFile")` loads them.
    Returns:
        A row a page: `path`, and the columns of `PAGES`.
    Raises:
        BundleError, ConfigError: a bundle or option that cannot work, before anything is read.
    """
    session = files.sparkSession
    use_this_python(session)
    ReadPages.reader(options, "cpu")
    shipped = replace(
        options,
        recognizer=ship(str(options.recognizer), session),
        detector=None if options.detector is None else ship(str(options.detector), session),
    )
    work = ReadPages(
        inputs=("path", "content"),
        kept=("path",),
        schema=to_arrow_schema(PAGES),
        rows=FILES_TOGETHER,
        options=shipped,
    )
    schema = StructType([StructField("path", StringType()), *PAGES.fields])
    return files.select("path", "content").mapInArrow(work, schema)


def read_missing(
    session: SparkSession, source: str, output: str, options: ReadOptions, *, commit_every: int | None = None
) -> Iterator[Progress]:
    """Read those files under `source` that `output` has no rows of, and append them.

    Progress comes once before anything is read, and after each commit.

    A run that was stopped loses what it read since its last commit and nothing else; the next one reads that and
    whatever came since. A file that failed counts as read.

    Args:
        source: a folder, file or pattern on any file system that Spark reads. output: a folder of Parquet files.
        commit_every: files; None for few at first, so that results can be looked at soon, then `FILES_A_CORE`.
    Raises:
        BundleError, ConfigError: an option that cannot work, no such source, an output that is something else.
    """
    names = listing_session(session)
    done = existing(names, output)
    if done is not None and not {"path", *PAGES.names} <= set(done.columns):
        raise ConfigError(f"{output}: holds other data, with columns {', '.join(done.columns)}")
    missing = missing_files(names, source, done)
    total = missing.count()
    if not total and done is None:
        raise ConfigError(f"{source}: nothing to read ({', '.join(sorted(PAGE_SUFFIXES))})")
    clear_remains(session, output)
    yield Progress(0, 0, 0, total)
    todo = missing.toLocalIterator()
    for size in _commit_sizes(commit_every, session.sparkContext.defaultParallelism):
        chunk = list(islice(todo, size))
        if not chunk:
            break
        full = [row.path for row in chunk if not row.empty]
        files = load_files(session, full, [row.path for row in chunk if row.empty])
        counts = Observation()
        pages = read_pages(files, options).observe(
            counts, F.count("*").alias("pages"), F.count(EXCEPTION).alias("failed")
        )
        # All pages of a file go to one Parquet file, which appears as a whole or not at all; and there are few.
        pages.repartition("path").write.mode("append").parquet(output)
        yield Progress(len(chunk), counts.get["pages"], counts.get["failed"], total)


def _commit_sizes(commit_every: int | None, cores: int) -> Iterator[int]:
    """Files of one commit after the other."""
    largest = commit_every or FILES_A_CORE * cores
    size = commit_every or FIRST_FILES_A_CORE * cores
    while True:
        yield min(size, largest)
        size *= GROWTH
