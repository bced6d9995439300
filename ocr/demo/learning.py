"""Endpoints for checked lines as training data: counting them, downloading them, and adapting the recognizer."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ocr.demo.adapting import Adapting
from ocr.demo.corrections import collect, count_session
from ocr.demo.requests import attachment, json_of, scratch, session_of, session_or_none, shared_of
from ocr.errors import OcrError


async def show_corrections(request: Request) -> Response:
    """Send the number of checked lines, the command that trains on them, and the folder in which they are kept."""
    shared = shared_of(request)
    if shared.corrections is None or shared.public:
        found = count_session(session_or_none(request))
    else:
        found = await shared.worker.short(shared.counts.count)
    folder = "" if shared.corrections is None else str(shared.corrections)
    return JSONResponse(vars(found) | {"folder": folder})


async def download_corrections(request: Request) -> Response:
    """Send the checked lines of a session as one manifest."""
    session = session_of(request)
    async with scratch(session.folder) as folder:
        path = folder / "corrections.parquet"
        await shared_of(request).worker.short(collect, session, path)
    return attachment(path, folder)


async def show_adapting(request: Request) -> Response:
    """Send the progress of the adaptation, and the recognizers that can be chosen."""
    adapting = shared_of(request).adapting
    if adapting is None:
        return JSONResponse({"possible": False, "readers": []})
    names = {"": "the original recognizer"} | {name: f"adapted recognizer {name}" for name in adapting.runs()}
    readers = [{"name": name, "label": names[name], "chosen": name == adapting.chosen} for name in names]
    return JSONResponse(vars(adapting.progress) | {"possible": True, "readers": readers})


async def start_adapting(request: Request) -> Response:
    """Start adapting the recognizer to the checked lines in the folder of corrections."""
    _adapting(request).start()
    return await show_adapting(request)


async def stop_adapting(request: Request) -> Response:
    """Stop adapting."""
    await _adapting(request).stop()
    return await show_adapting(request)


async def choose_reader(request: Request) -> Response:
    """Read with another recognizer from now on, whose name is the body, a JSON string."""
    name = await json_of(request)
    if not isinstance(name, str):
        raise OcrError("expected the name of a recognizer")
    await _adapting(request).choose(name)
    return await show_adapting(request)


def _adapting(request: Request) -> Adapting:
    adapting = shared_of(request).adapting
    if adapting is None:
        raise OcrError("this server does not adapt recognizers")
    return adapting
