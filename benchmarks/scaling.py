"""Cost of ten million pages on a cluster, estimated from measurements on one machine: the tables of docs/scaling.md.

    uv run python benchmarks/scaling.py speed.json memory.json --machines 64 --cores 16 --price 0.04

The JSON files are those of benchmarks/spark_speed.py and benchmarks/spark_memory.py. The model is explained in
docs/scaling.md. Prices are the reader's: `--price` is of a vCPU for an hour, `--gpu-price` of a machine with a GPU.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path

FILES_A_CORE = 128
"""Files per core between commits: `ocr.spark.read.FILES_A_CORE`."""

TASK_BYTES, OPEN_BYTES = 32 * 2**20, 4 * 2**20
"""Size of a task, and the cost of opening a file in Spark's count: maxPartitionBytes and openCostInBytes."""

BEGIN, END = "<!-- tables -->", "<!-- /tables -->"

PACKED_TASK_BYTES, PACKED_TASKS = 8 * 2**20, 10
"""Size of a task over packed files, and tasks per core between commits, as set in docs/scaling.md."""

UNITS = (("days", 86400.0), ("h", 3600.0), ("min", 60.0))


@dataclass(frozen=True)
class Cluster:
    """`machines` of `cores` each."""

    machines: int
    cores: int

    @property
    def total(self) -> int:
        return self.machines * self.cores


@dataclass(frozen=True)
class Measured:
    """Measured values; seconds are of wall time."""

    core_seconds: float
    """Time of one core for one page."""
    page_bytes: float
    start_seconds: float
    list_seconds: float
    """Time of the driver for one file, before anything is read."""
    plan_seconds: float
    """Time of the driver for one file, before the tasks of its commit start."""
    heap_bytes: float
    worker_mb: float
    jvm_mb: float

    @classmethod
    def load(cls, values: dict) -> Measured:
        cores = max(int(name.split("_")[-2]) for name in values if name.startswith("read_pages_per_second_"))
        return cls(
            core_seconds=cores / values[f"read_pages_per_second_{cores}_cores"],
            page_bytes=values["page_bytes"],
            start_seconds=values["worker_start_seconds"],
            list_seconds=values["list_seconds_per_file"],
            plan_seconds=values["plan_seconds_per_file"],
            heap_bytes=values["list_heap_bytes_per_file"],
            worker_mb=values["worker_mb"],
            jvm_mb=values["jvm_peak_mb"],
        )


@dataclass(frozen=True)
class Job:
    """Time and cost of reading `pages` files of one page each."""

    measured: Measured
    cluster: Cluster
    pages: float
    packed: bool
    """True for pages in Parquet files of 128 MB instead of separate files."""

    @property
    def files(self) -> float:
        """Number of files that the driver has to list."""
        return self.pages * (self.measured.page_bytes / 2**27 if self.packed else 1)

    @property
    def task_pages(self) -> float:
        size = self.measured.page_bytes
        return max(PACKED_TASK_BYTES / size if self.packed else TASK_BYTES / (size + OPEN_BYTES), 1)

    @property
    def pages_a_core(self) -> float:
        """Pages per core between commits."""
        return PACKED_TASKS * self.task_pages if self.packed else FILES_A_CORE

    @property
    def list_seconds(self) -> float:
        return self.files * self.measured.list_seconds

    @property
    def commit_seconds(self) -> float:
        """Seconds between commits: planning by the driver, the tasks, and half a task of waiting for the last one."""
        plan = self.measured.plan_seconds * self.files / self.pages * self.pages_a_core * self.cluster.total
        return plan + (self.pages_a_core + self.task_pages / 2) * self.measured.core_seconds

    @property
    def seconds(self) -> float:
        commits = math.ceil(self.pages / (self.pages_a_core * self.cluster.total))
        return self.list_seconds + self.measured.start_seconds + commits * self.commit_seconds

    @property
    def core_hours(self) -> float:
        """Paid hours, including those of waiting cores."""
        return self.seconds * self.cluster.total / 3600

    @property
    def busy(self) -> float:
        """Share of the paid time in which pages are read."""
        return self.pages * self.measured.core_seconds / 3600 / self.core_hours


