"""The two files of a bundle on disk, written so that no reader and no crash ever meets a mixed pair.

`bundle.json` names its weights by their SHA-256. New weights are written as `model-DIGEST.safetensors` first, then
`bundle.json` is replaced in one step, then the weights are renamed to `model.safetensors`. A reader takes
`model-DIGEST.safetensors` where it exists and else `model.safetensors`, so that each of the three moments shows a
whole bundle: the old one before the second step, the new one after it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from ocr.errors import BundleError

DESCRIPTION = "bundle.json"
WEIGHTS_FILE = "model.safetensors"
CHECKSUM = "weights_sha256"
"""Key of `bundle.json`; bundles of version 0.3 and earlier lack it, and their weights are not checked."""


def weights_file(folder: Path, digest: str | None) -> Path:
    """Return the file with the weights of a bundle whose `bundle.json` holds `digest`.

    Raises:
        BundleError: the digest is none; as a part of a path, it could be too long, or lead elsewhere.
    """
    if digest and not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise BundleError(f"{folder / DESCRIPTION}: {CHECKSUM} is not a SHA-256 in hexadecimal digits")
    staged = folder / f"model-{digest}.safetensors"
    return staged if digest and staged.is_file() else folder / WEIGHTS_FILE


def read_weights(folder: Path, digest: str | None) -> bytes:
    """Read the weights of a bundle; with a digest, only those that it belongs to.

    Raises:
        BundleError: unreadable, damaged, or the digest is none.
    """
    path = weights_file(folder, digest)
    try:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            # Another process has just renamed it.
            content = (folder / WEIGHTS_FILE).read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror})") from error
    if digest and hashlib.sha256(content).hexdigest() != digest:
        raise BundleError(f"{path}: damaged, its SHA-256 is not the one in {DESCRIPTION}")
    return content


def write_bundle(folder: Path, description: dict[str, Any], weights: bytes) -> None:
    """Write or replace a bundle. Raises BundleError where the disk refuses it; an old bundle then stays whole."""
    digest = hashlib.sha256(weights).hexdigest()
    staged = folder / f"model-{digest}.safetensors"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_file(staged, weights)
        write_description(folder, description | {CHECKSUM: digest})
        os.replace(staged, folder / WEIGHTS_FILE)
        for left in (*folder.glob("model-*.safetensors"), *folder.glob(".*.tmp")):
            left.unlink(missing_ok=True)
        _sync_folder(folder)
    except OSError as error:
        raise BundleError(f"{folder}: cannot be written ({error.strerror})") from error


def write_description(folder: Path, description: dict[str, Any]) -> None:
    """Replace `bundle.json` in one step. Raises OSError."""
    text = json.dumps(description, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_file(folder / DESCRIPTION, text.encode("utf-8"))


def write_file(path: Path, content: bytes) -> None:
    """Write or replace a file in one step, on disk before the name is; its mode follows the umask. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Put the names of a folder on disk, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
