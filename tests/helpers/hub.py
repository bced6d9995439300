"""A stand-in for the Hugging Face hub: the part of its HTTP interface that bundles need, on this machine."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote


@dataclass
class Repository:
    """Commits, each with its files by path, and what branches and tags point to."""

    private: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def commit(self, files: dict[str, bytes], message: str = "") -> str:
        """Add a commit to the main branch that changes some files."""
        merged = self.commits.get(self.names.get("main", ""), {}) | files
        oid = hashlib.sha1(repr((len(self.commits), sorted(merged.items()))).encode()).hexdigest()
        self.commits[oid], self.names["main"] = merged, oid
        self.messages.append(message)
        return oid


class HubServer(ThreadingHTTPServer):
    """Repositories by name, served on a free port; `requests` holds the lines of all requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, Repository] = {}
        self.requests: list[str] = []
        self.writable = True

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self):
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return super().__enter__()

    def __exit__(self, *_):
        self.shutdown()
        super().__exit__()


class _Handler(BaseHTTPRequestHandler):
    server: HubServer

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def find(self, name, revision):
        """The repository and the commit of a revision; answers itself where there are none."""
        repository = self.server.repositories.get(name)
        if repository is None:
            self.answer(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
            return None, None
        oid = repository.names.get(revision, revision)
        if oid not in repository.commits:
            self.answer(404, {"error": "Invalid rev id"}, X_Error_Code="RevisionNotFound")
            return None, None
        return repository, oid

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.server.requests.append(f"{self.command} {self.path}")
        parts = unquote(self.path.partition("?")[0]).strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            name, revision = "/".join(parts[2:4]), parts[5] if len(parts) > 5 else "main"
            repository, oid = self.find(name, revision)
            if oid is None:
                return
            files = repository.commits[oid]
            if parts[4:5] == ["tree"]:
                rows = [
                    {"type": "file", "path": p, "size": len(c), "oid": git_oid(c)} for p, c in files.items()
                ]
                self.answer(200, rows, Content_Type="application/json")
                return
            siblings = [{"rfilename": path} for path in files]
            self.answer(200, {"id": name, "sha": oid, "private": repository.private, "siblings": siblings})
            return
        if parts[2:3] != ["resolve"]:
            self.answer(404, {"error": "unknown"})
            return
        name, revision, path = "/".join(parts[:2]), parts[3], "/".join(parts[4:])
        repository, oid = self.find(name, revision)
        if oid is None:
            return
        content = repository.commits[oid].get(path)
        if content is None:
            self.answer(404, {"error": "Entry not found"}, X_Error_Code="EntryNotFound")
            return
        self.answer(200, content, ETag=f'"{git_oid(content)}"', X_Repo_Commit=oid)

    def do_POST(self):
        self.server.requests.append(f"{self.command} {self.path}")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self.server.writable:
            self.answer(403, {"error": "You don't have the rights to create a model"})
            return
        parts = unquote(self.path.partition("?")[0]).strip("/").split("/")
        if parts[:3] == ["api", "repos", "create"]:
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else asked["name"]
            if name in self.server.repositories:
                self.answer(409, {"error": "exists", "url": f"{self.server.address}/{name}"})
                return
            self.server.repositories[name] = Repository(private=asked.get("private") or False)
            self.server.repositories[name].commit({})
            self.answer(200, {"url": f"{self.server.address}/{name}", "name": name, "id": "1"})
            return
        if parts == ["api", "validate-yaml"]:
            self.answer(200, {"errors": [], "warnings": []})
            return
        repository = self.server.repositories["/".join(parts[2:4])]
        if parts[4] == "preupload":
            files = [{"path": f["path"], "uploadMode": "regular"} for f in json.loads(body)["files"]]
            self.answer(200, {"files": [file | {"shouldIgnore": False} for file in files]})
        elif parts[4] == "commit":
            head, *rows = [json.loads(line) for line in body.splitlines()]
            files = {row["value"]["path"]: base64.b64decode(row["value"]["content"]) for row in rows}
            oid = repository.commit(files, head["value"]["summary"])
            url = f"{self.server.address}/{'/'.join(parts[2:4])}/commit/{oid}"
            self.answer(200, {"success": True, "commitOid": oid, "commitUrl": url, "hookOutput": ""})
        elif parts[4] == "tag":
            repository.names[json.loads(body)["tag"]] = parts[5]
            self.answer(200, {})
        else:
            self.answer(404, {"error": "unknown"})


def git_oid(content: bytes) -> str:
    """The hub's ETag of a small file: its name in git."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
