"""Parser and error handling that the subcommands share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from ocr.errors import ConfigError, OcrError, one_line


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Format of help that keeps the line breaks of examples and adds each option's default."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        empty = action.default in (None, False, argparse.SUPPRESS) or action.default == []
        return text if empty or "default" in text else f"{text} (default: %(default)s)".lstrip()


class CommandParser(argparse.ArgumentParser):
    """Parser whose help shows examples and defaults, and whose errors take one line."""

    def __init__(self, *arguments: Any, doc: str = "", **options: Any) -> None:
        """Create a parser.

        Args:
            doc: the docstring of a command: its first paragraph is the description, the rest, examples first,
                comes after the options.
        """
        description, _, epilog = doc.strip().partition("\n\n")
        defaults = {"formatter_class": HelpFormatter, "description": description, "epilog": epilog}
        super().__init__(*arguments, **defaults | options)

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError instead of printing the usage and leaving."""
        raise ConfigError(f"{message} (see {self.prog} --help)")


def positive(text: str) -> int:
    """Parse a whole number from 1."""
    # Python converts no number of thousands of digits.
    if not text.isdecimal() or len(text) > 18 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1, got {text!r}")
    return int(text)


def run(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> int:
    """Parse arguments and call the function `run` that the parser's defaults name.

    Returns:
        The exit status: what the function returns, 0 for None; 2, after one line on standard error, where arguments,
        input or output cannot be used.
    """
    try:
        options = parser.parse_args(arguments)
        return options.run(options) or 0
    except OcrError as error:
        message = one_line(error)
    except OSError as error:
        message = f"{error.filename}: {error.strerror}" if error.filename else one_line(error)
    print(f"error: {message}", file=sys.stderr)
    return 2
