"""What goes with a version: the changelog and the citation name the same one."""

import re
from pathlib import Path

import yaml

import ocr

ROOT = Path(__file__).parents[1]
VERSIONS = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_changelog_begins_with_the_present_version():
    """After the changes that are not released yet, where there are any."""
    released = ocr.__version__.split(".dev")[0]
    heading = f"Unreleased ({released})" if ".dev" in ocr.__version__ else released
    assert next(name for name in VERSIONS if name != "Unreleased").startswith(heading)


def test_the_citation_is_about_the_newest_release():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors", "license"} <= set(citation)
    newest = next(name for name in VERSIONS if not name.startswith("Unreleased"))
    assert newest == f"{citation['version']} ({citation['date-released']})"
