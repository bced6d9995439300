"""Every command and program in README.md and docs is run, built, or listed with the reason why it cannot be.

| level | what is done with it |
|---|---|
| run | it runs as it stands, in a folder where the names that guides use stand for tiny data |
| build | `train.py`: the configuration is composed; model, data and trainer are built; nothing is trained |
| compose | `evaluate.py`: the configuration is composed; the engines have tests of their own |
| elsewhere | nothing here: the reason says which test runs it, or why none can |
| shown | no command: output, formulas, files of other programs |
"""

import copy
import importlib
import re
import shlex
import shutil
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hydra import compose, initialize_config_dir
from markdown_it import MarkdownIt
from PIL import Image

import ocr.commands
from ocr.bundle import WEIGHTS, registry
from ocr.commands import evaluate, read, train
from tests.helpers.data_folder import LINE_SETS

ROOT = Path(__file__).parents[1]
GUIDES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
PAGES = [*GUIDES, ROOT / "CHANGELOG.md", *ROOT.glob("examples/*.md"), *(ROOT / "ocr").rglob("*.md")]

# The first pattern that a command matches decides: pattern, level, reason (or what is added to make it short).
COMMANDS = [
    (r"^#", "shown", "a comment of its own line"),
    (r"^pip install uv$", "elsewhere", "installs"),
    (r"^uv (sync|run playwright)", "elsewhere", "installs an extra: network"),
    (r"^uv run (pytest|ruff)", "elsewhere", "this very run; ruff is no test's concern"),
    (r"^uv run ocr push|USER/NAME", "elsewhere", "the hub: tests/bundle/test_hub.py"),
    (r"^uv run ocr read FILE\|", "shown", "the grammar of the command"),
    (
        r"^uv run (infer\.py|ocr read) (recognizer|detector)=DST",
        "elsewhere",
        "foreign weights: tests/convert",
    ),
    (r"^uv run (infer\.py|ocr read) .*runs/recurrent", "elsewhere", "test_the_encoder_of_the_guide below"),
    (r"ocr bench", "elsewhere", "a measurement: tests/commands/test_bench.py"),
    (r"ocr export|backend=", "elsewhere", "minutes: tests/inference/backends/test_exported.py"),
    (r"^uv run (infer\.py|ocr read)", "run", ""),
    (r"^uv run (evaluate\.py|ocr evaluate) .*engine=", "compose", "tests/evaluation/test_engines.py"),
    (r"^uv run (evaluate\.py|ocr evaluate)", "run", "limit=1"),
    (
        r"^uv run (train\.py|ocr train) .*corrections/\*",
        "elsewhere",
        "a private path: tests/demo/test_corrections.py",
    ),
    (
        r"^uv run (train\.py|ocr train) model=deit_small init_from=(encoder|timm:)",
        "elsewhere",
        "tests/convert/test_deit.py",
    ),
    (r"^uv run (train\.py|ocr train).*model=recurrent", "elsewhere", "test_the_encoder_of_the_guide below"),
    (r"trainer=ddp|--shards", "elsewhere", "several processes: tests/training/test_distributed.py"),
    (r"trainer=fsdp", "elsewhere", "several processes: tests/training/test_sharding.py"),
    (r"^uv run ocr (train --multirun|compare)", "elsewhere", "a sweep: tests/commands/test_compare.py"),
    (r"^uv run (train\.py|ocr train)", "build", "data.num_workers=0"),
    (r"ocr convert", "elsewhere", "published weights: tests/convert"),
    (r"ocr demo", "elsewhere", "a server: tests/demo"),
    (r"^curl .*/api/read", "elsewhere", "a server: tests/demo/test_api.py"),
    (r"ocr spark", "elsewhere", "a cluster's, or Java: tests/spark/test_read.py"),
    (r"^uv run ocr synth (sheet|parquet)", "run", "--count 2"),
    (r"^uv run python -m tests\.fuzz", "elsewhere", "hours: tests/fuzz/test_doors.py"),
    (r"^uv run ocr blend", "elsewhere", "a bundle that was adapted: tests/bundle/test_blend.py"),
    (r"^uv run ocr (tokenizer|licenses)", "run", ""),
    (
        r"^uv run ocr fit",
        "elsewhere",
        "minutes, and it writes into a bundle: tests/decoding/test_calibration.py",
    ),
    (r"^uv run ocr align pages", "elsewhere", "tests/data/pages/test_aligned.py"),
    (r"^uv run ocr gallery", "elsewhere", "tests/evaluation/analysis/test_gallery.py"),
    (r"^uv run ocr (to-parquet|align (lines|strokes)|worst|ngram)", "run", ""),
    (
        r"^(uv run( --extra \w+)? )?python (benchmarks/|-m benchmarks\.)",
        "elsewhere",
        "a measurement of minutes",
    ),
    (r"^python -m venv", "elsewhere", "packs an environment: network"),
    (r"^uv build", "elsewhere", "tests/test_wheel.py"),
    (r"^docker", "elsewhere", "containers: tests/test_wheel.py builds from what the image gets"),
    (r"^uv run python -c", "elsewhere", "needs an output of Spark: tests/spark/test_read.py"),
]
SHOWN = {"scaling.md": "formulas", "design.md": "drawings", "demo.md": "files of web servers"}
"""Guides whose indented blocks may also hold lines that are no commands."""
PYTHON_ELSEWHERE = {
    "spark.md": "tests/spark/test_guide.py",
    "scaling.md": "tests/spark/test_scaling.py",
    "encoder.md": "test_the_encoder_of_the_guide below",
}
BUNDLES = ("adapt", "synth_pretrain", "recognizer_stage1", "recognizer_stage2", "base_stage1")


