"""Read handwriting: the same as `ocr read`."""

import sys

from ocr.commands import main

if __name__ == "__main__":
    sys.exit(main(["read", *sys.argv[1:]]))
