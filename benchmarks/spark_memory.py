"""Does a long job keep its memory? Resident memory of the JVM and the Python workers while a job runs.

    uv run --extra spark python benchmarks/spark_memory.py examples/line.png --rows 5000 --cores 2

Prints a line every `--every` seconds, and at the end the mean of the job's second and last quarter: flat memory has
the same in both. Linux alone (/proc).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession
from spark_speed import copies, run

from ocr.spark import BinaryToImage, ImageDrawRegions, ImageTextDetectorV2, ImageToTextV2


def main() -> None:
    options = _parser().parse_args()
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master(f"local[{options.cores}]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.log.level", "ERROR").config("spark.driver.memory", options.driver_memory)
    session = builder.getOrCreate()
    detector = (
        ImageTextDetectorV2.pretrained().setOutputCol("regions").setWidth(options.width).setSizeThreshold(-1)
    )
    ocr = ImageToTextV2.pretrained().setInputCols(["image", "regions"])
    pipeline = PipelineModel(stages=[BinaryToImage(), detector, ocr, ImageDrawRegions()])
    with tempfile.TemporaryDirectory() as folder:
        copies([options.page], options.rows, Path(folder))
        job = pipeline.transform(session.read.format("binaryFile").load(folder))
        samples: list[dict[str, float]] = []
        done = threading.Event()
        watcher = threading.Thread(target=watch, args=(samples, done, options.every), daemon=True)
        watcher.start()
        start = time.perf_counter()
        run(job)
        taken = time.perf_counter() - start
        done.set()
        watcher.join()
    session.stop()
    print(f"{options.rows} rows in {taken:.0f} s on {options.cores} cores, {options.rows / taken:.1f} rows/s")
    quarter = max(len(samples) // 4, 1)
    for name in ("jvm", "python"):
        early, late = (
            sum(sample[name] for sample in part) / len(part)
            for part in (samples[quarter : 2 * quarter] or samples, samples[-quarter:])
        )
        print(
            f"{name:7} second quarter {early:7.0f} MB, last quarter {late:7.0f} MB, {100 * (late / early - 1):+.1f} %"
        )


def watch(samples: list[dict[str, float]], done: threading.Event, every: float) -> None:
    start = time.perf_counter()
    while not done.wait(every):
        samples.append(memory(os.getpid()))
        line = " ".join(f"{name} {value:.0f} MB" for name, value in samples[-1].items())
        print(f"{time.perf_counter() - start:6.0f} s {line}", flush=True)


def memory(root: int) -> dict[str, float]:
    """Resident megabytes of the processes that `root` started: the JVM, and the Python workers below it.

    Memory that forked workers share is counted once for each.
    """
    parents, resident, names = {}, {}, {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except (FileNotFoundError, ProcessLookupError):
            continue  # It ended while we looked.
        number = int(fields["Pid"])
        parents[number], names[number] = int(fields["PPid"]), fields["Name"].strip()
        resident[number] = float(fields.get("VmRSS", "0 kB").split()[0]) / 1024
    sums = {"jvm": 0.0, "python": 0.0}
    for number in parents:
        above = number
        while above not in (root, 0):
            above = parents.get(above, 0)
        if above == root and number != root:
            sums["jvm" if names[number] == "java" else "python"] += resident[number]
    return sums


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("page", type=Path)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument(
        "--width", type=int, default=400, help="detector's width: small, as the picture is not the point"
    )
    parser.add_argument("--every", type=float, default=10, help="seconds between samples")
    parser.add_argument("--driver-memory", default="2g")
    return parser


if __name__ == "__main__":
    main()