class Block(NamedTuple):
    file: Path
    line: int
    language: str
    text: str


class Command(NamedTuple):
    file: Path
    text: str
    level: str
    note: str


def blocks() -> list[Block]:
    found = []
    for file in GUIDES:
        for token in MarkdownIt().parse(file.read_text(encoding="utf-8")):
            if token.type in ("fence", "code_block"):
                found.append(Block(file, token.map[0] + 1, token.info.split(" ")[0], token.content))
    return found


def lines_of(block: Block) -> list[str]:
    """A command a line: continued lines joined, remarks after two spaces and a # left out."""
    joined = re.sub(r"\\\n\s*", "", block.text)
    return [line for raw in joined.splitlines() if (line := re.sub(r"\s{2,}# .*", "", raw).strip())]


def classified() -> tuple[list[Command], list[str]]:
    commands, unknown = [], []
    for block in blocks():
        if block.language not in ("", "sh", "bash", "console"):
            continue
        for line in lines_of(block):
            rule = next((rule for rule in COMMANDS if re.search(rule[0], line)), None)
            if rule is not None:
                commands.append(Command(block.file, line, rule[1], rule[2]))
            elif block.file.name not in SHOWN or re.match(r"(uv|python|pip|curl|[A-Z_]+=\S+ )\b", line):
                unknown.append(f"{block.file.relative_to(ROOT)}:{block.line}: {line}")
    return commands, unknown


ALL, UNKNOWN = classified()


def of_level(level: str):
    chosen = {command.text: command for command in ALL if command.level == level}
    return pytest.mark.parametrize("command", chosen.values(), ids=list(chosen))


def test_every_command_has_a_level():
    assert not UNKNOWN, "commands of guides that no row of COMMANDS knows"
    assert {"run", "build"} <= {command.level for command in ALL}


def test_every_level_is_about_some_command():
    idle = [rule[0] for rule in COMMANDS if not any(re.search(rule[0], command.text) for command in ALL)]
    assert len(idle) <= 1, "rows of COMMANDS that no guide needs any more"


def test_every_language_of_a_block_is_looked_at():
    looked_at = {"", "sh", "bash", "console", "python", "yaml", "toml", "text"}
    assert {block.language for block in blocks()} <= looked_at


