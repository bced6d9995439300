"""Time and memory per page on Spark, as JSON for benchmarks/scaling.py.

    uv run --extra spark python benchmarks/spark_speed.py examples/letter.jpg --json speed.json

Run it on an idle machine. All seconds are of wall time; `N_cores` stands for the local cores given to Spark.

    page_bytes                     of the page that is read over and over
    alone_pages_per_second         the reader in a process without Spark, one thread: the work itself
    read_pages_per_second_N_cores  `ocr spark read`'s job: bytes in, text out, models already loaded
    pipeline_pages_per_second_...  the four stages, images passing from worker to worker
    worker_start_seconds           what a task in new workers takes more than in old ones: imports, models; all cores
    bytes_seconds_per_page         a file read, sent to a worker as Arrow and sent back, nothing done
    image_seconds_per_page         a decoded page sent through one more worker as an image struct
    image_bytes_per_page           what is sent there
    skew_*                         one page of about 100 lines among pages of one line: the longest and the mean task,
                                   and the share of all cores' time that is spent waiting
    list_seconds_per_file          the driver finds out what is to be read, and what was read before
    list_heap_bytes_per_file       of Java memory that the driver's list of files takes
    plan_seconds_per_file          the driver looks up the files of a commit before their tasks start
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession
from spark_session import Results, links, local_session, run, save, seconds

from ocr.commands.spark import SPARK_SETTINGS
from ocr.spark import BinaryToImage, ImageDrawRegions, ImageTextDetectorV2, ImageToTextV2
from ocr.spark.folders import listing_session, load_files, missing_files
from ocr.spark.read import ReadOptions, read_pages

LISTS = 5
"""Number of file lists that are held to measure the memory of one, which is small compared to the heap."""


def main() -> None:
    options = _parser().parse_args()
    results: Results = {"page_bytes": options.page.stat().st_size}
    with tempfile.TemporaryDirectory() as folder:
        pages = Path(folder) / "pages"
        links(options.page, options.copies, pages)
        for cores in options.cores:
            session = local_session(cores)
            try:
                results |= throughput(session, pages, options.copies, cores)
                if cores == max(options.cores):
                    results |= transfers(session, options.page, 4 * options.copies, Path(folder) / "sent")
                    results |= skew(session, options.page, options.line, Path(folder) / "skew")
                    results |= listing(session, options.line, options.files, Path(folder) / "many")
            finally:
                session.stop()
        results |= alone(options.page, options.copies // 2)
    save(results, options.json)


def alone(page: Path, copies: int) -> Results:
    """Measure reading in this process; called last, as it loads the models."""
    import torch

    from ocr import Reader

    torch.set_num_threads(1)
    reader = Reader.from_pretrained(device="cpu")
    reader.read(page)
    return {
        "alone_pages_per_second": copies / seconds(lambda: [reader.read(page) for _ in range(copies)]),
        "lines_per_page": len(reader.read(page).lines),
    }


def throughput(session: SparkSession, folder: Path, count: int, cores: int) -> Results:
    load = session.range(cores).repartition(cores).mapInArrow(load_models, "loaded long")
    new, old = seconds(load.collect), seconds(load.collect)
    # As many tasks to a core as in a long job, so that the last one is waited for as little.
    session.conf.set("spark.sql.files.maxPartitionBytes", "8m")
    results: Results = {"worker_start_seconds": new - old}
    for name, job in (("read", reading), ("pipeline", four_stages)):
        run(job(session, folder / "*[01].*"))  # A few pages: now every worker has its models.
        taken = seconds(partial(run, job(session, folder)))
        results[f"{name}_pages_per_second_{cores}_cores"] = count / taken
    return results


def reading(session: SparkSession, source: Path) -> DataFrame:
    return read_pages(session.read.format("binaryFile").load(str(source)), ReadOptions())


def four_stages(session: SparkSession, source: Path) -> DataFrame:
    detector = ImageTextDetectorV2.pretrained().setOutputCol("regions").setWidth(-1).setSizeThreshold(-1)
    ocr = ImageToTextV2.pretrained().setInputCols(["image", "regions"])
    stages = [BinaryToImage(), detector, ocr, ImageDrawRegions()]
    return PipelineModel(stages=stages).transform(session.read.format("binaryFile").load(str(source)))


def load_models(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    from ocr.spark.read import ReadPages

    ReadPages.reader(ReadOptions(), "cpu")
    for batch in batches:
        yield pa.RecordBatch.from_arrays(batch.columns, ["loaded"])


def transfers(session: SparkSession, page: Path, count: int, folder: Path) -> Results:
    """Measure the cost of sending bytes and pixels to workers, in tasks as in `ocr spark read`."""
    links(page, count, folder)
    session.conf.set("spark.sql.files.maxPartitionBytes", SPARK_SETTINGS["spark.sql.files.maxPartitionBytes"])
    files = session.read.format("binaryFile").load(str(folder))
    images = BinaryToImage().transform(files)
    pixels = images.selectExpr("max(length(image.data)) AS size").first().size
    jobs = [
        files.mapInArrow(unchanged, files.schema),
        images,
        images.mapInArrow(unchanged, images.schema),
    ]
    for job in jobs:
        run(job)
    # On all cores at once; as seconds of a core.
    cores = session.sparkContext.defaultParallelism
    there, decode, further = (
        cores * min(seconds(partial(run, job)), seconds(partial(run, job))) / count for job in jobs
    )
    return {
        "bytes_seconds_per_page": there,
        "decode_seconds_per_page": decode,
        "image_seconds_per_page": max(further - decode, 0.0),
        "image_bytes_per_page": pixels,
    }


def unchanged(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    return batches


def skew(session: SparkSession, page: Path, line: Path, folder: Path) -> Results:
    """Measure one long page among many short ones."""
    import numpy as np
    from PIL import Image

    links(line, 63, folder)
    sheet = np.asarray(Image.open(page).convert("RGB"))
    Image.fromarray(np.concatenate([sheet] * 7)).save(folder / "000000-long.jpg", quality=90)
    files = session.read.format("binaryFile").load(str(folder))
    start = time.perf_counter()
    rows = (
        read_pages(files, ReadOptions()).mapInArrow(clock, "start double, end double, lines long").collect()
    )
    wall = time.perf_counter() - start
    taken = [row.end - row.start for row in rows]
    cores = session.sparkContext.defaultParallelism
    return {
        "skew_long_page_lines": max(row.lines for row in rows),
        "skew_tasks": len(rows),
        "skew_longest_task_seconds": max(taken),
        "skew_mean_task_seconds": sum(taken) / len(taken),
        "skew_idle_share": max(1 - sum(taken) / (cores * wall), 0.0),
    }


def clock(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Start and end of each task of the read before this stage, and the highest number of lines per page in it."""
    start = time.time()
    lines = [
        len(value) for batch in batches for value in batch.column("lines").to_pylist() if value is not None
    ]
    made = {"start": [start], "end": [time.time()], "lines": [max(lines, default=0)]}
    yield pa.RecordBatch.from_pydict(made)


