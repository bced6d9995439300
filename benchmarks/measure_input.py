"""Time and memory of difficult inputs, as in the table of docs/usage.md: `python -m benchmarks.measure_input`.

Each input is read by the code of infer.py, with the shipped models, in a process forked after PyTorch was loaded.
Seconds are those of one core (user and system), including the loading of models; MB are the highest resident memory.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from ocr.commands import read
from ocr.image.io import open_pages
from tests.helpers.pdf import encrypted, shade, write_pdf
from tests.helpers.pictures import noise, png_header

LETTER = Path(__file__).parents[1] / "examples" / "letter.jpg"
PAGES = 2000
POSTER = "BT /F 900 Tf 400 7000 Td (Bill of sale) Tj ET"


def large(path: Path, *, sixteen_bits: bool = False) -> Path:
    """Write the example letter with 200 million pixels, as a telephone may take it."""
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(LETTER) as letter:
        picture = letter.convert("L" if sixteen_bits else "RGB").resize((12240, 16320), Image.Resampling.BOX)
    if sixteen_bits:
        picture = Image.fromarray(np.asarray(picture).astype(np.uint16) * 16)
    picture.save(path, compress_level=1)
    return path


def text(path: Path) -> Path:
    path.write_text("Dear Sir,\n")
    return path


def content(data: bytes) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        path.write_bytes(data)
        return path

    return make


CASES: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "example letter, for comparison": ("letter.jpg", lambda path: LETTER),
    "empty file": ("empty.jpg", content(b"")),
    "text named .pdf": ("text.pdf", text),
    "JPEG cut off": ("cut.jpg", content(noise("JPEG", (400, 300))[:9000])),
    "PNG that claims 900 megapixels": ("huge.png", content(png_header(30000, 30000))),
    "encrypted PDF": ("locked.pdf", encrypted),
    "PDF without pages": ("hollow.pdf", lambda path: write_pdf(path, [])),
    "photograph of 200 megapixels, JPEG": ("large.jpg", large),
    "the same, PNG": ("large.png", large),
    "the same, PNG of 16-bit gray": ("deep.png", lambda path: large(path, sixteen_bits=True)),
    "PDF page of 200 x 200 inches": (
        "poster.pdf",
        lambda path: write_pdf(path, [POSTER], box="0 0 14400 14400"),
    ),
    f"PDF of {PAGES} pages, drawn at 100 dpi, not read": (
        "book.pdf",
        lambda path: write_pdf(path, [shade(0.5)] * PAGES, box="0 0 595 842"),
    ),
}


def measured(work: Callable[[], int], log: Path) -> tuple[int, float, int]:
    """Run `work` in a child process that logs to `log`; returns exit status, seconds of one core, and MB."""
    child = os.fork()
    if child == 0:
        with open(log, "wb") as file:
            os.dup2(file.fileno(), 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status = work()
        sys.stdout.flush()
        os._exit(status)
    _, status, used = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss // 1024


def draw_all(path: Path) -> int:
    """Render every page, and fail if memory grows after the first ones."""
    early = 0
    for page in open_pages(path, dpi=100):
        if page.number == 50:
            early = resident()
    return 0 if resident() - early < 20 else 1


def resident() -> int:
    """Return the resident memory of this process in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def main() -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import ocr.inference.reader  # noqa: F401 - loads PyTorch

    print("| input | result | exit status | seconds | MB |", "|---|---|---|---|---|", sep="\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, (file, make) in CASES.items():
            path, log = make(Path(folder, file)), Path(folder, "messages")

            def work(path: Path = path) -> int:
                if path.name == "book.pdf":
                    return draw_all(path)
                return read.main([f"input={path}", f"output={folder}/out"])

            status, seconds, megabytes = measured(work, log)
            said = log.read_text().splitlines()[-1:] or ["memory does not grow with the pages"]
            result = said[0].removeprefix("infer.py: ").replace(f"{path}: ", "")
            result = result.partition(" in ")[0] if status == 0 else result
            print(f"| {name} | {result} | {status} | {seconds:.1f} | {megabytes} |", flush=True)


if __name__ == "__main__":
    main()
