"""Counts add up, rates are of the sum, matching is one to one."""

import numpy as np
import pytest

from ocr.errors import ConfigError
from ocr.metrics.boxes import (
    DetectionCounts,
    count_detections,
    match_polygons,
    reading_order_error,
    segmentation_errors,
)
from ocr.metrics.text import ErrorCounts, bag_of_lines_errors, bootstrap_interval, count_errors, page_errors


def box(left, top, right, bottom):
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "edits", "word_edits", "reason"),
    [
        ("same text", "same text", 0, 0, "equal"),
        ("same text", "some text", 1, 1, "one substitution"),
        ("same text", "sametext", 1, 2, "a lost space costs two words"),
        ("abc", "", 3, 1, "nothing read"),
        ("", "abc", 3, 1, "text invented"),
        ("", "", 0, 0, "blank"),
        ("e\u0301te\u0301", "\u00e9t\u00e9", 0, 0, "composition is normalised"),
        ("it\u2019s  so", "it's so", 0, 0, "quotes and spaces are normalised"),
    ],
)
def test_count_errors(reference, hypothesis, edits, word_edits, reason):
    counts = count_errors(reference, hypothesis)
    assert (counts.edits, counts.word_edits) == (edits, word_edits), reason


def test_normalisation_can_be_turned_off():
    assert count_errors("it\u2019s", "it's", normalize=False).edits == 1


def test_rates_are_of_the_sum_not_the_mean():
    long, short = count_errors("a" * 99, "a" * 99), count_errors("b", "c")
    total = sum([long, short], ErrorCounts())
    assert total.cer == pytest.approx(1.0)
    assert total.lines == 2
    assert ErrorCounts().cer == 0.0
    with pytest.raises(TypeError):
        total + 1


@pytest.mark.parametrize(
    ("hypothesis", "page", "bag", "reason"),
    [
        (["one two", "three"], 0, 0, "right"),
        (["one", "two three"], 0, 8, "a line break elsewhere is free in order, not in the bag"),
        (["three", "one two"], 11, 0, "swapped lines cost only in order"),
        (["one two"], 6, 5, "a missed line"),
        (["one two", "three", "four"], 5, 4, "an invented line"),
        ([], 13, 12, "nothing found"),
    ],
)
def test_page_errors(hypothesis, page, bag, reason):
    reference = ["one two", "three"]
    assert page_errors(reference, hypothesis).edits == page, reason
    counts = bag_of_lines_errors(reference, hypothesis)
    assert counts.edits == bag, reason
    assert (counts.characters, counts.lines) == (12, 2)


def test_bootstrap_interval():
    documents = [ErrorCounts(edits=e, characters=100) for e in (2, 5, 8, 11, 14, 3, 7, 9)]
    low, high = bootstrap_interval(documents)
    assert low < sum(documents, ErrorCounts()).cer < high
    assert (low, high) == bootstrap_interval(documents), "seeded"
    same = [ErrorCounts(edits=5, characters=100, word_edits=1, words=10)] * 4
    assert bootstrap_interval(same) == (5.0, 5.0), "no spread between documents, no interval"
    assert bootstrap_interval(same, rate="wer") == (10.0, 10.0)
    narrow = bootstrap_interval(documents, confidence=0.5)
    assert low < narrow[0] < narrow[1] < high
    with pytest.raises(ConfigError, match="at least one"):
        bootstrap_interval([])


TRUTH = [box(0, 0, 100, 20), box(0, 30, 100, 50), box(0, 60, 100, 80)]


@pytest.mark.parametrize(
    ("predicted", "pairs", "reason"),
    [
        (TRUTH[::-1], [(2, 0), (1, 1), (0, 2)], "any order"),
        ([box(0, 0, 100, 20), box(0, 1, 100, 21)], [(0, 0)], "a double detection counts once"),
        ([box(0, 0, 49, 20), box(51, 0, 100, 20)], [], "halves do not match at 0.5"),
        ([box(0, 0, 51, 20), box(52, 0, 100, 20)], [(0, 0)], "the bigger half does"),
        ([], [], "nothing found"),
        ([box(0, 0, 100, 50)], [], "two lines in one"),
    ],
)
def test_match_polygons(predicted, pairs, reason):
    assert match_polygons(predicted, TRUTH) == pairs, reason


def test_matching_prefers_more_pairs_over_a_better_one():
    truth = [box(0, 0, 100, 20), box(0, 8, 100, 28)]
    predicted = [box(0, 1, 100, 21), box(0, -6, 100, 14)]
    # predicted 0 fits truth 0 best, but predicted 1 fits only truth 0.
    assert match_polygons(predicted, truth, iou=0.45) == [(1, 0), (0, 1)]


