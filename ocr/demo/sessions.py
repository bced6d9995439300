"""All sessions of a server: created, found by the value of their cookie, and ended after a time without use."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from ocr.demo.limits import LimitError, Limits
from ocr.demo.session import MissingError, Session, Upload


class Sessions:
    """Sessions with their files below `folder`."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder = folder
        self.limits = limits
        self._sessions: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def __contains__(self, name: str) -> bool:
        return name in self._sessions

    def find(self, name: str) -> Session:
        """Find a session by its id and mark it as used. Raises MissingError."""
        if name not in self._sessions:
            raise MissingError("there is no such session, or it has ended")
        session = self._sessions[name]
        session.seen = time.monotonic()
        return session

    def open(self) -> Session:
        """Open a new session. Raises LimitError if the highest number is reached."""
        self.expire()
        if len(self._sessions) >= self.limits.sessions:
            raise LimitError("too many people are using this server; please try again later")
        session = Session(self.folder)
        self._sessions[session.id] = session
        return session

    def close(self, session: Session) -> None:
        """End a session and remove its files, but not the checked lines in the folder of corrections."""
        self._sessions.pop(session.id, None)
        session.documents.clear()
        shutil.rmtree(session.folder, ignore_errors=True)

    def remove(self, session: Session, document: Upload) -> None:
        """Remove a file with all its pages."""
        del session.documents[document.id]
        session.held_bytes -= document.size
        shutil.rmtree(document.path.parent, ignore_errors=True)

    def expire(self) -> None:
        """End the sessions that were not used for `limits.hours`."""
        latest = time.monotonic() - self.limits.hours * 3600
        for session in [each for each in self._sessions.values() if each.seen < latest]:
            self.close(session)
