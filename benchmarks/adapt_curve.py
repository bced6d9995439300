"""Error rate on a hand after adapting to some of its lines, as a table with one row per number of lines.

    python benchmarks/adapt_curve.py --train hooker-train.parquet --test hooker-test.parquet \
        --other copiste-test.parquet --counts 50 200 1000 1600 --settings optim.optimizer.lr=5e-4

A count takes the first lines of pages in an order that does not depend on the count; `experiment=adapt` holds some of
them back. `--other` shows what was forgotten. Runs are left in runs/adapt_curve.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ocr.bundle import Bundle
from ocr.data.lines.manifest import ParquetLines
from ocr.errors import ConfigError
from ocr.evaluation.lines import evaluate_lines
from ocr.inference.recognizer import LineReader

TRAIN = Path(__file__).resolve().parents[1] / "train.py"
FOLDER = Path("runs/adapt_curve")


def some_lines(path: Path, count: int) -> Path:
    """Write a manifest of the first `count` lines, page by page. Raises ConfigError if there are fewer."""
    table = pq.read_table(path)
    if table.num_rows < count:
        raise ConfigError(f"{path} has {table.num_rows} lines, not {count}")
    keys = [blake2b(page.encode(), digest_size=8).digest() for page in table.column("page_id").to_pylist()]
    rows = sorted(range(len(keys)), key=keys.__getitem__)[:count]
    FOLDER.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.take(pa.array(rows)), FOLDER / f"{count}.parquet")
    return FOLDER / f"{count}.parquet"


def scores(bundle: str, sets: list[Path], kind: str | None) -> list[str]:
    """Measure the CER in percent with its 95 % interval on each set, with the default decoding of the bundle."""
    cells = []
    for path in sets:
        report, _ = evaluate_lines(LineReader(Bundle.load(bundle)), ParquetLines(path, kind=kind))
        cells.append("{:.1f} ({:.1f} to {:.1f})".format(report["cer"], *report["cer_ci"]))
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=Path, required=True, help="manifest of the hand, with page_id")
    parser.add_argument("--test", type=Path, required=True, help="manifest of other pages of the hand")
    parser.add_argument("--other", type=Path, nargs="*", default=[], help="manifests of other hands")
    parser.add_argument("--counts", type=int, nargs="+", default=[50, 200, 1000, 1600])
    parser.add_argument("--kind", default="handwritten", help="kind of line to score; '' for all")
    parser.add_argument("--start", default="ocr_small_handwritten", help="bundle to adapt")
    parser.add_argument("--settings", nargs="*", default=[], help="more settings for train.py")
    options = parser.parse_args()
    sets, kind = [options.test, *options.other], options.kind or None
    names = " | ".join(f"{path.stem}, CER %" for path in sets)
    rows = [f"| lines | minutes | {names} |", "|---|---|" + "---|" * len(sets)]
    rows.append(" | ".join(["| 0", "0", *scores(options.start, sets, kind)]) + " |")
    for count in options.counts:
        lines, run = some_lines(options.train, count), FOLDER / str(count)
        wanted = ["experiment=adapt", f"init_from={options.start}", f"data.path={lines}", f"run_dir={run}"]
        start = time.perf_counter()
        subprocess.run([sys.executable, TRAIN, *wanted, *options.settings], check=True)
        minutes = (time.perf_counter() - start) / 60
        rows.append(" | ".join([f"| {count}", f"{minutes:.1f}", *scores(f"{run}/bundle", sets, kind)]) + " |")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
