"""Fixtures that several parts share."""

from pathlib import Path

import pytest
import torch

CHARACTERS = "ab "


@pytest.fixture(scope="session")
def tiny_recognizer(tmp_path_factory) -> Path:
    """The folder of a recogniser bundle so small that it costs a test nothing; it reads every line as "a"."""
    from ocr.bundle import Bundle
    from ocr.bundle.registry import build

    model_config = {
        "_target_": "ocr.models.recognizer.Recognizer",
        "encoder": {
            "_target_": "ocr.models.vit.ViT",
            "patch_embed": {"_target_": "ocr.nn.patch_embed.LinearPatchEmbed", "dim": 8, "patch": [16, 4]},
            "dim": 8,
            "depth": 1,
            "heads": 1,
        },
        "ctc_vocabulary": 4 + len(CHARACTERS),
    }
    parts = {
        "preprocess": {"_target_": "ocr.image.preprocess.LinePreprocessor", "height": 16},
        "ctc_tokenizer": {"_target_": "ocr.text.tokenizer.CharTokenizer", "characters": CHARACTERS},
    }
    bundle = Bundle("recognizer", "tiny", build(model_config), model_config, parts)
    with torch.no_grad():
        for parameter in bundle.model.ctc_head.parameters():
            parameter.zero_()
        bundle.model.ctc_head[1].bias[bundle.parts["ctc_tokenizer"].encode("a")[0]] = 9
    return bundle.save(tmp_path_factory.mktemp("bundles") / "tiny")
