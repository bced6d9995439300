"""Changes of the lines of a page: drawn, joined, split, removed and moved; pages turned; text found and exported."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from ocr.demo.editing import joined, outline, place_in_order, split
from ocr.demo.session import UploadPage
from ocr.errors import OcrError
from ocr.geometry import CoordinateMap, polygon_area
from ocr.types import Page
from tests.helpers.pictures import encoded
from tests.helpers.web import FIRST_LINE, User, resembles, served


@pytest.fixture(scope="module")
def address(reader, tmp_path_factory):
    with served(reader, corrections=tmp_path_factory.mktemp("corrections")) as address:
        yield address


@pytest.fixture(scope="module")
def scrap_file(address, scrap):
    user = User(address)
    return user, user.read(encoded(scrap), "letter.png")


@pytest.fixture
def sheet(scrap_file):
    """A user, the path of a page of two lines in their order, and these lines."""
    user, file = scrap_file
    path = f"files/{file['id']}/pages/1"
    user.client.put(f"{path}/order", json=[0, 1])
    return user, path, user.client.get(path).json()["lines"]


def texts(user: User, path: str) -> list[str]:
    return [line["text"] for line in user.client.get(path).json()["lines"]]


def box(line: dict) -> list[list[float]]:
    points = np.array([pair.split(",") for pair in line["points"].split()], float)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def test_a_removed_line_is_in_no_result_until_it_is_back(sheet):
    user, path, (first, second) = sheet
    for order in ([1], [0, 1], [1, 0]):
        assert user.client.put(f"{path}/order", json=order).json() == {"order": order}
        wanted = [(first, second)[number]["text"] for number in order]
        assert texts(user, path) == wanted
        assert user.client.get(path.replace("pages/1", "results/txt")).text.splitlines() == wanted


def test_a_drawn_line_is_read_and_takes_its_place(sheet):
    user, path, (first, second) = sheet
    user.client.put(f"{path}/order", json=[1])
    answer = user.client.post(f"{path}/lines", json={"points": box(first)})
    assert answer.status_code == 201
    (line,) = answer.json()["lines"]
    assert resembles(line["text"], FIRST_LINE) and answer.json()["order"] == [line["number"], 1]
    assert [word["text"] for word in line["words"]] == line["text"].split()
    crop = user.client.get(f"{path}/lines/{line['number']}/image")
    assert Image.open(io.BytesIO(crop.content)).height == 96
    checked = user.client.put(f"{path}/lines/{line['number']}", content=b"President").json()
    assert checked["checked"] and texts(user, path) == ["President", second["text"]]


def test_lines_are_split_and_joined(sheet):
    user, path, (first, second) = sheet
    parts = user.client.post(f"{path}/lines", json={"split": 0, "at": 0.54}).json()
    one, other = parts["lines"]
    assert parts["order"] == [one["number"], other["number"], 1]
    for part, word in zip((one, other), FIRST_LINE.split(), strict=True):
        assert resembles(part["text"], word)
    join = [other["number"], one["number"]]
    whole = user.client.post(f"{path}/lines", json={"join": join}).json()
    assert whole["order"] == [whole["lines"][0]["number"], 1]
    assert resembles(whole["lines"][0]["text"], FIRST_LINE), "read anew, from an outline a little different"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "why"),
    [
        ("PUT", "order", "{", 400, "no JSON"),
        ("PUT", "order", "[" * 40_000, 400, "JSON without end"),
        ("PUT", "order", "[" * 60_000, 413, "too long"),
        ("PUT", "order", "[0, 0]", 400, "a line twice"),
        ("PUT", "order", "[true]", 400, "no number"),
        ("PUT", "order", "[-1]", 404, "no such line"),
        ("PUT", "order", "[9999999]", 404, "no such line"),
        ("POST", "lines", "[]", 400, "no object"),
        ("POST", "lines", "{}", 400, "nothing wanted"),
        ("POST", "lines", '{"points": [[0, 0], [9, 9]]}', 400, "no area"),
        ("POST", "lines", '{"points": [["a", 0], [9, 9], [1, 1]]}', 400, "no numbers"),
        ("POST", "lines", '{"points": [[NaN, 0], [90, 90], [1, 1]]}', 400, "not finite"),
        ("POST", "lines", '{"points": [[-9e9, -9e9], [-9e8, 0], [-1, -1]]}', 400, "beside the page"),
        ("POST", "lines", '{"join": [0]}', 400, "one line"),
        ("POST", "lines", '{"join": [0, 99]}', 404, "no such line"),
        ("POST", "lines", '{"split": 0}', 400, "nowhere"),
        ("POST", "lines", '{"split": 0, "at": 0.001}', 400, "before its beginning"),
        ("POST", "reading", '{"rotation": 45}', 400, "no quarter"),
        ("POST", "reading", "[]", 400, "no object"),
    ],
)
def test_what_makes_no_sense_changes_nothing(sheet, method, path, body, status, why):
    user, page, _ = sheet
    before = user.client.get(page).json()
    answer = user.client.request(method, f"{page}/{path}", content=body)
    assert answer.status_code == status and answer.json()["error"], why
    assert user.client.get(page).json() == before


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_outlines_are_those_of_the_upright_page(rotation):
    size = (100, 200) if rotation % 180 == 0 else (200, 100)
    page = Page("x", *size, rotation=rotation)
    left = outline(page, [[10, 10], [80, 10], [80, 30], [10, 30]])
    right = outline(page, [[90, 12], [180, 12], [180, 32], [90, 32]])
    upright = CoordinateMap.rotate90(size, rotation // 90)
    whole = joined(page, [right, left])
    shown = upright.apply(whole.polygon)
    assert np.allclose([shown.min(axis=0), shown.max(axis=0)], [(10, 10), (180, 32)], atol=0.01)
    baseline = upright.apply(whole.baseline)
    assert (np.diff(baseline[:, 0]) > 0).all() and 20 < baseline[:, 1].mean() < 28
    parts = [upright.apply(part.polygon) for part in split(page, whole, 0.5)]
    assert np.isclose(sum(map(polygon_area, parts)), polygon_area(shown), rtol=0.02)
    assert parts[0][:, 0].max() <= parts[1][:, 0].min() + 1.5
    with pytest.raises(OcrError, match="between its ends"):
        split(page, whole, 0.999)
    below = outline(page, [[10, 60], [80, 60], [80, 80], [10, 80]])
    page.lines = [left, below]
    sheet = UploadPage(1, None, page=page, order=[0, 1])
    between = outline(page, [[10, 40], [80, 40], [80, 50], [10, 50]])
    assert place_in_order(sheet, between) == 1 and place_in_order(sheet, right) == 0


@pytest.mark.slow
def test_a_page_is_read_as_it_is_turned(address, scrap):
    user = User(address)
    file = user.read(encoded(scrap.transpose(Image.Transpose.ROTATE_180)))
    path = f"files/{file['id']}/pages/1"
    assert user.client.get(path).json()["rotation"] == 180
    user.check(file, 0, "x")
    for rotation in (0, 180):
        answer = user.client.post(f"{path}/reading", json={"rotation": rotation})
        assert answer.json()["pages"][0]["checked"] == 0
        page = user.page(user.settled(file))
        assert page["rotation"] == rotation
    assert resembles(page["lines"][0]["text"], FIRST_LINE)
    assert user.settled(file)["pages"][0]["readings"] == 3


def test_text_is_found_on_all_pages(address, scrap):
    user = User(address)
    files = [user.read(encoded(scrap), name) for name in ("a.png", "b.png")]
    read = user.page(files[0])["lines"][0]["text"].upper()
    user.check(files[1], 1, "Brief an Zoë  STRASSE")
    found = user.client.get("find", params={"text": "zoë straße"}).json()
    assert found == [{"file": files[1]["id"], "page": 1, "line": 1, "text": "Brief an Zoë STRASSE"}]
    assert len(user.client.get("find", params={"text": read}).json()) == 2
    assert user.client.get("find", params={"text": " "}).json() == []
    assert User(address).client.get("find", params={"text": read}).json() == []


def test_all_files_are_downloaded_at_once(address, scrap):
    user = User(address)
    assert user.client.get("results/txt").status_code == 404
    for name, text in {"a.png": "one", "A.jpg": "two", "a.tif": "three"}.items():
        user.check(user.read(encoded(scrap), name), 0, text)
    answer = user.client.get("results/txt")
    assert 'filename="pages.txt"' in answer.headers["content-disposition"]
    places = [answer.text.index(text) for text in ("one", "two", "three")]
    assert places == sorted(places)
    with zipfile.ZipFile(io.BytesIO(user.client.get("results/alto").content)) as archive:
        assert sorted(archive.namelist()) == ["A (2).alto.xml", "a (3).alto.xml", "a.alto.xml"]
    assert user.client.get("results/docs").status_code == 400


def test_files_stand_in_the_order_in_which_they_were_chosen(address, scrap):
    user = User(address)
    for place in ("3", "1", "2"):
        user.client.post("files", params={"name": f"{place}.png", "place": place}, content=encoded(scrap))
    assert [file["name"] for file in user.files()] == ["1.png", "2.png", "3.png"]


@pytest.mark.slow
def test_a_very_long_page_is_shown_with_all_its_pixels(address):
    user = User(address)
    file = user.read(encoded(Image.new("L", (400, 9000), 255)))
    shown = user.client.get(f"files/{file['id']}/pages/1/image").content
    assert Image.open(io.BytesIO(shown)).size == (400, 9000)
