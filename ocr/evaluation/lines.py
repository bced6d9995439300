"""Evaluation of recognizers on labeled line images."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ocr.data.lines.batches import EvaluationBatches
from ocr.data.lines.sources import LineSource
from ocr.decoding import Hypothesis
from ocr.errors import ConfigError, DataError, OcrError
from ocr.evaluation.analysis.confusions import count_confusions
from ocr.evaluation.engine import LineEngine
from ocr.inference.recognizer import LineReader
from ocr.inference.settings import DEFAULTS
from ocr.metrics.calibration import ConfidenceCounts, count_confidence, matched
from ocr.metrics.text import ErrorCounts, bootstrap_interval, count_errors
from ocr.text.normalize import normalize as normalize_text
from ocr.types import LineBatch, LineSample

MAX_CONFUSIONS = 30
"""Confusions that a report holds."""


@dataclass(frozen=True)
class LineResult:
    """Label and recognized text of a line, with the counts of its errors."""

    id: str
    source: str
    document: str
    reference: str
    reading: str
    confidence: float
    counts: ErrorCounts
    words: ConfidenceCounts
    characters: ConfidenceCounts


class Head:
    """The first `count` lines of a source, read on access."""

    def __init__(self, source: LineSource, count: int) -> None:
        if count < 1:
            raise ConfigError(f"limit must be at least 1, got {count}")
        self.source, self.count, self.name = source, min(count, len(source)), source.name

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> LineSample:
        return self.source[index]

    def widths(self) -> np.ndarray:
        """(n,) widths of the lines in pixels."""
        return self.source.widths()[: self.count]


def evaluate_lines(
    reader: LineReader | LineEngine,
    source: LineSource,
    *,
    normalize: bool = True,
    kind: str | None = None,
    limit: int | None = None,
    batch_size: int = DEFAULTS.batch_size,
    num_workers: int = 0,
    progress: Callable[[Iterable], Iterable] = iter,
) -> tuple[dict[str, Any], list[LineResult]]:
    """Read and score every line of `source`.

    Args:
        normalize: normalize label and text before they are compared.
        kind: score only lines of this kind, such as `handwritten`.
        limit: use only the first lines of the source.
        progress: wraps the batches, to show progress.
    Returns:
        The report and the scored lines. The report holds `cer`, `wer` in percent, summed over all lines and then
        divided; `cer_ci`, `wer_ci`, 95 % bootstrap intervals over documents; `ece_word`, `ece_character`, expected
        calibration errors in percent, None where the engine gives no such confidences; `lines`, `documents`,
        `characters`, `exact` (percent of lines without an error), `seconds` (of decoding images, preprocessing and
        recognition), `lines_per_second`, `per_source` (the same rates for each source), `confusions` (the most
        frequent ones, see `count_confusions`) and `skipped` (unusable lines, with the reason).
    Raises:
        DataError: no line could be scored.
    """
    if limit is not None:
        source = Head(source, limit)
    skipped: list[dict[str, Any]] = []

    def skip(row: int, error: OcrError) -> None:
        skipped.append({"row": row, "reason": str(error)})

    if isinstance(reader, LineReader):
        batches = EvaluationBatches(
            source, reader.preprocess, batch_size=batch_size, num_workers=num_workers, on_error=skip
        )
        read = _read_prepared(reader, progress(batches))
    else:
        read = _read_pictures(reader, source, progress(_parts(len(source), batch_size)), on_error=skip)
    start = time.perf_counter()
    results = [
        score_line(sample, hypothesis, normalize=normalize)
        for sample, hypothesis in read
        if kind in (None, sample.kind)
    ]
    seconds = time.perf_counter() - start
    if not results:
        usable = len(source) - len(skipped)
        why = f"none is of kind {kind!r}" if usable else f"the first: {skipped[0]['reason']}"
        raise DataError(f"{source.name}: none of {len(source)} lines can be scored, {why}")
    return _report(results, seconds, skipped, normalize=normalize), results


def _parts(count: int, size: int) -> list[range]:
    """Divide the numbers up to `count` into ranges of `size`."""
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


def _report(
    results: Sequence[LineResult], seconds: float, skipped: Sequence[dict[str, Any]], *, normalize: bool
) -> dict[str, Any]:
    """Rates over all lines and for each source, speed, confusions, and skipped lines."""
    pairs = ((result.reference, result.reading) for result in results)
    confusions = count_confusions(pairs, normalize=normalize).most_common(MAX_CONFUSIONS)
    return rates(results) | {
        "seconds": round(seconds, 3),
        "lines_per_second": round(len(results) / seconds, 2),
        "per_source": {
            name: rates([result for result in results if result.source == name])
            for name in sorted({result.source for result in results})
        },
        "confusions": [
            {"reference": label, "reading": reading, "count": count} for (label, reading), count in confusions
        ],
        "skipped": sorted(skipped, key=lambda row: row["row"]),
    }


def _read_prepared(
    reader: LineReader, batches: Iterable[LineBatch]
) -> Iterator[tuple[LineSample, Hypothesis]]:
    """Read preprocessed batches by a bundle."""
    for batch in batches:
        yield from zip(batch.samples, reader.read_batch(batch.images), strict=True)


def _read_pictures(
    engine: LineEngine,
    source: LineSource,
    parts: Iterable[Iterable[int]],
    *,
    on_error: Callable[[int, OcrError], None],
) -> Iterator[tuple[LineSample, Hypothesis]]:
    """Read the lines of each part by an engine, without preprocessing."""
    for part in parts:
        samples = []
        for row in part:
            try:
                samples.append(source[row])
            except OcrError as error:
                on_error(row, error)
        if samples:
            yield from zip(samples, engine.read_lines([sample.image for sample in samples]), strict=True)


def score_line(sample: LineSample, hypothesis: Hypothesis, *, normalize: bool = True) -> LineResult:
    """Compare a hypothesis with its label: the texts, and the confidences of words and characters."""
    words, characters = right_parts(sample.text, hypothesis, normalize=normalize)
    return LineResult(
        id=sample.id,
        source=sample.source,
        document=sample.document,
        reference=sample.text,
        reading=hypothesis.text,
        confidence=hypothesis.confidence,
        counts=count_errors(sample.text, hypothesis.text, normalize=normalize),
        words=count_confidence([word.confidence for word in hypothesis.words], words),
        characters=count_confidence([span.confidence for span in hypothesis.characters], characters),
    )


def right_parts(
    reference: str, hypothesis: Hypothesis, *, normalize: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Find the words and the characters of a hypothesis that are right (see `matched`), as two bool arrays."""
    form = normalize_text if normalize else str
    reference = form(reference)
    # The normal form of a lone space is empty.
    characters = [c if c.isspace() else form(c) for c in (span.character for span in hypothesis.characters)]
    words = [form(word.text) for word in hypothesis.words]
    return matched(reference.split(), words), matched(list(reference), characters)


def rates(results: Sequence[LineResult]) -> dict[str, Any]:
    """Compute error rates of some lines in percent, with 95 % intervals over their documents."""
    documents: dict[tuple[str, str], ErrorCounts] = defaultdict(ErrorCounts)
    for result in results:
        documents[result.source, result.document] += result.counts
    total = sum(documents.values(), ErrorCounts())
    each = list(documents.values())
    return {
        "cer": round(total.cer, 3),
        "cer_ci": [round(value, 3) for value in bootstrap_interval(each)],
        "wer": round(total.wer, 3),
        "wer_ci": [round(value, 3) for value in bootstrap_interval(each, rate="wer")],
        "exact": round(100 * sum(result.counts.edits == 0 for result in results) / len(results), 3),
        "ece_word": _calibration([result.words for result in results]),
        "ece_character": _calibration([result.characters for result in results]),
        "lines": total.lines,
        "documents": len(each),
        "characters": total.characters,
    }


def _calibration(counts: Sequence[ConfidenceCounts]) -> float | None:
    total = sum(counts, ConfidenceCounts())
    return round(total.ece, 3) if total.count.any() else None