@pytest.mark.parametrize(
    ("predicted", "options", "expected", "reason"),
    [
        (TRUTH, {}, DetectionCounts(3, 3, 3, 3), "perfect"),
        (TRUTH[:2], {}, DetectionCounts(2, 3, 2, 2), "one missed"),
        ([*TRUTH, box(0, 200, 50, 220)], {}, DetectionCounts(3, 3, 4, 3), "one invented"),
        (
            [*TRUTH, box(0, 200, 50, 220)],
            {"ignore": [box(0, 190, 300, 300)]},
            DetectionCounts(3, 3, 3, 3),
            "an invention in an ignored area is forgotten",
        ),
        (
            TRUTH,
            {"ignore": [box(0, 0, 300, 300)]},
            DetectionCounts(3, 3, 3, 3),
            "a match counts even in an ignored area",
        ),
        (
            [*TRUTH, box(0, 200, 50, 220)],
            {"complete": False},
            DetectionCounts(3, 3, 0, 0),
            "an incomplete page judges recall only",
        ),
        (
            [box(0, 0, 49, 20), box(51, 0, 100, 20), *TRUTH[1:]],
            {},
            DetectionCounts(2, 3, 4, 2, over_segmented=1),
            "a line in two pieces",
        ),
        ([box(0, 0, 100, 50), TRUTH[2]], {}, DetectionCounts(1, 3, 2, 1, under_segmented=1), "merged"),
        ([], {}, DetectionCounts(0, 3, 0, 0), "nothing found"),
    ],
)
def test_count_detections(predicted, options, expected, reason):
    assert count_detections(predicted, TRUTH, **options) == expected, reason


@pytest.mark.parametrize(
    ("predicted", "over", "under", "reason"),
    [
        (TRUTH, [], [], "right"),
        ([box(0, 0, 49, 20), box(51, 0, 100, 20)], [0], [], "cut in the middle"),
        ([box(0, 0, 70, 20), box(71, 0, 100, 20)], [0], [], "cut, though the bigger piece matches"),
        ([box(0, 0, 33, 20), box(34, 0, 66, 20), box(67, 0, 100, 20)], [0], [], "cut twice is one line cut"),
        ([box(0, 0, 100, 9), box(0, 10, 100, 20)], [0], [], "cut along its length"),
        (
            [box(0, 0, 50, 20), box(51, 0, 100, 20), box(0, 30, 45, 50), box(46, 30, 99, 50)],
            [0, 1],
            [],
            "two",
        ),
        ([box(0, 0, 100, 20), box(60, 0, 100, 20)], [], [], "found whole, and a part of it once more"),
        ([box(0, 0, 92, 20), box(95, 0, 100, 20)], [], [], "the rest is a sliver"),
        ([box(0, 0, 20, 20), box(80, 0, 100, 20)], [], [], "two words of a line that is missed"),
        ([box(0, 0, 45, 20), box(40, -30, 100, 8)], [], [], "the second one lies mostly elsewhere"),
        ([box(0, 0, 100, 50)], [], [0], "two in one"),
        ([box(0, 0, 100, 80)], [], [0], "three in one"),
        ([TRUTH[0], box(0, 25, 100, 85)], [], [1], "one right, two in one"),
        ([box(0, 0, 100, 42)], [], [0], "all of one and the better half of the next"),
        ([box(0, 0, 100, 38)], [], [], "only touches the next"),
        ([box(-200, -200, 400, 300)], [], [], "a blot that lines are a small part of"),
        ([box(0, 0, 50, 50), box(51, 0, 100, 50)], [], [], "halves of two lines: neither piece nor whole"),
        ([], [], [], "nothing found"),
    ],
)
def test_segmentation_errors(predicted, over, under, reason):
    assert segmentation_errors(predicted, TRUTH) == (over, under), reason
    counts = count_detections(predicted, TRUTH)
    assert (counts.over_segmented, counts.under_segmented) == (len(over), len(under))


def test_without_true_regions_nothing_is_cut():
    assert segmentation_errors(TRUTH, []) == ([], [])


def test_detection_rates():
    counts = DetectionCounts(matched=3, truth=4, predicted=6, correct=3) + DetectionCounts()
    assert (counts.recall, counts.precision, counts.f1) == (0.75, 0.5, pytest.approx(0.6))
    blank = count_detections([], [])
    assert (blank.recall, blank.precision, blank.f1) == (1.0, 1.0, 1.0), "a blank page left blank is right"


@pytest.mark.parametrize(
    ("ranks", "error", "reason"),
    [
        ([0, 1, 2, 3], 0.0, "right"),
        ([3, 2, 1, 0], 1.0, "reversed"),
        ([1, 0, 2, 3], 1 / 6, "one swap of neighbours"),
        ([0, 4, 9], 0.0, "unmatched lines leave gaps"),
        ([5], 0.0, "one line has no order"),
        ([], 0.0, "none"),
    ],
)
def test_reading_order_error(ranks, error, reason):
    assert reading_order_error(ranks) == pytest.approx(error), reason
