"""Files in, a Parquet folder of read pages out: the work of `ocr spark read`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import FloatType, IntegerType, StringType, StructField, StructType

from ocr.errors import ConfigError
from ocr.image.io import PAGE_SUFFIXES
from ocr.inference.reader import DETECTOR, RECOGNIZER, DetectorOptions, Reader
from ocr.inference.text_filter import only_text
from ocr.spark.batching import Waiting, read_together
from ocr.spark.bundles import ship
from ocr.spark.folders import clear_remains, existing, listing_session, load_files, missing_files
from ocr.spark.images import PAGENUM, file_pages
from ocr.spark.recognize import page_confidence
from ocr.spark.regions import flat
from ocr.spark.schemas import LINES
from ocr.spark.worker import (
    EXCEPTION,
    FAILURES,
    Row,
    RowMap,
    line_finder,
    line_reader,
    reason,
    task_device,
)
from ocr.types import Page

FILES_TOGETHER = 32
"""Files whose lines may share batches."""

FILES_A_CORE = 128
"""Files a core reads before results are committed, unless told otherwise: some minutes' work on a CPU."""

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
class ReadOptions:
    """Which models read, and how; the same as infer.py's."""

    recognizer: str = RECOGNIZER
    detector: str | None = DETECTOR
    decode: str | None = None
    batch_size: int = 16
    use_gpu: bool = False


@dataclass(frozen=True)
class Progress:
    """What was read since the last commit: files, their pages, and pages or files that failed."""

    files: int
    pages: int
    failed: int


@dataclass(frozen=True)
class ReadPages(RowMap):
    """The pages of files (columns `path`, `content`), read as `ocr.Reader` does with `orientation="keep"`."""

    options: ReadOptions

    def compute(self, rows: list[Row]) -> Iterator[tuple[int, Row]]:
        reader = self.reader(self.options, task_device(self.options.use_gpu))
        for page in read_together(reader, self._cut(reader, rows)):
            yield page.index, {PAGENUM: page.number} | self._columns(page)

    @staticmethod
    def reader(options: ReadOptions, device: str) -> Reader:
        """The worker's reader. Raises BundleError or ConfigError."""
        recognizer = line_reader(options.recognizer, device, options.decode, options.batch_size)
        if options.detector is None:
            return Reader(recognizer, None)
        return Reader(recognizer, line_finder(options.detector, device, DetectorOptions()))

    @staticmethod
    def _cut(reader: Reader, rows: list[Row]) -> Iterator[Waiting]:
        for index, row in enumerate(rows):
            for number, image in enumerate(file_pages(row["content"], row["path"])):
                page = Waiting(index, number)
                if isinstance(image, str):
                    page.error = image
                else:
                    try:
                        page.cut = reader.cut(image.pixels)
                    except FAILURES as error:
                        page.error = reason(error)
                yield page

    def _columns(self, waiting: Waiting) -> Row:
        if waiting.cut is None:
            return {EXCEPTION: waiting.error}
        height, width = waiting.cut.size
        found = waiting.cut.lines
        kept = found if self.options.detector is None else only_text(found)
        page = Page("", height, width, kept, waiting.number + 1)
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
    ReadPages.reader(options, "cpu")
    shipped = ReadOptions(
        recognizer=ship(options.recognizer, session),
        detector=None if options.detector is None else ship(options.detector, session),
        decode=options.decode,
        batch_size=options.batch_size,
        use_gpu=options.use_gpu,
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
    """Read those files under `source` that `output` has no rows of, and append them; progress after each commit.

    A run that was stopped loses what it read since its last commit and nothing else; the next one reads that and
    whatever came since. A file that failed counts as read.

    Args:
        source: a folder, file or pattern on any file system that Spark reads. output: a folder of Parquet files.
        commit_every: files; None for `FILES_A_CORE`.
    Raises:
        BundleError, ConfigError: an option that cannot work, no such source, an output that is something else.
    """
    names = listing_session(session)
    done = existing(names, output)
    if done is not None and not {"path", *PAGES.names} <= set(done.columns):
        raise ConfigError(f"{output}: holds other data, with columns {', '.join(done.columns)}")
    todo = missing_files(names, source, done).toLocalIterator()
    size = commit_every or FILES_A_CORE * session.sparkContext.defaultParallelism
    chunk = list(islice(todo, size))
    if not chunk and done is None:
        raise ConfigError(f"{source}: nothing to read ({', '.join(sorted(PAGE_SUFFIXES))})")
    clear_remains(session, output)
    while chunk:
        full = [row.path for row in chunk if not row.empty]
        files = load_files(session, full, [row.path for row in chunk if row.empty])
        counts = Observation()
        pages = read_pages(files, options).observe(
            counts, F.count("*").alias("pages"), F.count(EXCEPTION).alias("failed")
        )
        # All pages of a file go to one Parquet file, which appears as a whole or not at all; and there are few.
        pages.repartition("path").write.mode("append").parquet(output)
        yield Progress(len(chunk), counts.get["pages"], counts.get["failed"])
        chunk = list(islice(todo, size))
