"""Resident memory of driver, JVM and Python workers during a long job.

    uv run --extra spark python benchmarks/spark_memory.py examples/line.png --json memory.json

The job is `ocr spark read`'s, or the four stages (`--job pipeline`), over `--rows` copies of a small
picture. Memory is sampled every few seconds; flat memory has the same mean in the job's second and last quarter.
Memory that forked workers share counts once for each. Linux alone (/proc).
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from pathlib import Path
from statistics import fmean

from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame
from spark_session import Results, links, local_session, run, save, seconds

from ocr.spark import BinaryToImage, ImageDrawRegions, ImageTextDetectorV2, ImageToTextV2
from ocr.spark.read import ReadOptions, read_pages

PROCESSES = ("driver", "jvm", "workers")


def main() -> None:
    options = _parser().parse_args()
    session = local_session(options.cores, **{"spark.driver.memory": options.driver_memory})
    with tempfile.TemporaryDirectory() as folder:
        links(options.page, options.rows, Path(folder))
        files = session.read.format("binaryFile").load(folder)
        job = read_pages(files, ReadOptions()) if options.job == "read" else pipeline(files, options.width)
        samples: list[dict[str, float]] = []
        done = threading.Event()
        watcher = threading.Thread(target=watch, args=(samples, done, options.every), daemon=True)
        watcher.start()
        taken = seconds(lambda: run(job))
        done.set()
        watcher.join()
    session.stop()
    if len(samples) < 4:
        raise SystemExit(
            f"{len(samples)} samples in {taken:.0f} s: too few, give more --rows or a smaller --every"
        )
    head = {"job": options.job, "cores": options.cores, "rows": options.rows, "job_seconds": taken}
    save(head | summary(samples), options.json)


def pipeline(files: DataFrame, width: int) -> DataFrame:
    detector = ImageTextDetectorV2.pretrained().setOutputCol("regions").setWidth(width).setSizeThreshold(-1)
    ocr = ImageToTextV2.pretrained().setInputCols(["image", "regions"])
    return PipelineModel(stages=[BinaryToImage(), detector, ocr, ImageDrawRegions()]).transform(files)


def summary(samples: list[dict[str, float]]) -> Results:
    """Summarize megabytes by kind of process: early, late and highest; workers also as the mean of one."""
    quarter = len(samples) // 4
    results: Results = {"workers": max(int(sample["count"]) for sample in samples)}
    for name in PROCESSES:
        values = [sample[name] for sample in samples]
        results[f"{name}_second_quarter_mb"] = fmean(values[quarter : 2 * quarter])
        results[f"{name}_last_quarter_mb"] = fmean(values[-quarter:])
        results[f"{name}_peak_mb"] = max(values)
    results["worker_mb"] = max(sample["workers"] / sample["count"] for sample in samples if sample["count"])
    return results


def watch(samples: list[dict[str, float]], done: threading.Event, every: float) -> None:
    start = time.perf_counter()
    while not done.wait(every):
        samples.append(memory(os.getpid()))
        line = " ".join(f"{name} {value:.0f}" for name, value in samples[-1].items())
        print(f"{time.perf_counter() - start:6.0f} s {line}", flush=True)


def memory(root: int) -> dict[str, float]:
    """Sum the resident megabytes of the process `root`, of the JVM that it started, and of its Python workers.

    `count` is the number of workers with a model or about to load one, without the daemon that forks them.
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
    sums = dict.fromkeys((*PROCESSES, "count"), 0.0)
    for number in parents:
        above = [number]
        while above[-1] in parents and above[-1] != root:
            above.append(parents[above[-1]])
        if above[-1] != root:
            continue
        if number == root:
            sums["driver"] += resident[number]
        elif names[number] == "java":
            sums["jvm"] += resident[number]
        else:
            sums["workers"] += resident[number]
            # driver, java, daemon, worker
            sums["count"] += len(above) >= 4
    return sums


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("page", type=Path)
    parser.add_argument("--job", choices=["read", "pipeline"], default="read")
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--width", type=int, default=400, help="the detector's, in the pipeline")
    parser.add_argument("--every", type=float, default=5, help="seconds between samples")
    parser.add_argument("--driver-memory", default="2g")
    parser.add_argument("--json", type=Path, help="write the results here")
    return parser


if __name__ == "__main__":
    main()
