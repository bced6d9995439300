"""Values that configurations take from bundles."""

import random

from omegaconf import OmegaConf

from ocr.commands.configs import literal


def test_literal_text_survives_resolution_whatever_it_holds(monkeypatch):
    monkeypatch.setenv("TOKEN", "secret")
    draw, pieces = (
        random.Random(0),
        ["\\", "$", "{", "}", "a", "oc.env:TOKEN", "${oc.env:TOKEN}", "'", " ", ","],
    )
    for _ in range(300):
        text = "".join(draw.choices(pieces, k=draw.randrange(8)))
        value = {"a": [text, {"b": text}], "n": 3, "none": None}
        config = OmegaConf.create({"value": literal(value), "other": "${value}"})
        assert OmegaConf.to_container(config, resolve=True) == {"value": value, "other": value}
