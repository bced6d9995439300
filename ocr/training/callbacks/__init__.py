"""Callbacks of a training run: averaged weights, checkpoints, seeds of steps, the bundle, pictures."""

from ocr.training.callbacks.averaging import AveragedWeights
from ocr.training.callbacks.checkpoint import StepCheckpoint
from ocr.training.callbacks.export import BundleExport
from ocr.training.callbacks.samples import SamplePages, SamplePictures
from ocr.training.callbacks.seed import StepSeed

__all__ = ["AveragedWeights", "BundleExport", "SamplePages", "SamplePictures", "StepCheckpoint", "StepSeed"]
