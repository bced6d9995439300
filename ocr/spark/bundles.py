"""Distribution of models to workers: by name where they ship with the package, else as an archive with the job."""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from pyspark.sql import SparkSession

from ocr.bundle import WEIGHTS, resolve
from ocr.bundle.files import CHECKSUM, DESCRIPTION, WEIGHTS_FILE, read_weights, weights_file
from ocr.bundle.schema import read_description
from ocr.spark.worker import ARCHIVED


def ship(bundle: str, session: SparkSession) -> str:
    """Make a bundle available to the workers; returns its name for `ocr.spark.worker.find_bundle`.

    Raises:
        BundleError: it is neither a shipped name nor a folder with a bundle.
    """
    folder = resolve(bundle)
    if folder.parent == WEIGHTS:
        return bundle
    description = (folder / DESCRIPTION).read_bytes()
    weights = read_weights(folder, read_description(folder).get(CHECKSUM))
    digest = hashlib.sha256(description + weights).hexdigest()[:16]
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
        checksum = read_description(Path(folder)).get(CHECKSUM)
        file.write(Path(folder) / DESCRIPTION, DESCRIPTION)
        file.write(weights_file(Path(folder), checksum), WEIGHTS_FILE)
    SparkSession.active().sparkContext.addArchive(f"{archive}#{name}")