def main() -> None:
    options = _parser().parse_args()
    values: dict = {}
    for file in options.measurements:
        values |= json.loads(file.read_text(encoding="utf-8"))
    measured = Measured.load(values)
    cluster = Cluster(options.machines, options.cores)
    tables = [
        measurements(values),
        jobs(measured, cluster, options.pages, options.price),
        needs(measured, cluster),
        gpu(measured, options),
    ]
    text = "\n\n".join(tables)
    print(text)
    if options.write is not None:
        page = options.write.read_text(encoding="utf-8")
        before, rest = page.split(BEGIN)
        options.write.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def measurements(values: dict) -> str:
    rows = [f"| `{name}` | {_number(value)} |" for name, value in values.items()]
    return "\n".join(["| measured | |", "|---|---|", *rows])


def jobs(measured: Measured, cluster: Cluster, pages: list[float], price: float) -> str:
    head = (
        f"| on {cluster.machines} machines of {cluster.cores} vCPUs | listing | a commit | all "
        f"| vCPU-hours | of them reading | at {price:g} a vCPU-hour | a million pages |"
    )
    rows = []
    for count in pages:
        for packed in (False, True):
            job = Job(measured, cluster, count, packed)
            cost = job.core_hours * price
            rows.append(
                f"| {count:,.0f} pages, {'packed' if packed else 'a file each'} | {duration(job.list_seconds)} "
                f"| {duration(job.commit_seconds)} | {duration(job.seconds)} | {job.core_hours:,.0f} "
                f"| {100 * job.busy:.0f} % | {cost:,.0f} | {cost * 1e6 / count:,.2f} |"
            )
    return "\n".join([head, "|---|---|---|---|---|---|---|---|", *rows])


def needs(measured: Measured, cluster: Cluster) -> str:
    """List the memory and bandwidth that machines need."""
    memory = (cluster.cores * measured.worker_mb + measured.jvm_mb) / 1024
    rate = cluster.cores / measured.core_seconds * measured.page_bytes / 1e6
    heap = measured.heap_bytes * 1e7 / 2**30
    rows = [
        f"| memory of a machine: {cluster.cores} workers of {measured.worker_mb:.0f} MB and Java | {memory:.0f} GB |",
        f"| what a machine reads from storage | {rate:.2g} MB/s |",
        f"| what the cluster reads from storage | {rate * cluster.machines:.2g} MB/s |",
        f"| Java memory of the driver for its list of 10 million files | {heap:.1f} GB |",
    ]
    return "\n".join(["| needed | |", "|---|---|", *rows])


def gpu(measured: Measured, options: argparse.Namespace) -> str:
    """From which speed on a GPU is cheaper than CPUs; an estimate of the job where that speed is given."""
    page = measured.core_seconds / 3600 * options.price
    least = options.gpu_price / 3600 / page
    text = (
        f"A machine with a GPU at {options.gpu_price:g} an hour is cheaper than vCPUs at {options.price:g} "
        f"from {least:.2g} pages a second on."
    )
    if options.gpu_pages_per_second is None:
        return text
    hours = options.pages[0] / options.gpu_pages_per_second / 3600
    return (
        f"{text}\nEstimate, not measured: at {options.gpu_pages_per_second:g} pages a second {options.pages[0]:,.0f} "
        f"pages are {hours:,.0f} GPU-hours, {hours * options.gpu_price:,.0f}."
    )


def duration(seconds: float) -> str:
    for unit, length in UNITS:
        if seconds >= 2 * length:
            return f"{seconds / length:,.1f} {unit}"
    return f"{seconds:.2g} s"


def _number(value: float | int | str) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("measurements", nargs="+", type=Path)
    parser.add_argument("--pages", nargs="+", type=float, default=[1e7, 1e9])
    parser.add_argument("--machines", type=int, default=64)
    parser.add_argument("--cores", type=int, default=16, help="vCPUs of a machine")
    parser.add_argument("--price", type=float, default=0.04, help="of a vCPU for an hour")
    parser.add_argument("--gpu-price", type=float, default=2.0, help="of a machine with a GPU for an hour")
    parser.add_argument("--gpu-pages-per-second", type=float, help="measured by you")
    parser.add_argument(
        "--write", type=Path, help=f"a page to put the tables into, between {BEGIN} and {END}"
    )
    return parser


if __name__ == "__main__":
    main()
