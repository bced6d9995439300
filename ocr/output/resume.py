"""Log of completely read sources in the output folder, by which an interrupted run is resumed."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from ocr.inference.inputs import Source

FILE = ".finished.jsonl"
"""Name of the log in the output folder, one line per source; without it, everything is read again."""


class ResumeLog:
    """Sources whose results, of the wanted `pages` (None: all) and in all `formats`, are complete in `folder`.

    A file is read again if its size or time has changed, for other formats or pages, or in another layout; a change
    of the models has no effect.

    Args:
        layout: whatever else distinguishes the files, such as `["split"]`.
    """

    def __init__(
        self, folder: Path, formats: Sequence[str], pages: str | None, *, layout: Sequence[str] = ()
    ) -> None:
        self.path = folder / FILE
        self.wanted = [sorted(formats), pages, *layout]
        # A last line that was cut off matches no source.
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
        """Log a source as complete. Raises OSError if the log cannot be written."""
        if isinstance(source.origin, Path) and os.path.isfile(source.origin):
            with open(self.path, "a", encoding="ascii") as file:
                # Starts on a new line, as the last one may have been cut off.
                file.write(f"\n{self._line(source)}\n")

    def _line(self, source: Source) -> str:
        state = os.stat(source.origin)
        return json.dumps(
            [str(source.name), str(source.origin), state.st_size, state.st_mtime_ns, *self.wanted]
        )
