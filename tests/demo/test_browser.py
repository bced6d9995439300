"""The page itself, in a real browser: a page is sent, read, corrected by keyboard, and downloaded."""

import shutil
from urllib.parse import urlsplit

import pytest
from lxml import etree
from PIL import Image

from ocr.data.lines.manifest import ParquetLines
from tests.helpers.pictures import encoded
from tests.helpers.web import FIRST_LINE, LETTER, resembles, served

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PATIENCE = 120_000  # milliseconds: reading takes as long as the machine is busy


expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with playwright.sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"), executable_path=CHROMIUM, headless=True, args=ARGUMENTS
        )
        context.set_default_timeout(PATIENCE)
        yield context
        context.close()


@pytest.fixture
def tab(browser):
    """A page in a browser without any session; what it asked for and what went wrong in it."""
    browser.clear_cookies()
    tab = browser.new_page()
    tab.asked, tab.wrong = [], []
    tab.on("request", lambda request: tab.asked.append(request.url))
    tab.on("pageerror", lambda error: tab.wrong.append(str(error)))
    tab.on("console", lambda message: message.type == "error" and tab.wrong.append(message.text))
    yield tab
    tab.close()


def page_lines(tab) -> list[dict]:
    """What the server says of the lines that are shown."""
    source = tab.locator("#picture").get_attribute("src").partition("/image")[0]
    return tab.evaluate("path => fetch(path).then((answer) => answer.json())", source)["lines"]


