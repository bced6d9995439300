"""Bundles of the Hugging Face hub: `USER/NAME`, or `USER/NAME@REVISION`, where names and folders are expected.

Files are kept in the cache of `huggingface_hub` (the extra `hub`), whose own settings hold: `HF_HOME` is its folder,
`HF_ENDPOINT` another server, `HF_HUB_OFFLINE=1` forbids the network. A revision is a branch, a tag, or a commit; the
commit of a branch changes, and that of a tag may.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from tqdm import tqdm

from ocr.bundle.files import CHECKSUM, DESCRIPTION, WEIGHTS_FILE
from ocr.bundle.schema import read_description
from ocr.errors import BundleError, ConfigError

CARD = "README.md"
FILES = (DESCRIPTION, WEIGHTS_FILE, CARD)
"""Files of a repository that are downloaded; others of it are not."""

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_NAME = re.compile(rf"({_PART}/{_PART})(?:@([A-Za-z0-9][\w./-]*))?")


@dataclass(frozen=True)
class HubName:
    """Name of a bundle on the hub: `repository`, as `USER/NAME`, and a revision, None for the main branch."""

    repository: str
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> HubName | None:
        """Read `USER/NAME` or `USER/NAME@REVISION`; None for anything else."""
        found = _NAME.fullmatch(text)
        return None if found is None else cls(found[1], found[2])

    def __str__(self) -> str:
        return self.repository if self.revision is None else f"{self.repository}@{self.revision}"


def fetch(name: HubName) -> Path:
    """Download a bundle, or take it from the cache where nothing has changed or nothing can be reached.

    Returns:
        A folder of the cache. It must not be written to.
    Raises:
        BundleError: no such repository or revision, no bundle in it, or neither the hub nor a copy can be reached.
        ConfigError: `huggingface_hub` is not installed.
    """
    hub = _library(str(name))
    with _one_line(hub, name):
        folder = hub.snapshot_download(
            name.repository,
            revision=name.revision,
            allow_patterns=list(FILES),
            endpoint=os.environ.get("HF_ENDPOINT"),
            library_name="handwriting-reader",
            tqdm_class=_Progress,
        )
    folder = Path(folder)
    missing = [file for file in (DESCRIPTION, WEIGHTS_FILE) if not (folder / file).is_file()]
    if missing:
        raise BundleError(f"{name}: not a bundle, the repository has no {' and no '.join(missing)}")
    if CHECKSUM not in read_description(folder):
        raise BundleError(f"{name}: its {DESCRIPTION} has no SHA-256 of the weights; `ocr push` adds it")
    return folder


def upload(
    name: HubName, files: Mapping[str, bytes | Path], *, private: bool, message: str, tag: str | None = None
) -> str:
    """Write files into a repository in one commit; the repository is made where it does not exist.

    Args:
        files: bytes or files by their path in the repository. private: of a new repository. tag: name for the commit.
    Returns:
        The commit.
    Raises:
        BundleError: it may not be written to, or the hub cannot be reached. ConfigError: no `huggingface_hub`.
    """
    hub = _library(str(name))
    api = hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT"), library_name="handwriting-reader")
    with _one_line(hub, name):
        api.create_repo(name.repository, private=private, exist_ok=True)
        operations = [
            hub.CommitOperationAdd(path, content if isinstance(content, bytes) else str(content))
            for path, content in files.items()
        ]
        commit = api.create_commit(
            name.repository, operations, commit_message=message, revision=name.revision
        )
        if tag is not None:
            api.create_tag(name.repository, tag=tag, revision=commit.oid)
    return commit.oid


class _Progress(tqdm):
    """Progress of a download, on a terminal alone."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options | {"disable": None})


def _library(name: str) -> ModuleType:
    """Import `huggingface_hub`, which takes a third of a second and is needed for bundles of the hub alone."""
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError as error:
        raise ConfigError(
            f"{name}: the hub needs huggingface_hub, which comes with the extra `hub`"
        ) from error
    return huggingface_hub


@contextmanager
def _one_line(hub: ModuleType, name: HubName) -> Iterator[None]:
    """Raise each failure of the hub's client as a BundleError of one line."""
    errors = hub.errors
    try:
        yield
    except errors.GatedRepoError as error:
        raise BundleError(
            f"{name}: access has to be asked for on its page, then log in by `hf auth login`"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise BundleError(
            f"{name}: no such repository, or a private one (`hf auth login` logs in)"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise BundleError(f"{name}: the repository has no such revision") from error
    except (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError) as error:
        raise BundleError(f"{name}: not in the cache, and the hub cannot be reached") from error
    except (errors.HFValidationError, errors.HTTPError, OSError) as error:
        raise BundleError(f"{name}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """Take the message of the hub out of an error, else the first line of it."""
    message = getattr(error, "server_message", None) or str(error) or type(error).__name__
    response = getattr(error, "response", None)
    status = "" if response is None else f"the hub says {response.status_code}: "
    return status + " ".join(message.split())[:300]
