"""Executors of their own, as on a cluster: what they are given, and what their death costs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.dataset as ds
import pytest
from PIL import Image

pyspark = pytest.importorskip("pyspark", reason="the extra `spark` is not installed")


FILES = 12


@pytest.fixture(scope="module")
def job(tmp_path_factory, tiny_recognizer) -> dict:
    """What the job of cluster.py printed, and the rows that it wrote."""
    if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
        pytest.skip("there is no Java: Spark needs version 17 or later")
    if not Path("/proc/self/status").exists():
        pytest.skip("the executor is found by way of /proc")
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "scans").mkdir()
    for number in range(FILES):
        Image.new("L", (30, 16), 200).save(folder / "scans" / f"{number}.png")
    discovery = folder / "gpus.sh"
    discovery.write_text("""#!/bin/sh\necho '{"name": "gpu", "addresses": ["3"]}'\n""")
    discovery.chmod(0o755)
    # Spark's own folder with links, as executors write their logs and files beside it.
    home = folder / "spark"
    home.mkdir()
    for part in Path(pyspark.__file__).parent.iterdir():
        (home / part.name).symlink_to(part)
    bundle = shutil.copytree(tiny_recognizer, folder / "bundle")
    paths = [folder / "scans", folder / "texts", bundle, folder / "killed", discovery]
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("cluster.py"), *paths],
        env=os.environ | {"SPARK_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "CoarseGrainedExecutorBackend" in (folder / "killed").read_text()
    rows = ds.dataset(folder / "texts", format="parquet").to_table().to_pylist()
    return json.loads(done.stdout.splitlines()[-1]) | {"rows": rows}


def test_a_killed_executor_loses_and_doubles_nothing(job):
    assert job["files"] == FILES
    names = [row["path"].rsplit("/", 1)[-1] for row in job["rows"]]
    assert sorted(names) == sorted(f"{number}.png" for number in range(FILES))


def test_a_bundle_that_is_not_on_the_executors_travels_with_the_job(job):
    assert {(row["text"], row["exception"]) for row in job["rows"]} == {("a", None)}


def test_a_task_runs_on_the_gpu_that_spark_gave_it(job):
    assert [seen["device"] for seen in job["seen"]] == ["cuda:3"] * 2


def test_a_worker_uses_as_many_threads_as_its_task_has_cores(job):
    assert [(seen["torch"], seen["cv2"]) for seen in job["seen"]] == [(2, 2)] * 2
