"""Which sources were read completely, kept beside the results, so that an interrupted run can go on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from ocr.inference.inputs import Source

FILE = ".finished.jsonl"
"""In the output folder; a line a source. Without it everything is read again."""


class ResumeLog:
    """The sources of which `folder` holds the results of the wanted `pages` (None: all) in all `formats`.

    A file whose size or time has changed since is to be read again, as is one in other formats or of other pages.
    What it was read with, by which models, does not count.
    """

    def __init__(self, folder: Path, formats: Sequence[str], pages: str | None) -> None:
        self.path = folder / FILE
        self.wanted = [sorted(formats), pages]
        # A last line that was cut off is no source's.
        self.lines = (
            set(self.path.read_text(encoding="ascii", errors="replace").split("\n"))
            if self.path.exists()
            else set()
        )

    def __contains__(self, source: Source) -> bool:
        return (
            isinstance(source.origin, Path)
            and os.path.isfile(source.origin)
            and self._line(source) in self.lines
        )

    def add(self, source: Source) -> None:
        """Raises OSError if it cannot be noted."""
        if isinstance(source.origin, Path) and os.path.isfile(source.origin):
            with open(self.path, "a", encoding="ascii") as file:
                # Begun anew, should the last line have been cut off.
                file.write(f"\n{self._line(source)}\n")

    def _line(self, source: Source) -> str:
        state = os.stat(source.origin)
        return json.dumps(
            [str(source.name), str(source.origin), state.st_size, state.st_mtime_ns, *self.wanted]
        )
