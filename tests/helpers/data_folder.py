"""A folder of data as the experiments expect it."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from tests.helpers.strokes import row as stroke_row
from tests.helpers.strokes import write as write_strokes

LINE_SETS = [
    *(f"{name}-train" for name in ("copiste", "poilus", "cremma19", "peraire", "cremma20", "celestine")),
    *(
        f"{name}-train"
        for name in ("poilus2", "lectaurep", "timeus", "cremma19b", "cremma18", "htromance", "cremma17")
    ),
    "stanford-train",
    *(f"{name}-val" for name in ("copiste", "stanford", "poilus", "peraire", "cremma19")),
]

PAGE_SETS = ("copiste", "stanford", "poilus", "peraire", "cremma19", "cremma20", "celestine")


def write_data_folder(folder: Path) -> Path:
    """Write a data folder as the experiments expect it: every line set with one line, and a page a split and set."""
    for part in ("lines", "pages"):
        (folder / part).mkdir()
    buffer = io.BytesIO()
    Image.fromarray(np.full((64, 200), 255, np.uint8)).save(buffer, format="PNG")
    for name in LINE_SETS:
        columns = {"id": ["1"], "image": [buffer.getvalue()], "text": ["a"], "width": [200]}
        kind = "typed" if name == "stanford-train" else "handwritten"
        pq.write_table(pa.table(columns | {"kind": [kind]}), folder / "lines" / f"{name}.parquet")
    own = {"id": ["1", "2"], "image": 2 * [buffer.getvalue()], "text": ["a", "b"], "width": [200, 200]}
    pq.write_table(pa.table(own), folder / "adapt.parquet")
    text = "a line of some hand " * 20
    aligned = {"image": [buffer.getvalue()], "text": [text], "fit": [-0.1], "writer": ["w"]}
    aligned |= {"spans": [[0.0] * 2 * len(text)], "polygon": [None]}
    pq.write_table(pa.table(aligned), folder / "aligned.parquet")
    (folder / "characters.jsonl").write_text("")
    strokes = [stroke_row("w", "ten not", split) for split in ("train", "val")]
    for name in ("unipen-lines", "unipen-words"):
        write_strokes(folder / f"{name}.parquet", strokes)
        located = {"slant": 0.0, "fit": 0.0, "character": [0] * 24, "edges": [0.0] * 8}
        pq.write_table(pa.Table.from_pylist([strokes[0] | located] * 30), folder / f"located-{name}.parquet")
    Image.fromarray(np.full((90, 120, 3), 255, np.uint8)).save(folder / "pages" / "page.png")
    line = {
        "id": "l",
        "polygon": [[5, 5], [90, 5], [90, 25], [5, 25]],
        "baseline": [[5, 22], [90, 22]],
        "text": "a",
    }
    rows = [
        {
            "id": f"{split}",
            "file": "page.png",
            "width": 120,
            "height": 90,
            "source": source,
            "split": split,
            "lines": [line],
        }
        for split in ("train", "val")
        for source in PAGE_SETS
    ]
    (folder / "pages" / "pages.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder
