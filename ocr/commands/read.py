"""Read handwriting.

    ocr read letter.jpg
    ocr read scans/ output=results/ formats=txt,alto,pdf
    ocr read book.pdf pages=1-3,7 dpi=300
    curl ADDRESS | ocr read -

Text goes to standard output, everything else to standard error. Exit status: 0 all read, 1 a file failed,
2 nothing could be done. The options, with their defaults:
"""

from __future__ import annotations

from collections.abc import Sequence

from ocr.commands.configs import CONFIGS
from ocr.errors import OcrError


def main(arguments: Sequence[str]) -> int:
    """Run the command; return the exit status."""
    if not arguments or {"-h", "--help"} & set(arguments):
        print(__doc__ + "\n" + (CONFIGS / "infer.yaml").read_text(encoding="utf-8"), end="")
        return 0 if arguments else 2
    # Imported here, as they take a second that help need not wait for.
    from ocr.commands.read_files import infer, output_lost, report
    from ocr.commands.read_options import parse

    try:
        return infer(parse(arguments))
    except OcrError as error:
        report(error)
        return 2
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        return output_lost(error)
