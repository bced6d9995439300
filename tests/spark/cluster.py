"""A job on a cluster of two executors on this machine, of which one is killed: run by test_cluster.py.

    python tests/spark/cluster.py SCANS OUTPUT BUNDLE MARKER DISCOVERY

Prints what the executors' workers saw, as JSON. BUNDLE is deleted before anything is read.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyspark.sql import SparkSession

from ocr.spark import read
from ocr.spark.read import ReadOptions, ReadPages, read_missing

SCANS, OUTPUT, BUNDLE, MARKER, DISCOVERY = sys.argv[1:]
SETTINGS = {
    "spark.driver.memory": "512m",
    "spark.executor.memory": "512m",
    "spark.log.level": "ERROR",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.task.cpus": "2",
    "spark.worker.resource.gpu.amount": "1",
    "spark.worker.resource.gpu.discoveryScript": DISCOVERY,
    "spark.executor.resource.gpu.amount": "1",
    "spark.task.resource.gpu.amount": "1",
    # Tasks of a few files, so that both executors have some.
    "spark.sql.files.maxPartitionBytes": "16m",
}


class Dying(ReadPages):
    """Reads as `ReadPages` does, but the executor is killed, once, with a task half done."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for number, batch in enumerate(super().__call__(batches)):
            if number == 2 and not Path(MARKER).exists():
                executor = parent(os.getppid())
                Path(MARKER).write_bytes(Path(f"/proc/{executor}/cmdline").read_bytes())
                os.kill(executor, signal.SIGKILL)
            yield batch


def parent(process: int) -> int:
    """The executor is the parent of the daemon that forks Python workers."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("PPid:")[1].split()[0])


def look(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """What a worker would use."""
    import cv2
    import torch

    from ocr.spark.worker import limit_threads, task_device

    for _ in batches:
        pass
    limit_threads()
    seen = {"device": task_device(True), "torch": torch.get_num_threads(), "cv2": cv2.getNumThreads()}
    yield pa.RecordBatch.from_pylist([{"seen": json.dumps(seen)}])


def main() -> None:
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local-cluster[2,2,1024]")
    for key, value in SETTINGS.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    seen = session.range(2).repartition(2).mapInArrow(look, "seen string").collect()
    read.ReadPages = Dying
    ship = read.ship

    def ship_and_delete(bundle: str, session: SparkSession) -> str:
        name = ship(bundle, session)
        shutil.rmtree(bundle)
        return name

    read.ship = ship_and_delete
    options = ReadOptions(recognizer=BUNDLE, detector=None)
    # One commit: the bundle is gone after its first shipment.
    steps = list(read_missing(session, SCANS, OUTPUT, options, commit_every=100))
    print(json.dumps({"seen": [json.loads(row.seen) for row in seen], "files": sum(s.files for s in steps)}))
    session.stop()


if __name__ == "__main__":
    main()
