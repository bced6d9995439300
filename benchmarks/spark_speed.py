"""What a page costs on Spark: throughput by cores, start-up, serialisation and skew.

    uv run --extra spark python benchmarks/spark_speed.py examples/letter.jpg --copies 40 --cores 1 2

Run it on an idle machine. Every row is the best of `--repeat` runs over copies of the given pages:

    alone       the reader in this process, one thread: the work itself
    read        `python -m ocr.spark read`'s job: bytes in, text out
    pipeline    the four stages, images passing from worker to worker
    bytes       files sent to a worker and back, nothing done: serialisation of `read`
    images      decoded, then sent through one more worker: serialisation between stages
    first run   the first `read` of a session: starting workers, importing, loading models
    skew        longest over mean task time of `read`
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import torch
from pyspark import TaskContext
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession

from ocr import Reader
from ocr.spark import BinaryToImage, ImageDrawRegions, ImageTextDetectorV2, ImageToTextV2
from ocr.spark.read import ReadOptions, read_pages


def main() -> None:
    options = _parser().parse_args()
    os.environ["PYSPARK_PYTHON"] = sys.executable
    with tempfile.TemporaryDirectory() as folder:
        files = copies(options.pages, options.copies, Path(folder))
        print(f"{len(files)} files, {sum(file.stat().st_size for file in files) / 1e6:.1f} MB")
        torch.set_num_threads(1)
        reader = Reader.from_pretrained(device="cpu")
        alone = best(lambda: sum(1 for file in files for _ in reader.read_pages(file)), options.repeat)
        report("alone", alone, len(files))
        for cores in options.cores:
            measure(folder, cores, len(files), options.repeat)


def measure(folder: str, cores: int, count: int, repeat: int) -> None:
    """Print what jobs over the files in `folder` take on `cores` local cores."""
    builder = SparkSession.builder.master(f"local[{cores}]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.log.level", "ERROR").config("spark.ui.showConsoleProgress", "false")
    session = builder.config("spark.sql.files.minPartitionNum", 4 * cores).getOrCreate()
    try:
        files = session.read.format("binaryFile").load(folder)
        schema = files.schema
        print(f"-- {cores} cores, {files.rdd.getNumPartitions()} tasks")
        image = BinaryToImage()
        detector = ImageTextDetectorV2.pretrained().setOutputCol("regions").setWidth(-1).setSizeThreshold(-1)
        ocr = ImageToTextV2.pretrained().setInputCols(["image", "regions"])
        pipeline = PipelineModel(stages=[image, detector, ocr, ImageDrawRegions()])
        images = image.transform(files)
        jobs: dict[str, DataFrame] = {
            "first run": read_pages(files, ReadOptions()),
            "read": read_pages(files, ReadOptions()),
            "bytes": files.mapInArrow(unchanged, schema),
            "decode": images,
            "images": images.mapInArrow(unchanged, images.schema),
            "pipeline": pipeline.transform(files),
        }
        for name, job in jobs.items():
            report(name, best(lambda job=job: run(job), 1 if name == "first run" else repeat), count)
        seconds = [row.seconds for row in task_times(files).collect()]
        print(f"{'skew':10} {max(seconds) / (sum(seconds) / len(seconds)):8.2f} over {len(seconds)} tasks")
    finally:
        session.stop()


def unchanged(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    return batches


def task_times(files: DataFrame) -> DataFrame:
    """Seconds that each task of `read` takes, workers being warm."""
    read = read_pages(files, ReadOptions())

    def clock(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        start = time.perf_counter()
        for _ in batches:
            pass
        taken = time.perf_counter() - start
        yield pa.RecordBatch.from_pydict({"task": [TaskContext.get().partitionId()], "seconds": [taken]})

    return read.mapInArrow(clock, "task long, seconds double")


def run(job: DataFrame) -> None:
    job.write.format("noop").mode("overwrite").save()


def best(work: Callable[[], object], repeat: int) -> float:
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def report(name: str, seconds: float, count: int) -> None:
    print(
        f"{name:10} {seconds:8.1f} s {count / seconds:8.2f} files/s {1000 * seconds / count:8.1f} ms a file",
        flush=True,
    )


def copies(pages: list[Path], times: int, folder: Path) -> list[Path]:
    """`times` copies of each page under names of their own."""
    made = []
    for number in range(times):
        for page in pages:
            made.append(folder / f"{number:05}-{page.name}")
            shutil.copy(page, made[-1])
    return made


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--copies", type=int, default=40)
    parser.add_argument("--cores", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--repeat", type=int, default=2)
    return parser


if __name__ == "__main__":
    main()
