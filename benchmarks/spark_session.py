"""Helpers of the Spark benchmarks: a session, input files and output of results."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

Results = dict[str, float | int | str]


def local_session(cores: int, **settings: str) -> SparkSession:
    """Start Spark on some cores of this machine, with the settings of `ocr spark`."""
    from ocr.commands.spark import SPARK_SETTINGS, list_in_few_tasks

    os.environ["PYSPARK_PYTHON"] = sys.executable
    # Cores are what is measured: a process is to use no more than Spark counts.
    os.environ["OMP_NUM_THREADS"] = "1"
    builder = SparkSession.builder.master(f"local[{cores}]")
    quiet = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
    for key, value in (SPARK_SETTINGS | quiet | settings).items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    list_in_few_tasks(session)
    return session


def links(page: Path, count: int, folder: Path) -> list[Path]:
    """Link the page under `count` names."""
    folder.mkdir(parents=True, exist_ok=True)
    first = folder / f"{0:06}{page.suffix}"
    first.write_bytes(page.read_bytes())
    made = [first]
    for number in range(1, count):
        made.append(folder / f"{number:06}{page.suffix}")
        os.link(first, made[-1])
    return made


def run(job: DataFrame) -> None:
    """Compute every row without storing it."""
    job.write.format("noop").mode("overwrite").save()


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def save(results: Results, file: Path | None) -> None:
    """Print results, and write them as JSON for benchmarks/scaling.py."""
    for name, value in results.items():
        print(f"{name:32} {value:.4g}" if isinstance(value, float) else f"{name:32} {value}", flush=True)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
