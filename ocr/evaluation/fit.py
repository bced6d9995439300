"""Fitting of the decoding of a recognizer to labeled lines that it was not trained on.

The weights of the beam search and of rescoring are chosen by the character error rate; the calibration of the
confidences of each strategy is fitted by maximum likelihood.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from tqdm import tqdm

from ocr.bundle import Bundle
from ocr.data.lines.batches import EvaluationBatches
from ocr.data.lines.sources import LineSource
from ocr.decoding import CtcBeam, Hypothesis, Rescoring, SearchSettings, get_decoder
from ocr.decoding.calibration import Calibration, Logistic, character_features, word_features
from ocr.errors import ConfigError
from ocr.evaluation.lines import right_parts, score_line
from ocr.inference.settings import DEFAULTS
from ocr.metrics.calibration import ConfidenceCounts
from ocr.metrics.text import ErrorCounts, count_errors
from ocr.models.vit import Encoded
from ocr.types import ImageBatch, LineSample

STEPS = (0.1, 0.05)
"""Steps of the weight of the language model, one after the other; those of the bonus are four times as large."""

DECODER_WEIGHTS = (0.1, 0.2, 0.35, 0.5, 0.7, 1.0)
"""Weights of the decoder that are tried for rescoring."""


@dataclass
class EncodedLines:
    """Labeled lines that have been encoded once, to compare several decodings of them."""

    bundle: Bundle
    batches: list[tuple[list[LineSample], ImageBatch, Encoded]]

    @classmethod
    @torch.inference_mode()
    def of(cls, bundle: Bundle, source: LineSource) -> EncodedLines:
        """Encode every usable line. Raises ConfigError if there are none."""
        batches = EvaluationBatches(source, bundle.parts["preprocess"], batch_size=DEFAULTS.batch_size)
        lines = [
            (batch.samples, batch.images, bundle.model.encode(batch.images))
            for batch in tqdm(batches, disable=None, leave=False)
        ]
        if not lines:
            raise ConfigError(f"{source.name}: none of {len(source)} lines can be used")
        return cls(bundle, lines)

    @torch.inference_mode()
    def read(self, strategy: Callable) -> list[tuple[LineSample, Hypothesis]]:
        """Decode every line; the confidences are the uncalibrated ones of the strategy."""
        parts = self.bundle.parts
        pairs = []
        for samples, images, encoded in self.batches:
            readings = strategy(
                self.bundle.model, encoded, parts.get("ctc_tokenizer"), parts.get("tokenizer"), images
            )
            pairs += zip(samples, readings, strict=True)
        return pairs


def fit_search(lines: EncodedLines, start: CtcBeam, *, show: Callable[[str], None] = print) -> SearchSettings:
    """Find the weight and bonus of the beam search with the fewest errors (pattern search, Hooke and Jeeves 1961).

    Starts at the settings of `start`, tries a step of either number in either direction, moves to the settings with
    the fewest errors, and takes smaller steps where none of them is better. `show` receives one line per setting.
    """
    tried: dict[tuple[float, float], int] = {}

    def errors(weight: float, bonus: float) -> int:
        if (weight, bonus) not in tried:
            settings = replace(start.settings, weight=weight, bonus=bonus)
            begin = time.process_time()
            pairs = lines.read(CtcBeam(start.ngram, settings))
            milliseconds = 1000 * (time.process_time() - begin) / len(pairs)
            counts = sum(
                (count_errors(sample.text, reading.text) for sample, reading in pairs), ErrorCounts()
            )
            tried[weight, bonus] = counts.edits
            show(
                f"beams {settings.beams}  weight {weight:.2f}  bonus {bonus:.2f}  CER {counts.cer:.2f}  "
                f"WER {counts.wer:.2f}  {milliseconds:.1f} ms per line"
            )
        return tried[weight, bonus]

    best = round(start.settings.weight, 2), round(start.settings.bonus, 2)
    for step in STEPS:
        while True:
            moves = [(step, 0), (-step, 0), (0, 4 * step), (0, -4 * step)]
            around = [(round(best[0] + a, 2), round(best[1] + b, 2)) for a, b in moves]
            found = min([best, *(pair for pair in around if pair[0] >= 0)], key=lambda pair: errors(*pair))
            if found == best:
                break
            best = found
    return replace(start.settings, weight=best[0], bonus=best[1])


def fit_rescoring(lines: EncodedLines, start: Rescoring, *, show: Callable[[str], None] = print) -> Rescoring:
    """Choose the weight of `DECODER_WEIGHTS` with the fewest errors, the lowest of equal ones."""
    errors = {}
    for weight in DECODER_WEIGHTS:
        pairs = lines.read(Rescoring(start.search, **start.options() | {"weight": weight}))
        counts = sum((count_errors(sample.text, reading.text) for sample, reading in pairs), ErrorCounts())
        errors[weight] = counts.edits
        show(f"weight of the decoder {weight:.2f}  CER {counts.cer:.2f}  WER {counts.wer:.2f}")
    best = min(errors, key=errors.__getitem__)
    return Rescoring(start.search, **start.options() | {"weight": best})


def fit_calibration(pairs: Sequence[tuple[LineSample, Hypothesis]]) -> Calibration:
    """Fit the calibration of uncalibrated hypotheses by maximum likelihood."""
    right = [right_parts(sample.text, reading) for sample, reading in pairs]
    readings = [reading for _, reading in pairs]
    return Calibration(
        character=_fit(
            np.concatenate([character_features(reading) for reading in readings]),
            np.concatenate([characters for _, characters in right]),
        ),
        word=_fit(
            np.concatenate([word_features(reading) for reading in readings]),
            np.concatenate([words for words, _ in right]),
        ),
    )


def _fit(features: np.ndarray, right: np.ndarray) -> Logistic:
    """Fit a logistic regression of right (n,) bool on features (n, 3); a feature that is always 0 gets weight 0."""
    signs = np.where(right, 1.0, -1.0)
    inputs = np.column_stack((features, np.ones(len(features))))

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margins = signs * (inputs @ weights)
        slope = -signs / (1 + np.exp(np.clip(margins, -500, 500)))
        return float(np.logaddexp(0, -margins).mean()), inputs.T @ slope / len(inputs)

    found = minimize(loss, np.array([1.0, 0.0, 0.0, 0.0]), jac=True, method="BFGS").x
    return Logistic(*(round(float(weight), 4) for weight in found))


def calibration_errors(pairs: Sequence[tuple[LineSample, Hypothesis]]) -> tuple[float, float]:
    """Compute the expected calibration errors of words and of characters, in percent."""
    results = [score_line(sample, reading) for sample, reading in pairs]
    words = sum((result.words for result in results), ConfidenceCounts())
    characters = sum((result.characters for result in results), ConfidenceCounts())
    return words.ece, characters.ece


def fit_decoding(
    lines: EncodedLines,
    names: Sequence[str],
    *,
    check: EncodedLines | None = None,
    show: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Fit the `options` and `calibration` of the named strategies to `lines`.

    Args:
        check: further lines, on which the calibration is measured.
        show: receives lines of progress, with calibration errors before and after the fit.
    Returns:
        The `decoding` of the bundle with the fitted values.
    """
    bundle = lines.bundle
    options, calibrations = (dict(bundle.decoding.get(key, {})) for key in ("options", "calibration"))
    for name in names:
        strategy = get_decoder(name, ngram=bundle.parts.get("ngram"), options=options)
        if isinstance(strategy, CtcBeam):
            settings = fit_search(lines, strategy, show=show)
            options[name] = asdict(settings)
            strategy = CtcBeam(strategy.ngram, settings)
        elif isinstance(strategy, Rescoring):
            strategy = fit_rescoring(lines, strategy, show=show)
            options[name] = strategy.options()
        calibration = fit_calibration(lines.read(strategy))
        calibrations[name] = calibration.config()
        for role, some in (("fitted", lines), ("check", check)):
            if some is not None:
                pairs = some.read(strategy)
                before = calibration_errors(pairs)
                after = calibration_errors([(sample, calibration(reading)) for sample, reading in pairs])
                show(
                    f"{name}, {role}: ECE % of words {before[0]:.2f} -> {after[0]:.2f}, "
                    f"of characters {before[1]:.2f} -> {after[1]:.2f}"
                )
    return {**bundle.decoding, "options": options, "calibration": calibrations}
