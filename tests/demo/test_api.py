"""The interface for programs: a file in, its pages out, and nothing kept."""

import json
import time
from typing import Any

import httpx
import pytest
from lxml import etree
from PIL import Image

from ocr.demo.limits import Limits
from tests.helpers.pictures import encoded
from tests.helpers.web import FIRST_LINE, resembles, served


@pytest.fixture(scope="module")
def address(reader):
    with served(reader, limits=Limits(megabytes=1, pages=4)) as address:
        yield address


@pytest.fixture(scope="module")
def schemas(address):
    answer = httpx.get(f"{address}/api/openapi.json").json()
    assert answer["openapi"] == "3.1.0" and set(answer["paths"]) == {"/api/read"}
    return answer["components"]["schemas"]


def post(address: str, content: bytes | None = None, *, files=None, **parameters) -> httpx.Response:
    return httpx.post(f"{address}/api/read", content=content, files=files, params=parameters, timeout=60)


def follows(value: Any, schema: dict, schemas: dict) -> bool:
    """Whether a value is as its schema says, and has nothing more."""
    if "$ref" in schema:
        return follows(value, schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "const" in schema or "enum" in schema:
        return value in schema.get("enum", [schema.get("const")])
    kinds = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "array": list,
        "object": dict,
        "boolean": bool,
    }
    if not isinstance(value, kinds[schema["type"]]):
        return False
    if schema["type"] == "array":
        return all(follows(item, schema["items"], schemas) for item in value)
    if schema["type"] == "object":
        known = schema["properties"]
        return set(schema["required"]) <= set(value) <= set(known) and all(
            follows(item, known[name], schemas) for name, item in value.items()
        )
    return schema.get("minimum", value) <= value <= schema.get("maximum", value)


def test_a_page_is_answered_as_the_format_json_has_it(address, reader, scrap, schemas, tmp_path):
    from ocr.output import WRITERS

    (tmp_path / "letter.png").write_bytes(encoded(scrap))
    answer = post(address, encoded(scrap), name="letter.png")
    assert answer.status_code == 200 and "set-cookie" not in answer.headers
    page = reader.read(tmp_path / "letter.png")
    page.source = "letter.png"
    WRITERS["json"].write(page, None, tmp_path / "letter.json")
    assert answer.json() == json.loads((tmp_path / "letter.json").read_text())
    assert follows(answer.json(), {"$ref": "Page"}, schemas)
    assert not follows(answer.json() | {"lines": [{}]}, {"$ref": "Page"}, schemas)


def test_a_form_is_read_too(address, scrap):
    answer = post(address, files={"file": ("../brief an Zoë.png", encoded(scrap))})
    assert answer.json()["source"] == "brief an Zoë.png"
    assert resembles(answer.json()["lines"][0]["text"], FIRST_LINE)


@pytest.mark.parametrize(
    ("wanted", "numbers"), [({}, [1, 2, 3]), ({"pages": "2-"}, [2, 3]), ({"pages": "3,1"}, [1, 3])]
)
def test_a_document_is_answered_with_the_wanted_pages(address, schemas, wanted, numbers):
    pages = encoded(*[Image.new("L", (40, 30), 255)] * 3, form="TIFF")
    answer = post(address, pages, name="book.tif", **wanted).json()
    assert [page["page"] for page in answer["pages"]] == numbers
    assert follows(answer, {"$ref": "Document"}, schemas)


def test_another_format_comes_as_a_file(address, scrap):
    answer = post(address, encoded(scrap), name="letter.png", format="alto")
    assert 'filename="letter.alto.xml"' in answer.headers["content-disposition"]
    assert etree.fromstring(answer.content).xpath("count(//*[local-name()='TextLine'])") == 2


PIXEL = encoded(Image.new("L", (40, 30), 255))


@pytest.mark.parametrize(
    ("content", "parameters", "status", "message", "why"),
    [
        (b"", {}, 400, "page: the file is empty", "nothing"),
        (b"hello", {"name": "x.jpg"}, 400, "x.jpg: not a picture or PDF", "no picture"),
        (PIXEL, {"format": "docs"}, 400, "unknown format 'docs'", "no format"),
        (PIXEL, {"pages": "x"}, 400, "pages=x", "no numbers"),
        (PIXEL, {"pages": "2"}, 400, "page: has 1 page, none of pages=2", "no such page"),
        (bytes(1_000_001), {}, 413, "more than the 1 MB", "too many bytes"),
        (encoded(*[Image.new("1", (9, 9))] * 5, form="TIFF"), {}, 413, "has 5 pages; 4", "too many pages"),
    ],
)
def test_what_cannot_be_read_costs_one_line(address, content, parameters, status, message, why):
    answer = post(address, content, **parameters)
    assert answer.status_code == status, why
    assert message in answer.json()["error"] and list(answer.json()) == ["error"]


@pytest.mark.parametrize(
    ("kind", "body", "status", "why"),
    [
        ("multipart/form-data", b"", 400, "no boundary"),
        ("multipart/form-data; boundary=x", b"no form", 400, "no parts"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nabc\r\n--x--\r\n", 400, "a part without a name"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nabc\r\n--x--\r\n',
            400,
            "no file",
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + bytes(1_000_001),
            413,
            "too many bytes",
        ),
    ],
)
def test_a_form_without_a_file_costs_one_line(address, kind, body, status, why):
    answer = httpx.post(f"{address}/api/read", content=body, headers={"content-type": kind}, timeout=60)
    assert answer.status_code == status, why
    assert "\n" not in answer.json()["error"]


def test_nothing_is_kept_and_nobody_counted(reader, scrap, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with served(reader, limits=Limits(sessions=1)) as address:
        for form in ("json", "txt"):
            assert post(address, encoded(scrap), format=form).status_code == 200
        (folder,) = tmp_path.iterdir()
        end = time.monotonic() + 30
        while (left := [path.name for path in folder.iterdir()]) != [".lock"]:
            assert time.monotonic() < end, left
            time.sleep(0.01)
        assert httpx.post(f"{address}/api/files", content=PIXEL).status_code == 201, "room for a user"
