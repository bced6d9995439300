"""Read handwriting: the same as `ocr read`."""

import sys

from ocr.commands.read import main

if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    sys.exit(main(sys.argv[1:]))
