"""docs/scaling.md: its program, and the arithmetic behind its tables."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("pyspark", reason="the extra `spark` is not installed")

from ocr.spark.read import ReadOptions

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "scaling.md"
MEASURED = {
    "read_pages_per_second_1_cores": 0.4,
    "read_pages_per_second_2_cores": 1.0,
    "page_bytes": 2**20,
    "worker_start_seconds": 10.0,
    "list_seconds_per_file": 0.001,
    "plan_seconds_per_file": 0.0005,
    "list_heap_bytes_per_file": 1000.0,
    "worker_mb": 600.0,
    "jvm_peak_mb": 1024.0,
}


@pytest.fixture
def settings_restored(spark):
    """The guide's program sets what other tests do not expect."""
    before = dict(spark.conf.getAll)
    yield
    for key in ("spark.sql.files.maxPartitionBytes", "spark.sql.files.openCostInBytes"):
        spark.conf.set(key, before[key]) if key in before else spark.conf.unset(key)


@pytest.mark.usefixtures("settings_restored")
def test_packed_scans_are_read_once_as_a_stream(spark, tiny_recognizer, tmp_path):
    """The guide's program, with a small model, and again after more has come."""
    stream = io.BytesIO()
    Image.new("L", (30, 16), 200).save(stream, format="PNG")
    pack, read = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    names = {"spark": spark, "PACKED": str(tmp_path / "packed"), "TEXTS": str(tmp_path / "texts")}
    names["options"] = ReadOptions(recognizer=str(tiny_recognizer), detector=None)
    expected = set()
    for number in (1, 2):
        scans = tmp_path / f"scans{number}" / "deep"
        scans.mkdir(parents=True)
        for letter in "ab":
            (scans / f"{letter}{number}.png").write_bytes(stream.getvalue())
            expected.add((f"{letter}{number}.png", "a"))
        names["SCANS"] = str(scans.parent)
        exec(pack, names)
        exec(read.replace("ReadOptions()", "options"), names)
        rows = spark.read.parquet(names["TEXTS"]).collect()
        assert len(rows) == len(expected)
        assert {(row.path.rsplit("/", 1)[-1], row.text) for row in rows} == expected


@pytest.fixture(scope="module")
def scaling():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "benchmarks")
        import scaling

    return scaling


def test_a_job_takes_what_its_parts_take(scaling):
    job = scaling.Job(scaling.Measured.load(MEASURED), scaling.Cluster(2, 5), 12800, packed=False)
    assert job.list_seconds == pytest.approx(12.8)
    # 1280 files are looked up; a core reads 128 pages of 2 seconds, and waits for half a task of 32 / (4 + 1) pages.
    assert job.commit_seconds == pytest.approx(0.64 + (128 + 3.2) * 2)
    assert job.seconds == pytest.approx(12.8 + 10 + 10 * job.commit_seconds)
    assert job.core_hours == pytest.approx(job.seconds * 10 / 3600)
    assert job.busy == pytest.approx(12800 * 2 / (job.seconds * 10))


def test_packing_saves_the_drivers_time_alone(scaling):
    measured = scaling.Measured.load(MEASURED)
    loose, packed = (scaling.Job(measured, scaling.Cluster(64, 16), 1e7, flag) for flag in (False, True))
    assert packed.files == loose.files / 128, "a page is 1 MB, a packed file 128"
    assert loose.busy < packed.busy < 1


def test_the_tables_are_put_into_the_page(tmp_path):
    (tmp_path / "measured.json").write_text(json.dumps(MEASURED))
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- tables -->\nold\n<!-- /tables -->\nafter\n")
    command = [
        sys.executable,
        ROOT / "benchmarks" / "scaling.py",
        tmp_path / "measured.json",
        "--write",
        page,
    ]
    printed = subprocess.run(
        [*command, "--pages", "1e7", "--price", "0.1", "--gpu-pages-per-second", "20"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert page.read_text() == f"before\n<!-- tables -->\n{printed}<!-- /tables -->\nafter\n"
    assert "old" not in page.read_text() and "10,000,000 pages, packed" in printed
    assert "Estimate, not measured: at 20 pages a second" in printed
