"""Entry point of `python -m ocr`, the same as the command `ocr`."""

import sys

from ocr.commands import main

if __name__ == "__main__":
    sys.exit(main())
