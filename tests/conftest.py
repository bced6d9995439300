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


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory) -> Path:
    """A folder of data as the experiments expect it, with a line or a page in each file."""
    from tests.helpers.data_folder import write_data_folder

    return write_data_folder(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session", autouse=True)
def no_weights(request, tmp_path_factory):
    """Without the tests marked `weights`, no shipped bundle is found: a test that lacks the marker fails."""
    if "not weights" not in request.config.option.markexpr:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ocr.bundle.bundle.WEIGHTS", tmp_path_factory.mktemp("no_weights"))
        yield


MARKS = {
    "spark": ("tests/spark/",),
    "browser": ("tests/demo/test_browser.py",),
    "slow": (
        "tests/test_adapt.py",
        "tests/test_cluster.py",
        "tests/test_guides.py",
        "tests/test_recipe.py",
        "tests/test_reference.py",
        "tests/test_roundtrip.py",
        "tests/test_wheel.py",
        "tests/bundle/test_schema.py",
        "tests/commands/test_demo.py",
        "tests/convert/test_craft.py",
        "tests/data/lines/test_datamodule.py",
        "tests/demo/test_adapting.py",
        "tests/evaluation/test_engines.py",
        "tests/fuzz/",
        "tests/image/test_large.py",
        "tests/inference/backends/test_exported.py",
        "tests/training/test_distributed.py",
        "tests/training/test_processes.py",
        "tests/training/test_resume.py",
        "tests/training/test_sharding.py",
    ),
    "weights": (
        "tests/test_guides.py",
        "tests/test_roundtrip.py",
        "tests/test_wheel.py",
        "tests/bundle/test_schema.py",
        "tests/commands/test_demo.py",
        "tests/demo/",
        "tests/inference/test_boxes.py",
        "tests/inference/test_startup.py",
        "tests/spark/test_cards.py",
        "tests/spark/test_guide.py",
        "tests/spark/test_params.py",
        "tests/spark/test_read.py",
        "tests/spark/test_rows.py",
        "tests/spark/test_stages.py",
    ),
}
"""Marker: beginnings of the paths of the tests that carry it; each can be left out by `-m "not NAME"`."""


def pytest_collection_modifyitems(config, items):
    """Mark tests by the file they are in."""
    for item in items:
        path = item.path.relative_to(config.rootpath).as_posix()
        for name, beginnings in MARKS.items():
            if path.startswith(beginnings):
                item.add_marker(name)
