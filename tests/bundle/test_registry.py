"""Bundles build the classes of the registry, with arguments that the classes know, and nothing else."""

import base64
import copy
import importlib
import inspect
import json
import pkgutil
import shutil
from pathlib import Path

import pytest

import ocr
from ocr.bundle import WEIGHTS, Bundle, register, registry
from ocr.bundle.registry import ROLES, build, build_parts, registered
from ocr.errors import BundleError, ConfigError
from ocr.text.tokenizer import ASSETS

SHIPPED = WEIGHTS / "ocr_small_handwritten"
VIT = {
    "_target_": "ocr.models.vit.ViT",
    "patch_embed": {"_target_": "ocr.nn.patch_embed.LinearPatchEmbed", "dim": 8, "patch": [16, 4]},
    "dim": 8,
    "depth": 1,
    "heads": 1,
}


@pytest.fixture
def own_registry(monkeypatch):
    """A copy of the registry, for tests that add to it."""
    monkeypatch.setattr(registry, "_REGISTRY", copy.deepcopy(registry._REGISTRY))
    registry._load_entry_points.cache_clear()
    yield
    registry._load_entry_points.cache_clear()


def test_a_bundle_makes_nobody_read_other_files(tmp_path):
    """Its next copy would hold the content."""
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine" / "private.model"
    path.write_bytes((ASSETS / "pieces1024.model").read_bytes())
    config = {"_target_": "ocr.text.tokenizer.SentencePieceTokenizer", "model": str(path)}
    assert build_parts({"tokenizer": config})["tokenizer"].size > 4, "the user's own configuration may"
    for name in (str(path), "mine/private.model", "../mine/private.model"):
        with pytest.raises(BundleError, match=r"part_configs\.tokenizer\.model: .*must not name"):
            build_parts({"tokenizer": config | {"model": name}}, stranger=True)
    content = base64.b64encode(path.read_bytes()).decode()
    for model in (content, "pieces1024.model"):
        assert build_parts({"tokenizer": config | {"model": model}}, stranger=True)["tokenizer"].size > 4


def test_everything_that_can_be_built_is_a_class_of_this_project():
    entries = list(registered())
    assert len(entries) > 20
    for role, entry in entries:
        module = importlib.import_module(entry.cls.__module__)
        assert inspect.isclass(entry.cls) and role in ROLES
        assert entry.cls.__module__.split(".")[0] == "ocr", f"{entry.target} comes from elsewhere"
        assert getattr(module, entry.cls.__name__) is entry.cls, f"{entry.target} is not its own name"
        kinds = {p.kind for p in registry.parameters_of(entry.cls).values()}
        assert not kinds & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}
        assert set(entry.parts) <= set(registry.parameters_of(entry.cls))
        assert set(entry.parts.values()) <= set(ROLES)
        hints = registry.hints_of(entry.cls)
        for name in registry.parameters_of(entry.cls):
            assert name in hints, f"{entry.target}: {name} has no type to check values against"


def test_no_other_name_of_the_project_can_be_built():
    """Every name in every module of the packages that models come from, imported names and functions included."""
    allowed = {entry.target for _, entry in registered()}
    tried = 0
    for package in ("models", "nn", "text", "image"):
        root = importlib.import_module(f"ocr.{package}")
        for found in pkgutil.walk_packages(root.__path__, root.__name__ + "."):
            for name in dir(importlib.import_module(found.name)):
                if (target := f"{found.name}.{name}") not in allowed:
                    tried += 1
                    with pytest.raises(BundleError, match="refusing to build"):
                        build({"_target_": target})
    assert tried > 500


def test_every_class_in_the_configurations_of_models_is_registered():
    targets = {entry.target for _, entry in registered()}
    folder = Path(ocr.__file__).parents[1] / "configs"
    for group in ("model", "preprocess", "tokenizer"):
        for file in (folder / group).glob("*.yaml"):
            for line in file.read_text(encoding="utf-8").splitlines():
                if "_target_: " in line:
                    assert line.split("_target_: ")[1].strip() in targets, file


@pytest.mark.weights
def test_a_bundle_cannot_call_a_function(tmp_path):
    """Version 0.3.1 called it, which overwrote the file, and read the picture as if nothing had happened."""
    folder, victim = tmp_path / "bundle", tmp_path / "victim"
    shutil.copytree(SHIPPED, folder)
    victim.write_text("precious")
    content = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    content["part_configs"]["ngram"] = {
        "_target_": "ocr.text.ngram.save_file",
        "tensor_dict": {},
        "filename": str(victim),
        "metadata": {"a": "b"},
    }
    (folder / "bundle.json").write_text(json.dumps(content))
    with pytest.raises(
        BundleError, match=r"part_configs\.ngram: refusing to build 'ocr\.text\.ngram\.save_file'"
    ):
        Bundle.load(folder)
    assert victim.read_text() == "precious" and sorted(tmp_path.iterdir()) == [folder, victim]


