"""Learning curves: the metrics of runs over their steps, drawn by Matplotlib (the extra `plots`)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import lightning as L
from lightning.pytorch.loggers import CSVLogger

from ocr.errors import ConfigError, OcrError, one_line
from ocr.training.log import Series, read_log

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MISSING = "learning curves need Matplotlib: it comes with the extra `plots`"


def draw_curves(log: Mapping[str, Series], path: str | Path, *, monitor: str | None = None) -> None:
    """Draw the metrics of one run: losses above, validation below, as a picture of the type that `path` ends with.

    Args:
        log: as of `read_log`. monitor: validation metric that is drawn thick, such as `val/cer`.
    Raises:
        ConfigError: Matplotlib is missing, or the picture cannot be written.
    """
    losses = {
        name: series for name, series in log.items() if name.startswith("train/") and name != "train/lines"
    }
    losses |= {name: series for name, series in log.items() if name == "val/loss"}
    scores = {name: series for name, series in log.items() if name.startswith("val/") and name != "val/loss"}
    _draw([("loss", losses), ("validation", scores)], path, thick=monitor)


def compare_curves(runs: Mapping[str, Series], path: str | Path, *, metric: str) -> None:
    """Draw one metric of several runs, given by name, in one picture. Raises ConfigError as `draw_curves` does."""
    _draw([(metric, runs)], path)


def _draw(
    panels: list[tuple[str, Mapping[str, Series]]], path: str | Path, *, thick: str | None = None
) -> None:
    panels = [(title, curves) for title, curves in panels if curves]
    try:
        # Figures of their own: pyplot would choose a window system, and keep each figure.
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError(MISSING) from error
    figure = Figure(figsize=(9, 4 * max(len(panels), 1)), layout="constrained")
    for number, (title, curves) in enumerate(panels, start=1):
        _panel(figure.add_subplot(len(panels), 1, number), title, curves, thick)
    try:
        figure.savefig(path, dpi=110)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be written ({one_line(error)})") from error


def _panel(axes: Axes, title: str, curves: Mapping[str, Series], thick: str | None) -> None:
    for name, series in sorted(curves.items()):
        steps = sorted(series)
        style = {"linewidth": 2.5 if name == thick else 1.2, "marker": "." if len(steps) < 50 else ""}
        axes.plot(steps, [series[step] for step in steps], label=name, **style)
    axes.set_xlabel("step")
    axes.set_ylabel(title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small", loc="upper right")


class LearningCurves(L.Callback):
    """Picture of the metrics of the CSV logger at the end of a run; a message where Matplotlib is not installed.

    Args:
        log: folder of the CSV logger. path: picture to write. monitor: metric that is drawn thick.
    """

    def __init__(self, log: str, path: str, *, monitor: str) -> None:
        self.log_folder = log
        self.path = Path(path)
        self.monitor = monitor

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the picture."""
        if not trainer.is_global_zero:
            return
        for logger in trainer.loggers:
            if isinstance(logger, CSVLogger):
                logger.save()
        try:
            log = read_log(self.log_folder)
            if log:
                draw_curves(log, self.path, monitor=self.monitor)
        except OcrError as error:
            # A picture is never worth a run.
            print(f"{self.path.name} is not drawn: {error}", file=sys.stderr)
