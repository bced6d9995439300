"""Synthetic lines a second of processor time: `python benchmarks/synth_speed.py [--fonts DIR] [--corpus DIR]`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np

import ocr.synth.line as line_module
from ocr.synth.line import LineSynthesizer


def lines_per_second(draw: Callable[[np.random.Generator], object], count: int, seed: int) -> float:
    start = time.process_time()
    for index in range(count):
        draw(np.random.default_rng([seed, index]))
    return count / (time.process_time() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fonts")
    parser.add_argument("--corpus")
    parser.add_argument("--count", type=int, default=2000)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    synthesizer = LineSynthesizer(fonts=options.fonts, corpus=options.corpus)
    # The first pass opens fonts and outlines; a training run pays for it once a worker.
    cold = lines_per_second(synthesizer.sample, options.count, 1)
    warm = lines_per_second(synthesizer.sample, options.count, 1)
    line_module.degrade = lambda line, rng, settings: line.ink
    drawn = lines_per_second(synthesizer.sample, options.count, 1)
    print(f"{'first pass (opening fonts)':<32}{cold:8.0f} lines/s")
    print(f"{'drawn and degraded':<32}{warm:8.0f} lines/s")
    print(f"{'drawn only':<32}{drawn:8.0f} lines/s")
    print(f"{'degradation':<32}{1000 / warm - 1000 / drawn:8.2f} ms a line")


if __name__ == "__main__":
    main()
