"""Calibration errors against ones done by hand."""

import numpy as np
import pytest

from ocr.metrics.calibration import BINS, ConfidenceCounts, count_confidence, matched


@pytest.mark.parametrize(
    ("confidences", "right", "ece", "why"),
    [
        ([], [], 0.0, "nothing read"),
        ([1.0, 1.0], [True, True], 0.0, "sure and right; 1 falls into the last bin"),
        ([1.0, 1.0], [False, True], 50.0, "half as good as it claims"),
        ([0.0], [True], 100.0, "worse than it could be"),
        ([0.5, 0.5], [True, False], 0.0, "right half of the time, as it says"),
        ([0.41, 0.46], [True, False], 6.5, "one bin: its mean counts"),
        ([0.1, 0.9], [True, False], 90.0, "two bins: their errors do not cancel"),
    ],
)
def test_expected_calibration_error(confidences, right, ece, why):
    assert count_confidence(confidences, right).ece == pytest.approx(ece), why


def test_lines_are_summed_before_bins_are_compared():
    lines = [count_confidence([0.5], [True]), count_confidence([0.5], [False])]
    assert sum(lines, ConfidenceCounts()).ece == pytest.approx(0)


def test_confidences_that_are_true_have_no_error():
    rng = np.random.default_rng(0)
    confidences = rng.random(200_000)
    counts = count_confidence(confidences, rng.random(200_000) < confidences)
    assert counts.ece < 0.6
    assert counts.count.sum() == 200_000 and len(counts.count) == BINS


@pytest.mark.parametrize(
    ("reference", "hypothesis", "right", "why"),
    [
        ("one two three", "one two three", [1, 1, 1], "equal"),
        ("one two three", "one too three", [1, 0, 1], "one replaced"),
        ("one three", "one two three", [1, 0, 1], "one invented"),
        ("one two three", "one three", [1, 1], "a missed word makes no other wrong"),
        ("", "one", [0], "text where there is none"),
        ("one", "", [], "nothing read"),
    ],
)
def test_matched_words(reference, hypothesis, right, why):
    assert matched(reference.split(), hypothesis.split()).tolist() == [bool(r) for r in right], why
