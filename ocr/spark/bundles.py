"""Distribution of models to workers: by name where they ship with the package, else as an archive with the job."""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from pyspark.sql import SparkSession

from ocr.bundle import WEIGHTS, resolve
from ocr.spark.worker import ARCHIVED

FILES = ("bundle.json", "model.safetensors")


def ship(bundle: str, session: SparkSession) -> str:
    """Make a bundle available to the workers; returns its name for `ocr.spark.worker.find_bundle`.

    Raises:
        BundleError: it is neither a shipped name nor a folder with a bundle.
    """
    folder = resolve(bundle)
    if folder.parent == WEIGHTS:
        return bundle
    digest = hashlib.sha256(b"".join((folder / name).read_bytes() for name in FILES)).hexdigest()[:16]
    name = f"ocr-bundle-{digest}"
    _add(session.sparkContext.applicationId, str(folder), name)
    return ARCHIVED + name


@cache
def _temporary() -> tempfile.TemporaryDirectory:
    """Folder of archives, kept as long as this process, which serves them to later executors."""
    return tempfile.TemporaryDirectory(prefix="ocr-spark-")


@cache
def _add(application: str, folder: str, name: str) -> None:
    """Add a bundle to the job, once per application and content."""
    archive = Path(_temporary().name) / f"{application}-{name}.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for member in FILES:
            file.write(Path(folder) / member, member)
    SparkSession.active().sparkContext.addArchive(f"{archive}#{name}")
