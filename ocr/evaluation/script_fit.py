"""Fitting of the test that tells lines in other scripts from those that a recognizer knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from scipy.optimize import minimize
from tqdm import tqdm

from ocr.bundle import Bundle
from ocr.data.lines.batches import EvaluationBatches
from ocr.data.lines.sources import LineSource
from ocr.decoding.alignment import ctc_log_probs
from ocr.decoding.script import FEATURES, ScriptTest, script_features
from ocr.errors import ConfigError
from ocr.inference.settings import DEFAULTS

RIDGE = 1e-3
"""Weight of the squared standardized weights in the loss."""

FALSE_ALARMS = 0.002
"""Share of known lines, of sources left out of the fit, that may be taken for another script by themselves."""

PAGE_LINES, PAGE_MARGIN = 8, 0.5
"""Lines that count as a page, and the log-odds between the worst such page and the threshold."""

Features = Mapping[str, np.ndarray]
"""(n, f) features of the lines of each source."""


@torch.inference_mode()
def line_features(bundle: Bundle, sources: Mapping[str, LineSource]) -> dict[str, np.ndarray]:
    """Compute the (n, f) `script_features` of every usable line of each source.

    Raises:
        ConfigError: the bundle has no CTC head, or a source no usable line.
    """
    if bundle.model.ctc_head is None:
        raise ConfigError(f"bundle {bundle.name!r} has no CTC head, by which scripts are told apart")
    tokenizer, ngram = bundle.parts["ctc_tokenizer"], bundle.parts.get("ngram")
    features = {}
    for name, source in tqdm(sources.items(), disable=None, leave=False):
        batches = EvaluationBatches(source, bundle.parts["preprocess"], batch_size=DEFAULTS.batch_size)
        rows = [
            script_features(row, tokenizer, ngram)
            for batch in batches
            for row in ctc_log_probs(bundle.model, bundle.model.encode(batch.images))
        ]
        if not rows:
            raise ConfigError(f"{name}: none of {len(source)} lines can be used")
        features[name] = np.stack(rows)
    return features


def fit_script_test(known: Features, other: Features, *, show: Callable[[str], None] = print) -> ScriptTest:
    """Fit a logistic regression, each source with the same weight, and its thresholds.

    The thresholds are set on scores that each known source has by a test fitted without it: that of single lines
    where `FALSE_ALARMS` of them are marked, that of pages `PAGE_MARGIN` above the highest mean of `PAGE_LINES`
    lines one after the other.

    Args:
        known, other: features of lines in scripts that the recognizer knows, and in others.
        show: receives one line for each known source.
    """
    unseen = {}
    for name in known:
        rest = {key: value for key, value in known.items() if key != name} or known
        unseen[name] = _fit(rest, other)(known[name])
    line = float(np.quantile(np.concatenate(list(unseen.values())), 1 - FALSE_ALARMS))
    page = max(float(_page_means(scores).max()) for scores in unseen.values()) + PAGE_MARGIN
    test = replace(_fit(known, other), line=round(max(line, page), 4), page=round(page, 4))
    for name, scores in unseen.items():
        show(f"{name}, left out of the fit: {_marked(test, scores)}")
    return test


def show_marked(test: ScriptTest, features: Features, *, show: Callable[[str], None] = print) -> None:
    """Print for each source how many of its lines, and of its pages of `PAGE_LINES` lines, are marked."""
    for name, values in features.items():
        show(f"{name}: {_marked(test, test(values))}")


def _marked(test: ScriptTest, scores: np.ndarray) -> str:
    starts = range(0, max(len(scores) - PAGE_LINES, 0) + 1, PAGE_LINES)
    pages = [test.is_other_page(scores[start : start + PAGE_LINES]) for start in starts]
    alone = int((scores > test.line).sum())
    return f"{alone} of {len(scores)} lines by themselves, {sum(pages)} of {len(pages)} pages"


def _page_means(scores: np.ndarray) -> np.ndarray:
    count = min(PAGE_LINES, len(scores))
    return np.convolve(scores, np.full(count, 1 / count), "valid")


def _fit(known: Features, other: Features) -> ScriptTest:
    inputs, signs, shares = _stacked(known, other)
    center, scale = inputs.mean(0), np.maximum(inputs.std(0), 1e-6)
    inputs = np.column_stack(((inputs - center) / scale, np.ones(len(inputs))))

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margins = signs * (inputs @ weights)
        slope = -signs * shares / (1 + np.exp(np.clip(margins, -500, 500)))
        ridge = np.append(RIDGE * weights[:-1], 0.0)
        return float(shares @ np.logaddexp(0, -margins) + ridge @ weights / 2), inputs.T @ slope + ridge

    found = minimize(loss, np.zeros(inputs.shape[1]), jac=True, method="BFGS").x
    weights = found[:-1] / scale
    rounded = {name: round(float(value), 4) for name, value in zip(FEATURES, weights, strict=True)}
    return ScriptTest(rounded, round(float(found[-1] - weights @ center), 4), line=0.0, page=0.0)


def _stacked(known: Features, other: Features) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs (n, f), signs (n,), and weights (n,) by which known and other sources have half each."""
    inputs, signs, shares = [], [], []
    for sign, group in ((-1.0, known), (1.0, other)):
        for values in group.values():
            inputs.append(values)
            signs.append(np.full(len(values), sign))
            shares.append(np.full(len(values), 0.5 / len(group) / len(values)))
    return np.concatenate(inputs), np.concatenate(signs), np.concatenate(shares)
