"""Lines for adapting a recognizer, mixed with synthetic ones and split by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from ocr.data.lines.datamodule import LineDataModule
from ocr.data.lines.folder import FolderLines
from ocr.data.lines.manifest import ParquetLines
from ocr.data.lines.mix import MixedLines
from ocr.data.lines.sources import LineSource, SelectedLines
from ocr.errors import ConfigError

if TYPE_CHECKING:
    from ocr.image.preprocess import LinePreprocessor


class AdaptationDataModule(LineDataModule):
    """Some tens to thousands of corrected lines as training data; one epoch is the whole run.

    Every line is shown about `passes` times, in a run of at least `steps[0]` and at most `steps[1]` batches.

    Args:
        path: a manifest (`ParquetLines`) or a folder (`FolderLines`).
        val_path: the same for validation; None: about `hold_out` of the lines, in whole documents.
        hold_out: share of lines held back.
        replay: lines mixed in, so that less of what the model knows is forgotten. replay_share: their share.
        preprocess, lines_per_batch, pool, num_workers, seed: see `LineDataModule`.

    Raises:
        ConfigError: a value is out of range, or all lines are of one document, so that none can be held back.
        DataError: the lines cannot be read.
    """

    def __init__(
        self,
        *,
        path: str | Path,
        val_path: str | Path | None = None,
        hold_out: float,
        replay: LineSource,
        replay_share: float,
        passes: float,
        steps: Sequence[int],
        preprocess: LinePreprocessor,
        lines_per_batch: int,
        pool: int,
        num_workers: int,
        seed: int = 0,
    ) -> None:
        if not 0 < hold_out < 1 or not 0 <= replay_share < 1:
            raise ConfigError(f"hold_out={hold_out}, replay_share={replay_share}: expected shares below 1")
        if passes <= 0 or not 0 < steps[0] <= steps[1]:
            raise ConfigError(f"passes={passes}, steps={list(steps)}: expected positive numbers, least first")
        train = lines = open_lines(path)
        if val_path is None:
            kept, held_out = split_by_document(lines.documents(), hold_out, name=str(path))
            train, val = SelectedLines(lines, kept), SelectedLines(lines, held_out)
        else:
            val = open_lines(val_path)
        wanted = passes * len(train) / ((1 - replay_share) * lines_per_batch)
        self.steps = round(min(max(wanted, steps[0]), steps[1]))
        super().__init__(
            train=MixedLines(
                {"replay": replay, "adaptation": train},
                {"replay": replay_share, "adaptation": 1 - replay_share},
                length=self.steps * lines_per_batch,
                seed=seed,
            ),
            val=val,
            preprocess=preprocess,
            lines_per_batch=lines_per_batch,
            pool=pool,
            equal_lines=True,
            num_workers=num_workers,
            seed=seed,
        )
        print(f"{len(train)} lines to learn from in {self.steps} steps, {len(val)} lines to measure by")


def open_lines(path: str | Path) -> ParquetLines | FolderLines:
    """Lines of a manifest, or of a folder of pictures with labels."""
    return FolderLines(path) if Path(path).is_dir() else ParquetLines(path)


def split_by_document(documents: Sequence[str], share: float, *, name: str) -> tuple[list[int], list[int]]:
    """Rows to learn from and rows held back, by the document of each row.

    Documents are taken in an order that depends on their names alone; between 0.8 and 1.2 times `share` of the rows
    are held back if whole documents allow, otherwise the smallest document.

    Raises:
        ConfigError: there is but one document; `name` says of what.
    """
    sizes = Counter(documents)
    if len(sizes) < 2:
        raise ConfigError(
            f"{name}: all lines are of one page ({documents[0]}), so that none can be held back: add lines of "
            "another page, or name some with data.val_path=FILE_OR_FOLDER"
        )
    order = sorted(sizes, key=lambda document: blake2b(document.encode(), digest_size=8).digest())
    held: set[str] = set()
    lines, wanted = 0, share * len(documents)
    for document in order:
        if lines < 0.8 * wanted and lines + sizes[document] <= 1.2 * wanted:
            held.add(document)
            lines += sizes[document]
    if not held:
        held = {min(order, key=sizes.__getitem__)}
    rows: tuple[list[int], list[int]] = [], []
    for row, document in enumerate(documents):
        rows[document in held].append(row)
    return rows
