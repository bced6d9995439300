"""Input files, results of earlier runs, and remains of interrupted ones."""

from __future__ import annotations

import re

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from ocr.errors import ConfigError
from ocr.image.kinds import PAGE_SUFFIXES


def listing_session(session: SparkSession) -> SparkSession:
    """A session of the same application whose tasks take thousands of files: to list names, not to read."""
    listing = session.newSession()
    listing.conf.set("spark.sql.files.openCostInBytes", "4096")
    listing.conf.set("spark.sql.files.maxPartitionBytes", "4g")
    return listing


def missing_files(session: SparkSession, source: str, done: DataFrame | None) -> DataFrame:
    """Files under `source` with a suffix of pages and without a row in `done`, in order.

    Returns:
        Columns `path` and `empty`: whether a file has no content, as Spark's `binaryFile` leaves those out.
    Raises:
        ConfigError: there is no such source.
    """
    suffixes = "|".join(re.escape(suffix) for suffix in sorted(PAGE_SUFFIXES))
    try:
        files = session.read.format("binaryFile").option("recursiveFileLookup", "true").load(source)
    except AnalysisException as error:
        raise ConfigError(f"{source}: {first_line(error)}") from error
    full = files.select("path")
    empty = _listed(files).join(full, "path", "left_anti")
    files = full.withColumn("empty", F.lit(False)).union(empty.withColumn("empty", F.lit(True)))
    files = files.where(F.lower("path").rlike(f"({suffixes})$"))
    if done is not None:
        files = files.join(done.select("path").distinct(), "path", "left_anti")
    return files.orderBy("path")


def load_files(session: SparkSession, full: list[str], empty: list[str]) -> DataFrame:
    """Columns `path` and `content` of files, which must exist."""
    files = session.createDataFrame([(path, b"") for path in empty], "path string, content binary")
    if not full:
        return files
    loaded = session.read.format("binaryFile").load([literal(path) for path in full])
    return loaded.select("path", "content").union(files)


def existing(session: SparkSession, output: str) -> DataFrame | None:
    """Open the output of an earlier run; None where there is none."""
    try:
        return session.read.parquet(output)
    except AnalysisException as error:
        if error.getCondition() in ("PATH_NOT_FOUND", "UNABLE_TO_INFER_SCHEMA"):
            return None
        raise ConfigError(f"{output}: {first_line(error)}") from error


def clear_remains(session: SparkSession, output: str) -> None:
    """Delete what a killed run did not commit: the next commit would take it along, and rows would be doubled."""
    context = session.sparkContext
    remains = context._jvm.org.apache.hadoop.fs.Path(output, "_temporary")
    remains.getFileSystem(context._jsc.hadoopConfiguration()).delete(remains, True)


def literal(path: str) -> str:
    """A path with the characters escaped that would make it a pattern."""
    return re.sub(r"([\\{}\[\]*?])", r"\\\1", path)


def first_line(error: AnalysisException) -> str:
    """Spark's message without its error class, SQL state and plan."""
    return re.sub(r"^\[[A-Z_.]+\] ", "", str(error).splitlines()[0]).split(" SQLSTATE")[0]


def _listed(files: DataFrame) -> DataFrame:
    """The column `path` of every file that a source listed, be it empty."""
    session = files.sparkSession
    jvm = session.sparkContext._jvm
    # By way of Java: millions of names would take minutes to come to Python and back.
    names = jvm.scala.collection.immutable.ArraySeq.unsafeWrapArray(files._jdf.inputFiles())
    strings = jvm.org.apache.spark.sql.Encoders.STRING()
    listed = DataFrame(session._jsparkSession.createDataset(names, strings), session)
    # They are addresses; the column `path` holds plain names.
    name = F.url_decode(F.replace("value", F.lit("+"), F.lit("%2B")))
    return listed.select(F.regexp_replace(name, "^file:///", "file:/").alias("path"))
