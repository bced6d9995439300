"""Options of an evaluation."""

from dataclasses import asdict

import pytest
from omegaconf import OmegaConf

from ocr.commands.configs import CONFIGS
from ocr.errors import ConfigError
from ocr.evaluation.settings import Settings


def test_the_documented_options_are_those_there_are():
    """`configs/evaluate.yaml`, which is printed as help, describes each with its default."""
    documented = OmegaConf.to_container(OmegaConf.load(CONFIGS / "evaluate.yaml"))
    documented.pop("defaults")
    shown = {name: value for name, value in documented.items() if not isinstance(value, dict)}
    assert shown == {name: value for name, value in asdict(Settings()).items() if name != "options"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"engine": "google"}, "engine=google: unknown, choose from ours, "),
        ({"engine": ["ours", "ours"]}, "name each engine once"),
        ({"engine": []}, "name each engine once"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"limit": 0}, "limit must be at least 1, got 0"),
        ({"num_workers": -1}, "num_workers must be at least 0, got -1"),
    ],
)
def test_wrong_options_are_named(given, message):
    with pytest.raises(ConfigError, match=message):
        Settings(**given)
