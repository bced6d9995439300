"""All sessions of a server: opened with their first file, found by their cookie, ended after a time without use."""

from __future__ import annotations

import hmac
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from ocr.demo.limits import BusyError, Limits
from ocr.demo.session import MissingError, Session, Upload

CLIENT_SHARE = 4
"""One client may hold one of so many parts of all sessions, and of all files that are being sent."""


class Sessions:
    """Sessions with their files below `folder`.

    A browser gets the id of its session before the session exists: ids are signed, not stored, so that asking for
    them costs nothing, and files that are sent at the same time come to the same session.
    """

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder = folder
        self.limits = limits
        self._sessions: dict[str, Session] = {}
        self._secret = secrets.token_bytes(32)
        self._arriving: Counter[str] = Counter()
        self._uploads: Counter[str] = Counter()
        """Files that are being sent, by client."""

    def __len__(self) -> int:
        return len(self._sessions)

    def __contains__(self, name: str) -> bool:
        return name in self._sessions

    def new_id(self) -> str:
        """Return the id of a session that may be opened."""
        token = secrets.token_urlsafe(24)
        return f"{token}.{self._sign(token)}"

    def is_id(self, name: str) -> bool:
        """Tell whether `name` is an id of this server."""
        token, _, signature = name.partition(".")
        return hmac.compare_digest(signature.encode(), self._sign(token).encode())

    def find(self, name: str) -> Session:
        """Find a session by its id and mark it as used. Raises MissingError."""
        if name not in self._sessions:
            raise MissingError("there is no such session, or it has ended")
        session = self._sessions[name]
        session.seen = time.monotonic()
        return session

    def open(self, name: str = "", *, client: str = "") -> Session:
        """Open a session under an id, by default a new one, and end another one where there are too many.

        A session that has not been used for `limits.idle_minutes` makes room: the oldest one of this client where
        it holds its share of the sessions, else the oldest one of the client that holds the most.

        Args:
            client: name of the machine that asks; empty for this one, whose sessions have no share of their own.
        Raises:
            BusyError: there are too many sessions, and all of them are in use.
        """
        self.expire()
        held = Counter(session.client for session in self._sessions.values())
        if client and held[client] >= self._share(self.limits.sessions):
            self._make_room([session for session in self._sessions.values() if session.client == client])
        elif len(self._sessions) >= self.limits.sessions:
            self._make_room(self._sessions.values(), held)
        session = Session(self.folder, name or self.new_id(), client=client)
        self._sessions[session.id] = session
        return session

    def _make_room(self, sessions: Iterable[Session], held: Mapping[str, int] | None = None) -> None:
        """End the session that has not been used for longest. Raises BusyError where all of them are in use."""
        before = time.monotonic() - 60 * self.limits.idle_minutes
        idle = [session for session in sessions if session.seen < before]
        if not idle:
            raise BusyError("too many people are using this server; please try again later")
        counts = held or {}
        self.close(min(idle, key=lambda session: (-counts.get(session.client, 0), session.seen)))

    def accept(self, name: str, document: Upload, *, client: str = "") -> Session:
        """Add a document, which lies in a folder of `incoming`, to a session; opens it with its first document.

        Raises:
            LimitError: the document is too much on top of others. BusyError: as `open`.
        """
        held = self._sessions.get(name)
        pages = sum(1 for _ in held.sheets()) if held else 0
        self.limits.check_pages(document.name, held=pages, added=len(document.sheets))
        session = held or self.open(name, client=client)
        document.move(session.folder / document.id)
        documents = [*session.documents.values(), document]
        session.documents = {each.id: each for each in sorted(documents, key=lambda each: each.place)}
        session.seen = time.monotonic()
        return session

    def held_bytes(self, name: str) -> int:
        """Return the size of all files of a session, including those that are being sent."""
        documents = self._sessions[name].documents.values() if name in self._sessions else ()
        return sum(document.size for document in documents) + self._arriving[name]

    @contextmanager
    def incoming(self, name: str, *, client: str = "") -> Iterator[Incoming]:
        """Make room for a file that is being sent to a session; on leaving, what was not moved from it is removed.

        Raises:
            BusyError: too many files are being sent at the same time, to this server or by this client.
        """
        most = 4 * self.limits.sessions
        if self._uploads.total() >= most or (client and self._uploads[client] >= self._share(most)):
            raise BusyError("too many files are being sent to this server; please try again later")
        self._uploads[client] += 1
        incoming = Incoming(self.folder / f"incoming-{secrets.token_hex(8)}", name, self)
        incoming.folder.mkdir()
        try:
            yield incoming
        finally:
            self._uploads[client] -= 1
            if not self._uploads[client]:
                del self._uploads[client]
            self._arriving[name] -= incoming.size
            if not self._arriving[name]:
                del self._arriving[name]
            shutil.rmtree(incoming.folder, ignore_errors=True)

    def close(self, session: Session) -> None:
        """End a session and remove its files, but not the checked lines in the folder of corrections."""
        self._sessions.pop(session.id, None)
        session.documents.clear()
        shutil.rmtree(session.folder, ignore_errors=True)

    def remove(self, session: Session, document: Upload) -> None:
        """Remove a file with all its pages."""
        del session.documents[document.id]
        session.seen = time.monotonic()
        shutil.rmtree(document.path.parent, ignore_errors=True)

    def expire(self) -> None:
        """End the sessions that were not used for `limits.hours`, without any file for `limits.empty_minutes`."""
        now = time.monotonic()
        for session in list(self._sessions.values()):
            seconds = 3600 * self.limits.hours if session.documents else 60 * self.limits.empty_minutes
            if session.seen < now - seconds:
                self.close(session)

    @staticmethod
    def _share(most: int) -> int:
        """Return the part of a highest number that one client may take."""
        return max(1, most // CLIENT_SHARE)

    def _sign(self, token: str) -> str:
        return hmac.new(self._secret, token.encode("utf-8", "replace"), sha256).hexdigest()[:32]


class Incoming:
    """A folder for a file that is being sent; `size` counts its bytes so far."""

    def __init__(self, folder: Path, session: str, sessions: Sessions) -> None:
        self.folder = folder
        self.path = folder / "file"
        self.size = 0
        self._session = session
        self._sessions = sessions

    def grow(self, name: str, added: int) -> None:
        """Count further bytes of the file `name`. Raises LimitError where they are too many."""
        self.check(name, added)
        self.size += added
        self._sessions._arriving[self._session] += added

    def check(self, name: str, added: int) -> None:
        """Raise LimitError where `added` further bytes are too many."""
        others = self._sessions.held_bytes(self._session) - self.size
        self._sessions.limits.check_bytes(name, held=others, added=self.size + added)
