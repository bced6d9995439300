"""Every configuration composes and builds, and a wrong one is refused in one line that names the culprit."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import get_object
from lightning import LightningDataModule, LightningModule, Trainer
from omegaconf import OmegaConf, open_dict

from ocr.bundle.registry import build
from ocr.commands import evaluate, train

CONFIGS = Path(__file__).parents[1] / "configs"


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONFIGS / group).glob("*.yaml"))


def composed(name, *overrides):
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        return compose(name, list(overrides))


@pytest.mark.parametrize("experiment", options("experiment"))
def test_every_experiment_builds_its_model_data_and_trainer(experiment, data_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    special = {
        "adapt": [f"data.path={data_folder}/adapt.parquet"],
        # The bundle of the stage before is not there.
        **{f"recognizer_stage{stage}": ["init_from=null"] for stage in range(2, 9)},
    }.get(experiment, [])
    places = [
        f"paths.data={data_folder}",
        f"paths.aligned={data_folder}/aligned.parquet",
        f"paths.characters={data_folder}/characters.jsonl",
        f"paths.strokes={data_folder}",
        f"paths.located={data_folder}/located",
        f"run_dir={tmp_path}/run",
    ]
    config = composed("train", f"experiment={experiment}", *places, *special)
    trainer, module, data = train.assemble(config)
    assert isinstance(trainer, Trainer) and isinstance(module, LightningModule)
    assert isinstance(data, LightningDataModule) and len(data.train) > 0 and len(data.val) > 0
    assert config.name == experiment, "two experiments must not share a run's folder"
    assert all(set(row) == {"name", "licence", "use", "note"} for row in config.training_data)
    assert trainer.max_steps > 0 or trainer.max_epochs > 0, "the learning rate is planned over the steps"
    lines = (CONFIGS / "experiment" / f"{experiment}.yaml").read_text().splitlines()
    assert sum(not line.startswith("#") for line in lines) <= 12, "an experiment says only what is special"


@pytest.mark.parametrize(
    "override",
    ["data.train.weights.cremma20=0", "data.train.weights.cremma20=null", "data.train.sources.cremma20=null"],
)
def test_a_source_that_is_left_out_needs_no_file(override, data_folder, tmp_path):
    (tmp_path / "lines").mkdir()
    for file in (data_folder / "lines").iterdir():
        if file.stem != "cremma20-train":
            (tmp_path / "lines" / file.name).symlink_to(file)
    places = [f"paths.data={tmp_path}", f"run_dir={tmp_path}/run"]
    _, _, data = train.assemble(composed("train", "experiment=handwriting_finetune", *places, override))
    assert "cremma20" not in data.train.names and len(data.train.names) == 7


def test_a_source_that_is_left_out_needs_no_folder(data_folder, tmp_path):
    places = [f"paths.data={data_folder}", f"run_dir={tmp_path}/run"]
    _, _, data = train.assemble(
        composed("train", "experiment=collage_finetune", *places, "data.train.weights.collage=0")
    )
    assert "collage" not in data.train.names


def test_an_experiment_adds_a_source_by_one_entry_and_its_weight(data_folder, tmp_path):
    entry = f"{{_target_: ocr.data.lines.manifest.ParquetLines, path: {data_folder}/adapt.parquet}}"
    places = [f"paths.data={data_folder}", f"run_dir={tmp_path}/run"]
    added = [f"+data.train.sources.mine={entry}", "+data.train.weights.mine=0.5"]
    _, _, data = train.assemble(composed("train", "experiment=handwriting_finetune", *places, *added))
    assert data.train.names[-1] == "mine", "the last, so that the others keep their numbers"
    assert data.train.shares[-1] == pytest.approx(0.5 / 1.5)


@pytest.mark.parametrize("debug", options("debug"))
@pytest.mark.parametrize("experiment", ["synth_pretrain", "handwriting_finetune", "detector_finetune"])
def test_debug_settings_override_experiments(experiment, debug, data_folder):
    about = {"overfit": "recognition", "mini": "recognition", "mini_pages": "detection"}.get(debug)
    if about not in (None, "detection" if experiment.startswith("detector") else "recognition"):
        pytest.skip(f"{debug} is about {about}")
    config = composed("train", f"experiment={experiment}", f"debug={debug}", f"paths.data={data_folder}")
    where = f"runs/mini/{experiment}" if debug.startswith("mini") else f"runs/debug_{debug}"
    assert config.run_dir == where, "a real run of the experiment is not touched"
    assert config.trainer.max_steps <= 300


@pytest.mark.parametrize(
    ("group", "option"),
    [
        (group, option)
        for group in (
            "tokenizer",
            "preprocess",
            "augment",
            "model",
            "optim",
            "logger",
            "trainer",
            "callbacks",
        )
        for option in options(group)
    ],
)
def test_every_option_composes_and_resolves(group, option):
    task = "detection" if option.startswith(("detector", "page")) else "recognition"
    config = composed("train", f"{group}={option}", f"task={task}")
    with open_dict(config):
        config.vocabulary = {"ctc_tokenizer": 9, "tokenizer": 9}
    assert OmegaConf.to_container(config[group], resolve=True)


@pytest.mark.parametrize(
    ("size", "least", "most", "why"),
    [
        ("micro", 0.1, 1, "trains inside a test"),
        ("tiny", 2, 4, "for phones, but able to read"),
        ("small", 6, 8, "the model that ships"),
        ("base", 50, 62, "no larger than TrOCR-small"),
    ],
)
def test_models_have_the_size_that_their_name_promises(size, least, most, why):
    config = composed("train", f"model={size}")
    with open_dict(config):
        config.vocabulary = {"ctc_tokenizer": 182, "tokenizer": 1024}
    with torch.device("meta"):
        model = build(OmegaConf.to_container(config.model, resolve=True))
    assert least <= sum(weight.numel() for weight in model.parameters()) / 1e6 <= most, why


@pytest.mark.parametrize(
    ("arguments", "culprit", "why"),
    [
        (["foo=1"], "'foo'", "an option that does not exist"),
        (["model.encoder.deepth=3"], "'model.encoder.deepth'", "a typing error deep inside"),
        (
            ["experiment=best"],
            "experiment/best.*synth_pretrain",
            "an unknown experiment; the known are listed",
        ),
        (["experiment=handwriting_finetune"], "paths.data=PATH", "data that the project does not have"),
        (["experiment=handwriting_finetune", "paths.data=/none"], "/none/lines/copiste", "data missing"),
        (["paths.fonts=/none"], "/none", "fonts missing"),
        (["paths.corpus=/none"], "/none", "text missing"),
        (["init_from=best"], "'best'", "an unknown bundle"),
        (["inherit=true"], "init_from=BUNDLE", "nothing to inherit from"),
        (["experiment=adapt"], "data.path", "no lines of one's own"),
        (["experiment=adapt", "data.path=/none"], "/none", "lines of one's own missing"),
        (["resume=none.ckpt"], "resume=none.ckpt", "an unknown checkpoint"),
        (["task.module.ctc_weight=2"], "ctc_weight", "a value out of range"),
        (["tokenizer.text.model=none.model"], "none.model", "a tokenizer missing"),
        (["optim.optimizer.lr=["], "optim.optimizer.lr|input", "not a value at all"),
        (["synth_pretrain"], "synth_pretrain", "key=value forgotten"),
    ],
)
def test_train_refuses_in_one_line(arguments, culprit, why, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert train.main([*arguments, f"run_dir={tmp_path}/run", "data.num_workers=0"]) == 2, why
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and re.search(culprit, errors[0])
    assert not (tmp_path / "run").exists(), "nothing is left behind"


@pytest.mark.parametrize(
    ("arguments", "culprit", "why"),
    [
        (["data=nothing"], "data/nothing.*parquet", "unknown data; the known are listed"),
        (["bundle=best"], "data.*parquet", "no data"),
        (["bundle=best", "data=parquet"], "data.path", "data without a file"),
        (["data=parquet", "data.path=x.parquet"], "bundle|x.parquet", "no bundle"),
        (["bundle=best", "data=parquet", "data.path=none.parquet"], "none.parquet", "data missing"),
        (["bundle=best", "data=parquet", "data.path=lines.parquet"], "'best'", "unknown bundle"),
        (["bundle=tiny", "data=handwriting"], "for training", "a mix is not a test set"),
        (
            ["bundle=tiny", "data=parquet", "data.path=lines.parquet", "decode=magic"],
            "'magic'",
            "unknown decoding",
        ),
        (
            ["bundle=tiny", "data=parquet", "data.path=lines.parquet", "kind=typed"],
            "typed",
            "nothing of a kind",
        ),
        (
            ["bundle=tiny", "data=parquet", "data.path=lines.parquet", "limit=0"],
            "limit",
            "an empty selection",
        ),
        (["bundle=tiny", "data=parquet", "data.path=lines.parquet", "beam=3"], "'beam'", "an unknown option"),
    ],
)
def test_evaluate_refuses_in_one_line(
    arguments, culprit, why, tmp_path, data_folder, tiny_recognizer, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny").symlink_to(tiny_recognizer)
    (tmp_path / "lines.parquet").symlink_to(data_folder / "lines" / "copiste-val.parquet")
    assert evaluate.main(arguments) == 2, why
    out, err = capsys.readouterr()
    assert not out and err.count("\n") == 1
    assert err.startswith("error: ") and re.search(culprit, err)


REPEATED = {("synth/lines.yaml", "characters"): "the configurations of collages refer to it"}
"""Defaults of a constructor that a configuration repeats, with the reason."""


def targets(config: object) -> Iterator[dict]:
    """Yield every dict with a `_target_` in a configuration."""
    if isinstance(config, dict):
        if str(config.get("_target_", "")).startswith("ocr."):
            yield config
        for value in config.values():
            yield from targets(value)
    elif isinstance(config, list):
        for value in config:
            yield from targets(value)


def test_a_default_is_written_once():
    """In the constructor or in the configuration; null and false name an option that is off."""
    repeated = set()
    for path in CONFIGS.rglob("*.yaml"):
        for node in targets(OmegaConf.to_container(OmegaConf.load(path), resolve=False)):
            defaults = inspect.signature(get_object(node["_target_"])).parameters
            for key, value in node.items():
                default = defaults[key].default if key in defaults else None
                default = list(default) if isinstance(default, tuple) else default
                if value not in (None, False) and value == default:
                    repeated.add((path.relative_to(CONFIGS).as_posix(), key))
    assert repeated == REPEATED.keys()