def drag_by_finger(browser, tab, start, end) -> None:
    """Touch the middle of one element, move to another, and let go."""
    session = browser.new_cdp_session(tab)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    places = [part.bounding_box() for part in (start, end)]
    (x, y), (_, last) = ((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in places)
    for kind, share in (("Start", 0), ("Move", 0.3), ("Move", 0.7), ("Move", 1)):
        point = {"x": x, "y": y + share * (last - y)}
        session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": [point]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_letter_is_read_corrected_and_downloaded_without_another_host(reader, tab, tmp_path):
    with served(reader, corrections=tmp_path / "corrections") as address:
        tab.goto(address)
        assert tab.locator("#choose").is_visible()
        tab.set_input_files("#picker", LETTER)
        tab.wait_for_selector("#overlay polygon")
        rows = tab.locator("#lines > li")
        assert rows.count() == tab.locator("#overlay > polygon").count() > 10
        number = next(i for i, line in enumerate(page_lines(tab)) if resembles(line["text"], FIRST_LINE))

        # By mouse on the page, by keyboard from there.
        tab.locator("#overlay > polygon").nth(number).click()
        field = tab.locator("li.active input")
        assert resembles(field.input_value(), FIRST_LINE)
        crop = tab.locator("li.active img")
        assert crop.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
        field.fill("President McClish")
        field.press("Enter")
        assert rows.nth(number + 1).get_attribute("class") == "active", "Enter goes on to the next line"
        tab.keyboard.press("ArrowDown")
        tab.keyboard.press("Tab")
        tab.keyboard.press("ArrowUp")
        tab.keyboard.press("Shift+Tab")
        assert rows.nth(number + 1).get_attribute("class") == "active"
        tab.keyboard.press("End")
        tab.keyboard.type(" and more")
        tab.keyboard.press("Escape")
        assert tab.locator("li.active").count() == 0
        tab.wait_for_selector("#overlay > polygon.checked >> nth=1", state="attached")
        assert "2 of" in tab.locator("#count").inner_text()

        sure = [line["confidence"] for line in page_lines(tab) if not line["checked"]]
        tab.click("#unsure")
        tab.click("#unsure")
        second = f"{round(100 * sorted(sure)[1])} %"
        assert second in tab.locator("li.active").inner_text(), "from the least sure line to the next"

        tab.click("#download summary")
        with tab.expect_download() as download:
            tab.click("#formats button[value=alto]")
        assert download.value.suggested_filename == "letter.alto.xml"
        lines = [
            " ".join(line.xpath("*/@CONTENT"))
            for line in etree.parse(download.value.path()).iter("{*}TextLine")
        ]
        assert lines[number] == "President McClish" and lines[number + 1].endswith(" and more")

        (saved,) = (tmp_path / "corrections").iterdir()
        assert ParquetLines(saved)[0].text == "President McClish"
        assert {urlsplit(url).netloc for url in tab.asked if url[:4] == "http"} == {urlsplit(address).netloc}
        assert tab.wrong == []

        # Another visit finds all as it was.
        tab.reload()
        assert "President McClish" in rows.nth(number).inner_text()
        tab.click(".away")
        tab.click("dialog button[value=forget]")
        tab.wait_for_selector("#choose")
        assert not list((tmp_path / "corrections").iterdir())


def test_lines_are_changed_and_changed_back(reader, scrap, tab):
    with served(reader) as address:
        tab.goto(address)
        tab.set_input_files("#picker", {"name": "a.png", "mimeType": "image/png", "buffer": encoded(scrap)})
        rows = tab.locator("#lines > li")
        expect(rows).to_have_count(2)
        before = rows.all_inner_texts()

        rows.nth(0).click()
        tab.click("li.active >> text=Join")
        expect(rows).to_have_count(1)
        tab.click("#undo")
        expect(rows).to_have_count(2)
        rows.nth(1).click()
        tab.click("li.active >> text=Remove")
        expect(rows).to_have_count(1)
        tab.keyboard.press("Control+z")
        expect(rows).to_have_count(2)
        rows.nth(0).click()
        tab.keyboard.press("Alt+ArrowDown")
        expect(rows.nth(0)).to_contain_text(before[1].split("\n")[1])
        tab.keyboard.press("Escape")
        tab.click("#undo")
        expect(rows.nth(0)).to_contain_text(before[0].split("\n")[1])

        rows.nth(1).drag_to(rows.nth(0))
        expect(rows.nth(0)).to_contain_text(before[1].split("\n")[1])
        assert tab.locator("li.active").count() == 0, "what is dragged is not clicked"
        tab.click("#undo")
        expect(rows.nth(0)).to_contain_text(before[0].split("\n")[1])

        rows.nth(0).click()
        field = tab.locator("li.active input")
        field.fill("Président")
        field.press("Escape")
        expect(rows.nth(0)).to_have_class("checked")
        tab.click("#undo")
        expect(rows.nth(0)).not_to_have_class("checked")
        tab.keyboard.press("Escape")
        assert rows.all_inner_texts() == before

        tab.click("#draw")
        area = tab.locator("#sheet").bounding_box()
        tab.mouse.move(area["x"] + 20, area["y"] + 0.25 * area["height"])
        tab.mouse.down()
        tab.mouse.move(area["x"] + area["width"] - 20, area["y"] + 0.48 * area["height"], steps=3)
        tab.mouse.up()
        expect(rows).to_have_count(3)
        assert resembles(tab.locator("li.active input").input_value(), FIRST_LINE)
        assert tab.wrong == []


def test_text_is_found_and_everything_copied(browser, reader, scrap, tab):
    with served(reader) as address:
        browser.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
        tab.goto(address)
        picture = {"mimeType": "image/png", "buffer": encoded(scrap)}
        tab.set_input_files("#picker", [{"name": f"{name}.png"} | picture for name in "abc"])
        expect(tab.locator(".page.done")).to_have_count(3)
        assert tab.locator("#rail h3 span").all_inner_texts() == ["a.png", "b.png", "c.png"]
        read = page_lines(tab)[0]["text"]
        tab.fill("#find", read.upper())
        expect(tab.locator("#found button")).to_have_count(3)
        tab.locator("#found button").nth(2).click()
        expect(tab.locator("#title")).to_have_text("c.png")
        assert tab.locator("li.active input").input_value() == read
        tab.click("#copying summary")
        tab.keyboard.press("Escape")
        assert not tab.locator("#copying").evaluate("menu => menu.open"), "Esc closes a menu"
        tab.click("#copying summary")
        tab.click("#copying [value=all]")
        expect(tab.locator("#notes")).to_contain_text("Copied")
        assert tab.evaluate("navigator.clipboard.readText()").count(read) == 3
        tab.click("#download summary")
        with tab.expect_download() as download:
            tab.click("#formats-all [value=txt]")
        assert download.value.suggested_filename == "pages.txt"
        assert tab.wrong == []


def test_files_that_were_not_sent_are_sent_by_the_next_visit(reader, scrap, tab):
    with served(reader) as address:
        tab.goto(address)
        tab.wait_for_function("() => navigator.locks.query().then((found) => found.held.length > 0)")
        tab.route("**/api/files?*", lambda route: None)
        tab.set_input_files("#picker", {"name": "a.png", "mimeType": "image/png", "buffer": encoded(scrap)})
        expect(tab.locator("#queue .sent")).to_have_count(1)
        tab.wait_for_timeout(300)
        tab.unroute("**/api/files?*")
        tab.reload()
        expect(tab.locator("#title")).to_have_text("a.png")
        expect(tab.locator("#queue .sent")).to_have_count(0)


def test_what_cannot_be_read_is_told_and_costs_nothing_else(reader, scrap, tab):
    with served(reader) as address:
        tab.goto(address)
        files = [
            {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"},
            {"name": "<img src=x>.png", "mimeType": "image/png", "buffer": encoded(scrap)},
        ]
        tab.set_input_files("#picker", files)
        tab.wait_for_selector("#overlay polygon")
        assert tab.locator("#messages .error").inner_text().startswith("notes.txt: not a picture or PDF")
        assert tab.locator("#title").inner_text() == "_img src=x_.png"
        told, thumbnail = (tab.locator(part).bounding_box() for part in ("#messages .error", ".page"))
        assert told["y"] + told["height"] <= thumbnail["y"], "it covers nothing"
        tab.click("#messages button")
        assert tab.locator("#messages .error").count() == 0
        assert [text for text in tab.wrong if "400 (Bad Request)" not in text] == []


def test_the_page_fits_a_telephone(browser, reader, scrap, tab):
    with served(reader) as address:
        tab.set_viewport_size({"width": 360, "height": 700})
        tab.goto(address)
        assert "Drop" not in tab.locator("#welcome h2").inner_text()
        box = tab.locator("#choose").bounding_box()
        assert abs(box["x"] + box["width"] / 2 - 180) < 1, "in the middle"
        buffer = encoded(scrap.resize((1800, 944), Image.Resampling.BICUBIC))
        tab.set_input_files("#picker", {"name": "page.png", "mimeType": "image/png", "buffer": buffer})
        rows = tab.locator("#lines > li")
        expect(rows.nth(1)).to_be_visible()
        first = rows.nth(0).locator(".reading").inner_text()
        drag_by_finger(browser, tab, rows.nth(0).locator(".number"), rows.nth(1))
        expect(rows.nth(1).locator(".reading")).to_have_text(first)
        tab.click("#undo")
        expect(rows.nth(0).locator(".reading")).to_have_text(first)
        tab.locator("#lines .row").first.click()
        assert tab.evaluate("document.documentElement.scrollWidth") <= 360
        for part in ("#sheet", "#learn-open", "li.active input", "#download summary", "#unsure"):
            box = tab.locator(part).bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 360 and 0 < box["y"] < 700, part
        for start, part in (
            ("#find", "#found button >> nth=0"),
            ("#download summary", "#formats button >> nth=-1"),
        ):
            tab.click(start)
            tab.keyboard.insert_text(first)
            box = tab.locator(part).bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 360 and box["y"] + box["height"] <= 700, part
        tab.keyboard.press("Escape")
        tab.click("#learn-open")
        assert tab.locator("#explained").bounding_box()["width"] > 250
        tab.keyboard.press("Escape")
        assert tab.locator("#learn").is_hidden()
