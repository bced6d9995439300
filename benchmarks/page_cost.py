"""Time and memory of reading a page, by its size: `python benchmarks/page_cost.py [PAGE]`.

Each size is read by a separate process, after a small page that loads the models. Memory is the highest resident set
of the whole process. Linux and macOS.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "letter.jpg"


def scaled(page: Path, megapixels: float, folder: Path) -> Path:
    """Encode the page as a JPEG of about `megapixels`."""
    image = Image.open(page).convert("RGB")
    factor = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
    size = round(image.width * factor), round(image.height * factor)
    path = folder / f"{megapixels:g}.jpg"
    image.resize(size, Image.Resampling.LANCZOS).save(path, quality=90)
    return path


def measure(path: Path, repeats: int) -> dict[str, float]:
    """Measure, in this process, the fastest of some runs, its share of line detection, and the memory."""
    from ocr import Reader
    from ocr.image.io import load_image

    reader = Reader.from_pretrained()
    reader.read(EXAMPLE)
    whole, finding = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        page = reader.read(path)
        whole.append(time.perf_counter() - start)
        image = load_image(path)
        start = time.perf_counter()
        reader.detector.find(image)
        finding.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "lines": len(page.lines),
        "seconds": min(whole),
        "finding": min(finding),
        "mebibytes": peak / (2**20 if sys.platform == "darwin" else 2**10),
    }


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("page", type=Path, nargs="?", default=EXAMPLE)
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 4, 16])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--one", action="store_true", help="measure PAGE as it is and print JSON")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.page, options.repeats)))
        return
    print(
        "| megapixels | lines found | seconds | of these to find the lines | MiB at most |\n|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for megapixels in options.megapixels:
            path = scaled(options.page, megapixels, Path(folder))
            command = [sys.executable, __file__, str(path), "--one", "--repeats", str(options.repeats)]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            print(
                f"| {megapixels:g} | {found['lines']} | {found['seconds']:.2f} | {found['finding']:.2f} "
                f"| {found['mebibytes']:.0f} |"
            )


if __name__ == "__main__":
    main()
