"""Results of methods that are kept for a while."""

import copy
import pickle

from ocr.caching import Cache


class Doubled:
    def __init__(self):
        self.calls = []
        self.of = Cache(self._compute, 2)

    def _compute(self, number):
        self.calls.append(number)
        return [2 * number]


def test_the_newest_results_are_kept():
    doubled = Doubled()
    assert doubled.of(1) is doubled.of(1) and doubled.calls == [1]
    doubled.of(2), doubled.of(3), doubled.of(1)
    assert doubled.calls == [1, 2, 3, 1]


def test_a_copy_keeps_results_of_its_own():
    doubled = Doubled()
    kept = doubled.of(1)
    for other in (copy.deepcopy(doubled), pickle.loads(pickle.dumps(doubled))):
        assert other.of(1) == kept and other.of(1) is not kept
        assert other.calls == [1, 1] and doubled.calls == [1], "computed by the copy itself"
