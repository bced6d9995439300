"""Code of the Python workers of Spark: Arrow batches in, Arrow batches out, one model per worker.

Importing it loads no model, so that workers which only decode or draw stay small.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import pyarrow as pa
from pyspark import SparkFiles, TaskContext

from ocr.errors import OcrError, one_line

if TYPE_CHECKING:
    from ocr.detection.settings import DetectionSettings
    from ocr.inference.detector import LineFinder
    from ocr.inference.recognizer import LineReader

EXCEPTION = "exception"
"""Column with the reason why a row failed, null where it did not."""

FAILURES = (OcrError, ValueError, ArithmeticError, RuntimeError, MemoryError, cv2.error)
"""What one page can cause: bad input, degenerate geometry, or more memory than there is. It costs that page, not a
job of millions; anything else is a bug and ends the job with its traceback."""

ARCHIVED = "archived:"
"""Prefix of a bundle that travels with the job instead of being found on the worker's disk."""

Row = dict[str, Any]


@dataclass(frozen=True)
class RowMap(ABC):
    """A function for `DataFrame.mapInArrow`: adds columns to rows, or makes several rows of one.

    `inputs` are the columns that `compute` sees, `kept` those that pass through untouched, `schema` the new ones,
    which include `exception`. `rows` are computed together.
    """

    inputs: tuple[str, ...]
    kept: tuple[str, ...]
    schema: pa.Schema
    rows: int

    @abstractmethod
    def compute(self, rows: list[Row]) -> Iterator[tuple[int, Row]]:
        """Compute for each new row the position in `rows` of the one it comes from, and its new columns."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Compute batch by batch. One row goes out at a time: an image is large, and the next stage waits for it."""
        for batch in batches:
            for start in range(0, batch.num_rows, self.rows):
                part = batch.slice(start, self.rows)
                before = part.column(EXCEPTION) if EXCEPTION in part.schema.names else None
                for index, columns in self.compute(part.select(self.inputs).to_pylist()):
                    if before is not None and before[index].is_valid:
                        columns[EXCEPTION] = before[index].as_py()
                    yield self._row(part.slice(index, 1), columns)

    def _row(self, source: pa.RecordBatch, columns: Row) -> pa.RecordBatch:
        new = [pa.array([columns.get(field.name)], field.type) for field in self.schema]
        names = [*self.kept, *self.schema.names]
        return pa.RecordBatch.from_arrays([*(source.column(name) for name in self.kept), *new], names)


def reason(error: BaseException) -> str:
    """One line about a failure; an unexpected one is named by its type.

    An error of the GPU itself is raised again: in that state it fails every page to come, which a new worker may not.
    """
    if type(error).__name__ == "AcceleratorError":
        raise error
    text = one_line(error)
    return text if isinstance(error, OcrError) else f"{type(error).__name__}: {text}"


@lru_cache(maxsize=2)
def line_finder(bundle: str, device: str, settings: DetectionSettings | None) -> LineFinder:
    """Load the worker's detector, once; None leaves the bundle's settings. Raises BundleError or ConfigError."""
    from ocr.bundle import Bundle
    from ocr.inference.detector import LineFinder
    from ocr.inference.device import resolve_device

    limit_threads()
    loaded = Bundle.load(find_bundle(bundle), kind="detector")
    return LineFinder(loaded, resolve_device(device), settings=settings and vars(settings))


@lru_cache(maxsize=2)
def line_reader(bundle: str, device: str, decode: str | None, batch_size: int) -> LineReader:
    """Load the worker's recognizer, once. Raises BundleError or ConfigError."""
    from ocr.bundle import Bundle
    from ocr.inference.device import resolve_device
    from ocr.inference.recognizer import LineReader

    limit_threads()
    loaded = Bundle.load(find_bundle(bundle), kind="recognizer")
    return LineReader(loaded, device=resolve_device(device), decode=decode, batch_size=batch_size)


def find_bundle(bundle: str) -> str:
    """The name or folder of a bundle as it can be loaded here."""
    if not bundle.startswith(ARCHIVED):
        return bundle
    return SparkFiles.get(bundle.removeprefix(ARCHIVED))


def task_device(use_gpu: bool) -> str:
    """The CPU, or the GPU that Spark gave the running task; where Spark manages none, the first."""
    if not use_gpu:
        return "cpu"
    context = TaskContext.get()
    given = context.resources().get("gpu") if context is not None else None
    return f"cuda:{given.addresses[0]}" if given is not None else "cuda"


def limit_threads() -> None:
    """Use as many threads as Spark counts cores for a task (`spark.task.cpus`): tasks share the machine."""
    import torch

    context = TaskContext.get()
    if context is not None and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(context.cpus())
    cv2.setNumThreads(torch.get_num_threads())
