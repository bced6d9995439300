"""Temporary folder of a server; those of servers that were killed are removed by the next one."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:
    fcntl = None

PREFIX = "ocr-demo-"

LOCK = ".lock"
"""File in the folder that its server keeps locked; the system releases the lock of a process that died."""


@contextmanager
def server_folder() -> Iterator[Path]:
    """Create the folder of a server; on leaving, it is removed. Raises OSError."""
    remove_stale(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
        part = Path(name, f"{LOCK}.part")
        with open(part, "xb") as lock:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX)
                # It has its name when it is locked: another server never meets it free.
                part.rename(Path(name, LOCK))
            yield Path(name)


def remove_stale(parent: Path) -> None:
    """Remove the folders of servers of this user that are no longer running; does nothing without `fcntl`."""
    if fcntl is None:
        return
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            status = folder.lstat()
            # Others may put anything into a temporary folder, under any name.
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
                continue
            # Without a lock file, the folder is that of a server that is just starting.
            handle = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)
