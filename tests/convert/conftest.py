"""Checkpoints of every style, made once."""

from pathlib import Path

import pytest
import torch

from tests.helpers.checkpoints import STYLES, make_checkpoint


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory) -> dict[str, tuple[Path, torch.nn.Module]]:
    """A folder and its model for each style; not to be changed."""
    root = tmp_path_factory.mktemp("checkpoints")
    return {style: (folder := root / style, make_checkpoint(folder, style)) for style in STYLES}