@pytest.mark.parametrize("guide", PAGES, ids=lambda guide: guide.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(guide):
    assert not [link for link in links_of(guide) if not leads_somewhere(guide, link)]


@pytest.mark.parametrize(
    ("link", "leads"),
    [
        ("usage.md", True),
        ("usage.md#bad-input", True),
        ("#the-path-of-a-page-and-of-a-sample", True),
        ("../LICENSE", True),
        ("https://example.org/#none", True),  # Other hosts are not asked.
        ("gone.md", False),
        ("usage.md#gone", False),
        ("#gone", False),
    ],
)
def test_broken_links_are_noticed(link, leads):
    assert leads_somewhere(ROOT / "docs" / "design.md", link) == leads


def links_of(page: Path) -> list[str]:
    """Targets of all links and pictures of a Markdown page, code left out."""
    tokens = MarkdownIt().enable("table").parse(page.read_text(encoding="utf-8"))
    inside = [child for token in tokens for child in token.children or ()]
    return [
        unquote(target) for child in inside if (target := child.attrs.get("href") or child.attrs.get("src"))
    ]


def leads_somewhere(page: Path, link: str) -> bool:
    """Tell whether the file and the heading that a link names exist."""
    if "://" in link:
        return True
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return target.exists() and (not anchor or anchor in anchors_of(target))


def anchors_of(page: Path) -> set[str]:
    """Anchors of the headings of a Markdown page, as GitHub forms them."""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    titles = [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.fixture(scope="module")
def desk(data_folder, tmp_path_factory) -> Path:
    """A folder in which the names that guides use exist, all tiny."""
    desk = tmp_path_factory.mktemp("desk")
    picture = Image.open(ROOT / "examples" / "line.png").convert("RGB")
    (desk / "examples").symlink_to(ROOT / "examples")
    for name in (
        "line.png",
        "letter.jpg",
        "page.jpg",
        "scans/1.jpg",
        "scans/2.tif",
        "LINES/1/a.png",
        "LINES/2/a.png",
    ):
        (desk / name).parent.mkdir(parents=True, exist_ok=True)
        picture.save(desk / name)
    picture.save(desk / "book.pdf")
    shutil.copytree(desk / "LINES" / "1", desk / "DIR")
    for folder in ("DIR", "LINES/1", "LINES/2"):
        (desk / folder / "a.gt.txt").write_text("will telephone")
    for name in ("FILE", "labels.tsv"):
        (desk / name).write_text("a.png\twill telephone\n")
    (desk / "FILE_OR_FOLDER").symlink_to(desk / "LINES")
    _write_annotated(desk, picture)
    shutil.copytree(data_folder, desk / "DATA")
    row = {
        "image": (desk / "line.png").read_bytes(),
        "text": "will telephone",
        "width": picture.width * 64 // picture.height,
    }
    for name in (*LINE_SETS, *(f"{name}-test" for name in ("copiste", "stanford", "hooker"))):
        kind = "typed" if name == "stanford-train" else "handwritten"
        rows = [
            row | {"id": str(number), "page_id": str(number), "kind": kind, "source": name}
            for number in range(2)
        ]
        pq.write_table(pa.Table.from_pylist(rows), desk / "DATA" / "lines" / f"{name}.parquet")
    for name in ("lines", "train", "val", "test", "runs/mini/lines"):
        (desk / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(desk / "DATA" / "lines" / "copiste-test.parquet", desk / f"{name}.parquet")
    manifest = desk / "DATA" / "pages" / "pages.jsonl"
    manifest.write_text(manifest.read_text() + "\n" + manifest.read_text().replace('"val"', '"test"'))
    (desk / "strokes").symlink_to(desk / "DATA")
    put_prepared(desk)
    assets = ROOT / "ocr" / "synth" / "assets"
    (desk / "FONTS").symlink_to(assets / "fonts")
    (desk / "CORPUS").symlink_to(assets / "text")
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted((assets / "text").glob("*.txt")))
    for name in ("TEXT", "TEXT..."):
        (desk / name).write_text(text[:200_000], encoding="utf-8")
    shutil.copy(next((ROOT / "ocr").rglob("pieces1024.model")), desk / "pieces.model")
    for name in BUNDLES:
        for run in (f"runs/{name}", f"runs/mini/{name}"):
            (desk / run).mkdir(parents=True)
            (desk / run / "bundle").symlink_to(WEIGHTS / "ocr_small_handwritten")
    for name in ("NAME", "BUNDLE"):
        (desk / name).symlink_to(WEIGHTS / "ocr_small_handwritten")
    return desk


def put_prepared(desk: Path) -> None:
    """Put the files that `ocr align` writes where guides have them."""
    for name in (
        "aligned.parquet",
        "characters.jsonl",
        "located-unipen-lines.parquet",
        "located-unipen-words.parquet",
    ):
        shutil.copy(desk / "DATA" / name, desk / name)


def _write_annotated(desk: Path, picture: Image.Image) -> None:
    """The picture as a page of one line in PAGE, ALTO and IAM."""
    from ocr.output import WRITERS
    from ocr.types import Page, TextLine, Word

    w, h = picture.size
    import numpy as np

    polygon = np.array([[2, 2], [w - 2, 2], [w - 2, h - 2], [2, h - 2]], np.float32)
    baseline = np.array([[2, h * 0.7], [w - 2, h * 0.7]], np.float32)
    line = TextLine(polygon, baseline, "will", 0.9, [Word("will", polygon, 0.9)])
    page = Page("p.png", h, w, [line])
    (desk / "SCANS").mkdir()
    picture.save(desk / "SCANS" / "p.png")
    for folder, form in (("PAGES", "page"), ("ALTO", "alto")):
        (desk / folder).mkdir()
        WRITERS[form].write(page, np.asarray(picture), desk / folder / "p.xml")
        WRITERS[form].write(page, np.asarray(picture), desk / folder / "q.xml")
    (desk / "IAM" / "ascii").mkdir(parents=True)
    rows = []
    for number, split in enumerate(("trainset", "validationset1", "testset")):
        name = f"a01-00{number}-00"
        file = desk / "IAM" / "lines" / "a01" / name[:-3] / f"{name}.png"
        file.parent.mkdir(parents=True)
        picture.save(file)
        rows.append(f"{name} ok 154 1 1 1 1 1 will|telephone\n")
        (desk / "IAM" / f"{split}.txt").write_text(name + "\n")
    (desk / "IAM" / "ascii" / "lines.txt").write_text("".join(rows))


@pytest.fixture
def at_desk(desk, monkeypatch):
    monkeypatch.chdir(desk)


def arguments_of(command: Command) -> list[str]:
    """What the program gets: shell quotes, braces and patterns resolved, without `uv run`."""
    words = []
    for word in shlex.split(re.sub(r"^uv run ", "", command.text)):
        brace = re.search(r"\{([^{}]*,[^{}]*)\}", word)
        names = [word] if not brace else [word.replace(brace[0], part) for part in brace[1].split(",")]
        for name in names:
            words += (
                sorted(map(str, Path().glob(name)))
                if "*" in name and f"'{name}'" not in command.text and "=" not in name
                else [name]
            )
    return words + command.note.split()


def options_of(command: Command) -> list[str]:
    """The arguments after `train.py` or `ocr train`."""
    words = arguments_of(command)
    return words[1 + (words[0] == "ocr") :]


@of_level("run")
def test_commands_run(command, at_desk, capsys):
    program, *arguments = arguments_of(command)
    if "readings.jsonl" in arguments:
        assert (
            evaluate.main(
                [
                    "bundle=NAME",
                    "data=parquet",
                    "data.path=DATA/lines/copiste-test.parquet",
                    "predictions=readings.jsonl",
                ]
            )
            == 0
        )
    if program == "ocr":
        program, *arguments = arguments
    name = {"infer.py": "read", "evaluate.py": "evaluate"}.get(program, program)
    try:
        status = ocr.commands.main([name, *arguments])
    except SystemExit as stop:
        status = stop.code
    assert not status, capsys.readouterr().err


@of_level("build")
def test_trainings_can_be_built(command, at_desk):
    # Commands of guides may have written files of the same names.
    put_prepared(Path())
    arguments = options_of(command)
    small = [] if "trainer=gpu" not in arguments else ["trainer.accelerator=cpu", "trainer.devices=1"]
    arguments = [a for a in arguments if not a.startswith("resume=")]
    if "experiment=adapt" not in arguments:
        # The stage before is not there; tests/test_recipe.py holds the chain.
        small.append("init_from=null")
    with initialize_config_dir(str(train.CONFIGS), version_base="1.3"):
        config = compose("train", [*arguments, *small])
    trainer, _, data = train.assemble(config)
    assert len(data.train) > 0 and (trainer.max_steps > 0 or trainer.max_epochs > 0)


@of_level("compose")
def test_comparisons_compose(command):
    arguments = options_of(Command(command.file, command.text, "", ""))
    with initialize_config_dir(str(evaluate.CONFIGS), version_base="1.3"):
        config = compose("evaluate", arguments)
    for name in config.engine:
        assert name == "ours" or importlib.util.find_spec(f"ocr.evaluation.engines.{name}"), name


PYTHON = [
    block for block in blocks() if block.language == "python" and block.file.name not in PYTHON_ELSEWHERE
]
ALONE = [block for block in PYTHON if "pyspark" not in block.text]
"""Cards' programs for Spark are run by tests/spark/test_cards.py."""


@pytest.mark.parametrize("block", ALONE, ids=lambda block: f"{block.file.name}:{block.line}")
def test_programs_run(block, at_desk):
    exec(compile_block(block), {"__name__": "guide"})


def compile_block(block: Block):
    return compile("\n" * block.line + block.text, str(block.file), "exec")


@pytest.mark.parametrize(
    "block",
    [b for b in blocks() if b.language == "yaml"],
    ids=lambda block: f"{block.file.name}:{block.line}",
)
def test_settings_are_yaml(block):
    assert isinstance(yaml.safe_load(block.text), dict)


@pytest.fixture
def recurrent(at_desk, tmp_path, monkeypatch):
    """The two files of docs/encoder.md, where the guide says that they go."""
    import ocr.models

    text = (ROOT / "docs" / "encoder.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", text, re.DOTALL))
    assert set(files) == {"ocr/models/recurrent.py", "configs/model/recurrent.yaml"}
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (row,) = re.findall(r"<!-- row of ocr/bundle/registry.py -->\n```python\n(.*?),\n```", text)
    monkeypatch.setattr(ocr.models, "__path__", [*ocr.models.__path__, str(tmp_path / "ocr" / "models")])
    monkeypatch.setattr(train, "CONFIGS", tmp_path / "configs")
    monkeypatch.chdir(tmp_path)
    from ocr.models.recurrent import Recurrent

    cls, role, parts = eval(row, {"Recurrent": Recurrent})
    monkeypatch.setattr(registry, "_REGISTRY", copy.deepcopy(registry._REGISTRY))
    registry.register(cls, role=role, parts=parts)
    (program,) = re.findall(r"```python\n(from ocr.bundle import register\n.*?)```", text, re.DOTALL)
    exec(program, {"Recurrent": Recurrent})


SHORT = "model.encoder.dim=32 model.encoder.depth=1 model.encoder.patch_embed.channels=[8,16,32] threads=1"
SHORT += " trainer.max_steps=2 trainer.val_check_interval=2 trainer.limit_val_batches=1"
SHORT += " data.lines_per_batch=2 data.pool=4"
SHORT += " data.num_workers=0 callbacks.progress=null callbacks.pictures=null logger.tensorboard=null"


def test_the_encoder_of_the_guide_trains_and_reads(recurrent, tmp_path, capsys):
    assert (
        train.main(
            [
                "model=recurrent",
                "experiment=synth_pretrain",
                "name=recurrent",
                "task.module.ctc_weight=1",
                *SHORT.split(),
            ]
        )
        == 0
    )
    line = ROOT / "examples" / "line.png"
    arguments = [f"input={line}", "detector=none", "recognizer=runs/recurrent/bundle", "decode=ctc"]
    assert read.main(arguments) == 0


def test_the_encoder_of_the_guide_ignores_padding(recurrent):
    import torch
    from ocr.models.recurrent import Recurrent

    from ocr.nn.patch_embed import ConvStem

    torch.manual_seed(0)
    encoder = Recurrent(ConvStem(16, height=48, channels=[4, 8, 16]), dim=16, depth=1).eval()
    pixels = torch.rand(1, 1, 48, 64)
    wide = torch.nn.functional.pad(pixels, (0, 64))
    with torch.no_grad():
        alone = encoder(pixels, torch.tensor([64])).features
        padded = encoder(wide, torch.tensor([64])).features[:, : alone.shape[1]]
    torch.testing.assert_close(alone, padded, atol=1e-5, rtol=0)