def listing(session: SparkSession, line: Path, count: int, folder: Path) -> Results:
    """The driver's work before anything is read."""
    links(line, count, folder)
    few = folder.with_name("few")
    links(line, count // 10, few)
    names = listing_session(session)
    names.read.format("binaryFile").load(str(few))
    before = heap(session)
    lists = [names.read.format("binaryFile").load(str(folder)) for _ in range(LISTS)]
    held = (heap(session) - before) / len(lists)

    def find(source: Path) -> None:
        missing_files(names, str(source), missing_files(names, str(few), None)).count()

    def plan(files: int) -> None:
        paths = [f"file:{os.fspath(folder)}/{number:06}{line.suffix}" for number in range(files)]
        load_files(session, paths, []).rdd.getNumPartitions()

    find(few)
    plan(count // 100)
    # The difference leaves out what a job costs however few the files.
    more = count - count // 10
    found = seconds(partial(find, folder)) - seconds(partial(find, few))
    planned = seconds(partial(plan, count // 10)) - seconds(partial(plan, count // 100))
    return {
        "list_files": count,
        "list_seconds_per_file": max(found, 0.0) / more,
        "plan_seconds_per_file": max(planned, 0.0) / (count // 10 - count // 100),
        "list_heap_bytes_per_file": max(held, 0.0) / count,
    }


def heap(session: SparkSession) -> int:
    """Bytes of Java objects that are in use."""
    runtime = session.sparkContext._jvm.java.lang.Runtime.getRuntime()
    for _ in range(5):
        runtime.gc()
        time.sleep(0.2)  # Spark clears up after a collection, which leaves more to collect.
    return runtime.totalMemory() - runtime.freeMemory()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("page", type=Path)
    parser.add_argument(
        "--line", type=Path, default=Path("examples/line.png"), help="picture of a line, for small pages"
    )
    parser.add_argument("--copies", type=int, default=64, help="pages that are read (default: %(default)s)")
    parser.add_argument(
        "--files", type=int, default=20000, help="files that are listed (default: %(default)s)"
    )
    parser.add_argument("--cores", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--json", type=Path, help="write the results here")
    return parser


if __name__ == "__main__":
    main()
