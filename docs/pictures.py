"""Take the pictures of the web page in this guide, docs/images/demo.jpg and demo-phone.jpg, with the shipped models.

    uv run python -m docs.pictures

Needs the extra `demo`, Playwright and Chromium.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from ocr import Reader
from tests.helpers.web import LETTER, served

IMAGES = Path(__file__).parent / "images"
LINE = 3
"""Line of the example letter that is being corrected, counted from 0."""

SCREENS = {
    "demo.jpg": {"viewport": {"width": 1280, "height": 800}},
    "demo-phone.jpg": {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True},
}


def main() -> None:
    """Read the letter on each screen, open a line, and take a picture."""
    reader = Reader.from_pretrained()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, screen in SCREENS.items():
            with served(reader) as address:
                take_picture(browser, address, IMAGES / name, screen)
        browser.close()


def take_picture(browser: Browser, address: str, path: Path, screen: dict) -> None:
    """Check a line, open the next one, and write the picture of the page to `path`."""
    tab = browser.new_context(**screen).new_page()
    tab.goto(address)
    tab.set_input_files("#picker", LETTER)
    tab.locator("#lines .row").nth(LINE - 1).click(timeout=120_000)
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#lines > li.checked")
    tab.locator("li.active img").evaluate("image => image.decode()")
    tab.wait_for_timeout(500)
    tab.screenshot(path=path, quality=85)


if __name__ == "__main__":
    main()