@pytest.mark.parametrize(
    ("change", "role", "message", "why"),
    [
        ({"_target_": 3}, "encoder", "c: _target_ must be the name of a class, got 3", "a number"),
        ({"_target_": ["a"]}, "encoder", "c: _target_ must be the name of a class", "not hashable"),
        ({"_target_": None}, "encoder", "c: _target_ must be", "null"),
        ({}, "decoder", "c: refusing to build 'ocr.models.vit.ViT'", "a class in another's place"),
        ({"speed": 3}, None, "c: ViT does not accept 'speed'", "unknown argument"),
        ({"dim": None}, None, "c.dim: None is not a whole number", "null for a number"),
        ({"dim": "8"}, None, "c.dim: '8' is not a whole number", "text for a number"),
        ({"dim": True}, None, "c.dim: True is not a whole number", "a bool for a number"),
        ({"dim": 10**40}, None, "c.dim: 1000.* is larger than", "a number beyond any memory"),
        ({"depth": 10**6}, None, "c.depth: 1000000 is larger than 512", "hours of building"),
        ({"dropout": float("nan")}, None, "c.dropout: nan is not a number", "no number"),
        ({"keep_prefix": 1}, None, "c.keep_prefix: 1 is not true or false", "a number for a bool"),
        ({"dim": VIT}, None, "c.dim: .* is not a whole number", "an object for a number"),
        ({"patch_embed": None}, None, "c.patch_embed: expected an object", "null for an object"),
        ({"patch_embed": VIT}, None, "c.patch_embed: refusing to build", "an object of another role"),
        ({"position": VIT["patch_embed"]}, None, "c.position: refusing to build", "the same, optional"),
        ({"heads": 3}, None, "c: ViT refuses its configuration: .*3", "values that do not fit each other"),
        ({"heads": 0}, None, "c: ViT refuses its configuration", "division by zero"),
        ({"dim": -8}, None, "c: ViT refuses its configuration", "a negative size"),
    ],
)
def test_wrong_arguments_are_refused_in_one_line_with_their_place(change, role, message, why):
    with pytest.raises(BundleError, match=message) as caught:
        build(VIT | change, role, at="c")
    assert "\n" not in str(caught.value), why
    assert len(str(caught.value)) < 300, why


@pytest.mark.parametrize("config", [None, 3, "ocr.models.vit.ViT", [VIT], {}, {"dim": 8}])
def test_what_is_no_object_is_refused(config):
    with pytest.raises(BundleError, match="c: "):
        build(config, at="c")


def test_missing_arguments_are_named():
    with pytest.raises(BundleError, match="c: ViT lacks dim, depth, heads"):
        build({"_target_": VIT["_target_"], "patch_embed": VIT["patch_embed"]}, at="c")


def test_lists_hold_plain_values_of_one_type():
    config = VIT["patch_embed"]
    for wrong in ([16, "4"], [16, VIT], "16", [16, 4.5], [16, 10**9]):
        with pytest.raises(BundleError, match="c.patch: "):
            build(config | {"patch": wrong}, at="c")
    assert build(config | {"patch": (16, 4)}).stride == 4


class Doubler:
    """A preprocessor of a user's own."""

    def __init__(self, factor: int = 2) -> None:
        self.factor = factor


def test_own_classes_are_built_once_registered(own_registry):
    config = {"_target_": f"{__name__}.Doubler", "factor": 3}
    with pytest.raises(BundleError, match="refusing to build"):
        build(config)
    register(Doubler, role="preprocess")
    assert build(config, "preprocess").factor == 3
    with pytest.raises(BundleError, match="refusing to build"):
        build(config, "encoder")


def variadic(*args, **kwargs):
    """Anything."""


class Variadic:
    """Takes anything."""

    def __init__(self, **kwargs: int) -> None: ...


@pytest.mark.parametrize(
    ("cls", "options", "message"),
    [
        (variadic, {"role": "encoder"}, "only classes"),
        (Variadic, {"role": "encoder"}, "must be named"),
        (Doubler, {"role": "engine"}, "unknown role 'engine'"),
        (Doubler, {"role": "encoder", "parts": {"inner": "encoder"}}, "no argument 'inner'"),
        (Doubler, {"role": "encoder", "parts": {"factor": "engine"}}, "unknown role 'engine'"),
    ],
)
def test_registration_says_what_is_wrong(own_registry, cls, options, message):
    with pytest.raises(ConfigError, match=message):
        register(cls, **options)


def test_installed_packages_offer_classes_by_an_entry_point(own_registry, tmp_path, monkeypatch):
    (tmp_path / "own_reader.py").write_text(
        "from ocr.bundle import register\n"
        "class Tripler:\n"
        "    def __init__(self, factor: int = 3) -> None:\n"
        "        self.factor = factor\n"
        "register(Tripler, role='preprocess')\n"
    )
    info = tmp_path / "own_reader-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-reader\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ocr.buildable]\nown = own_reader\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert build({"_target_": "own_reader.Tripler"}, "preprocess").factor == 3
