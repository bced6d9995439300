"""Train a recogniser or a detector: the same as `ocr train`."""

import sys

from ocr.commands.train import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
