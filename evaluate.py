"""Measure a bundle, or engines of others beside it: the same as `ocr evaluate`."""

import sys

from ocr.commands.evaluate import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
