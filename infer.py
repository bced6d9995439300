"""Read handwriting: the same as `ocr read`."""

import sys
from collections.abc import Sequence

from ocr import commands


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `ocr read`; returns the exit status."""
    return commands.main(["read", *(sys.argv[1:] if arguments is None else arguments)])


if __name__ == "__main__":
    sys.exit(main())
