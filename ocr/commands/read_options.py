"""Options of `ocr read`: fields of settings under the names that `configs/infer.yaml` describes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ocr.detection.settings import DetectionSettings
from ocr.errors import ConfigError
from ocr.image.page_image import DEFAULT_LIMITS
from ocr.inference.settings import ReaderSettings
from ocr.output.draw import DrawOptions
from ocr.settings import BaseSettings, parse_value, suggestion

NO_DETECTOR = ("none", "null")
"""Values of `detector` with which every image is a single line."""


@dataclass(frozen=True)
class FileOptions(BaseSettings):
    """Files to read, and the files and texts to write."""

    input: str = ""
    """File, folder, pattern, address, or `-` for standard input."""
    pages: str | None = None
    """Pages of a PDF or multi-page TIFF; None: all."""
    dpi: int | None = None
    """Pixels per inch at which pages of a PDF are drawn; None: those of a scan, and 200 for every other page."""
    pdf_seconds: float = DEFAULT_LIMITS.seconds
    """Seconds that drawing a page of a PDF may take."""
    pdf_megabytes: int = DEFAULT_LIMITS.megabytes
    """Memory that drawing a page of a PDF may take."""
    allow_private: bool = False
    """Follow addresses on the web to this machine and to the local network, too."""
    output: str | None = None
    """Folder for results; None: text goes to standard output only."""
    resume: bool = False
    """Pass over files that an earlier run has read into the same folder."""
    formats: tuple[str, ...] = ("txt", "json", "draw")
    """Formats of the files."""
    split: bool = False
    """Write a file per page, also in formats whose files can hold all pages of a source."""
    text: str = "lines"
    """Layout of text, see `ocr.output.text.LAYOUTS`."""


@dataclass(frozen=True)
class InferOptions:
    """All options of the command; `detection` holds those that replace the detector's own."""

    files: FileOptions = field(default_factory=FileOptions)
    drawing: DrawOptions = field(default_factory=DrawOptions)
    reader: ReaderSettings = field(default_factory=ReaderSettings)
    detection: dict[str, Any] = field(default_factory=dict)


GROUPS = (("", FileOptions), ("draw_", DrawOptions), ("", ReaderSettings), ("", DetectionSettings))
"""Prefix of the options that are the fields of each class, in the order in which they are listed."""

OPTIONS = {prefix + item.name: (group, item.name) for prefix, group in GROUPS for item in fields(group)}
"""Every option: the class and the field that it sets."""

ALIASES = {"draw_colour": "draw_color"}  # former spelling
"""Former names of options."""


def parse(arguments: Sequence[str]) -> InferOptions:
    """Convert arguments to options: key=value each, or the input alone.

    Raises:
        ConfigError: an unknown name, a wrong value, or a second input.
    """
    given: dict[type, dict[str, Any]] = {group: {} for _, group in GROUPS}
    for argument in arguments:
        key, equals, text = argument.partition("=")
        key = ALIASES.get(key, key)
        if not equals:
            if "input" in given[FileOptions]:
                raise ConfigError(
                    f"{argument!r} is not key=value, and the input is {given[FileOptions]['input']!r}"
                )
            key, text = "input", argument
        if key not in OPTIONS:
            raise ConfigError(f"unknown option {key!r}: {suggestion(key, list(OPTIONS), kind='options')}")
        group, name = OPTIONS[key]
        try:
            given[group][name] = parse_value(group, name, text)
        except ValueError as error:
            raise ConfigError(f"{key}={text}: {error}") from error
    reader = given[ReaderSettings]
    if reader.get("detector") in NO_DETECTOR:
        reader["detector"] = None
    # Checked before anything is loaded; what is not given is left to the bundle.
    DetectionSettings().updated(**given[DetectionSettings])
    return InferOptions(
        FileOptions(**given[FileOptions]),
        DrawOptions(**given[DrawOptions]),
        ReaderSettings(**reader),
        given[DetectionSettings],
    )
