"""Engines of others: what their adapters read, the table that compares them, and what is refused."""

import json
import shutil
import sys
from importlib.resources import files

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from ocr.commands import evaluate
from ocr.data.lines.manifest import write_manifest
from ocr.errors import ConfigError
from ocr.evaluation.engine import Machine, PageEngine, engine_names, load_engine
from ocr.metrics.boxes import count_detections
from ocr.metrics.text import count_errors
from ocr.types import LineSample
from tests.helpers.checkpoints import LABELS, PICTURES, make_checkpoint

FONT = str(files("ocr.synth") / "assets/fonts/fonts/ABeeZee-Regular.ttf")
TEXTS = ["The harbour was quiet", "before the morning tide", "and nobody spoke a word"]
MACHINE = Machine(torch.device("cpu"), threads=1)


def printed(text: str, *, size: int = 40) -> np.ndarray:
    """A printed line, black on white, grey (h, w)."""
    font = ImageFont.truetype(FONT, size)
    picture = Image.new("L", (round(font.getlength(text)) + size, 2 * size), 255)
    ImageDraw.Draw(picture).text((size // 2, size // 2), text, fill=0, font=font)
    return np.asarray(picture)


def printed_page() -> tuple[np.ndarray, list[np.ndarray]]:
    """TEXTS under each other, RGB (h, w, 3), and the (4, 2) box of the ink of each line."""
    page = np.full((520, 900, 3), 255, np.uint8)
    boxes = []
    for number, text in enumerate(TEXTS):
        line = printed(text)
        top, left = 60 + 130 * number, 100
        page[top : top + line.shape[0], left : left + line.shape[1]] = line[..., None]
        rows, columns = np.nonzero(line < 128)
        x0, x1, y0, y1 = columns.min() + left, columns.max() + left, rows.min() + top, rows.max() + top
        boxes.append(np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32))
    return page, boxes


@pytest.fixture(scope="module")
def readers():
    """Page engines by name, loaded once; skips where one is not installed."""
    loaded: dict[str, PageEngine] = {}

    def get(name: str) -> PageEngine:
        if name == "tesseract" and not shutil.which("tesseract"):
            pytest.skip("the program tesseract is not installed")
        if name == "rapidocr":
            pytest.importorskip("rapidocr", reason="the extra engines is not installed")
            pytest.importorskip("onnxruntime", reason="the extra engines is not installed")
        if name not in loaded:
            loaded[name] = load_engine(name, MACHINE, {})
        return loaded[name]

    return get


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A tiny TrOCR that has learned PICTURES, as transformers saves it."""
    folder = tmp_path_factory.mktemp("checkpoint") / "learned"
    make_checkpoint(folder, "small")
    return folder


both = pytest.mark.parametrize("name", ["tesseract", "rapidocr"])


@both
def test_lines_come_back_in_order_whatever_is_among_them(readers, name):
    line = printed(TEXTS[0])
    nothing = np.full((1, 1), 255, np.uint8)
    images = [line, nothing, printed(TEXTS[1], size=24), np.repeat(line[..., None], 3, axis=2)]
    readings = readers(name).read_lines(images)
    for reading, text in zip(readings, [TEXTS[0], "", TEXTS[1], TEXTS[0]], strict=True):
        assert count_errors(text, reading.text).edits <= 1
        assert 0 <= reading.confidence <= 1
    assert readings[0].confidence > 0.8


@both
def test_the_lines_of_a_page_have_their_place_and_their_text(readers, name):
    page, boxes = printed_page()
    lines = readers(name).read_page(page)
    assert count_errors(" ".join(TEXTS), " ".join(line.text for line in lines)).cer < 5
    assert count_detections([line.polygon for line in lines], boxes).f1 == 1
    assert all(line.confidence > 0.5 and line.baseline.shape[1] == 2 for line in lines)


@both
@pytest.mark.parametrize("shape", [(200, 300), (1, 1), (2, 2500), (3000, 2)])
def test_a_page_without_text_has_no_lines(readers, name, shape):
    assert readers(name).read_page(np.full((*shape, 3), 255, np.uint8)) == []


def test_an_image_that_stops_tesseract_costs_no_other(readers):
    line, endless = printed(TEXTS[0]), np.full((8, 40_000), 255, np.uint8)
    assert [reading.text for reading in readers("tesseract").read_lines([line, endless, line])] == [
        TEXTS[0],
        "",
        TEXTS[0],
    ]


def test_trocr_reads_what_it_has_learned(checkpoint):
    engine = load_engine("trocr", MACHINE, {"model": str(checkpoint)})
    images = [np.asarray(picture) for picture in PICTURES]
    readings = engine.read_lines(images)
    assert [reading.text for reading in readings] == LABELS
    for image, reading in zip(images, readings, strict=True):
        (alone,) = engine.read_lines([image])
        assert alone.confidence == pytest.approx(reading.confidence, abs=1e-4), "padding has no confidence"
        assert 0.1 < reading.confidence <= 1


class Lines:
    """Pictures that the tiny TrOCR knows, of two sources; one row has no text."""

    name = "pictures"

    def __len__(self):
        return len(PICTURES)

    def __getitem__(self, index):
        source = "one" if index < 2 else "two"
        image = np.asarray(PICTURES[index])
        return LineSample(image, LABELS[index], id=str(index), document=str(index), source=source)


def test_one_table_holds_all_engines(checkpoint, tiny_recognizer, tmp_path, capsys):
    write_manifest(Lines(), tmp_path / "lines.parquet")
    data = ["data=parquet", f"data.path={tmp_path}/lines.parquet"]
    files = [f"report={tmp_path}/report.json", f"predictions={tmp_path}/readings.jsonl"]
    engines = ["engine=[trocr,ours]", f"bundle={tiny_recognizer}", f"trocr.model={checkpoint}"]
    assert evaluate.main([*engines, *data, *files]) == 0
    reports = json.loads((tmp_path / "report.json").read_text())["engines"]
    assert list(reports) == ["trocr", "ours"]
    for name, report in reports.items():
        assert report["engine"]["name"] == name and report["lines"] == len(LABELS)
        assert report["cer_ci"][0] <= report["cer"] <= report["cer_ci"][1] and report["lines_per_second"] > 0
        assert list(report["per_source"]) == ["one", "two"]
        rows = (tmp_path / f"readings.{name}.jsonl").read_text().splitlines()
        assert {json.loads(row)["id"] for row in rows} == {"0", "1", "2"}
    assert reports["ours"]["ece_word"] is not None and reports["trocr"]["ece_word"] is None
    assert reports["trocr"]["settings"]["options"] == {"model": str(checkpoint)}
    table = capsys.readouterr().out
    for name, report in ((" tiny ", reports["ours"]), (checkpoint.name, reports["trocr"])):
        rows = [row for row in table.splitlines() if name in row]
        assert len(rows) == 3, "two sources and all"
        assert f"{report['cer']:.2f}" in rows[-1] and f"{report['lines_per_second']:.2f}" in rows[-1]


def test_an_engine_for_lines_gets_those_of_our_detector(checkpoint, tiny_recognizer, tmp_path):
    page, boxes = printed_page()
    Image.fromarray(page).save(tmp_path / "page.png")
    lines = [
        {"id": str(i), "polygon": box.tolist(), "text": text}
        for i, (box, text) in enumerate(zip(boxes, TEXTS, strict=True))
    ]
    height, width = page.shape[:2]
    row = {"id": "p", "file": "page.png", "width": width, "height": height, "source": "s", "split": "test"}
    (tmp_path / "pages.jsonl").write_text(json.dumps(row | {"lines": lines}))
    data = ["data=pages", f"data.path={tmp_path}/pages.jsonl", f"report={tmp_path}/report.json"]
    engines = ["engine=[ours,trocr]", f"bundle={tiny_recognizer}", f"trocr.model={checkpoint}"]
    assert evaluate.main([*engines, *data]) == 0
    ours, trocr = json.loads((tmp_path / "report.json").read_text())["engines"].values()
    assert (trocr["recall"], trocr["order_error"]) == (ours["recall"], ours["order_error"])
    assert trocr["recall"] > 0.5 and trocr["cer"] != ours["cer"] and trocr["pages_per_second"] > 0


def test_engines_are_the_files_of_their_folder():
    assert engine_names() == ["ours", "rapidocr", "tesseract", "trocr"]


@pytest.mark.parametrize(
    ("name", "package"), [("rapidocr", "rapidocr"), ("rapidocr", "onnxruntime"), ("trocr", "transformers")]
)
def test_a_missing_package_is_named_with_the_extra_that_has_it(name, package, monkeypatch):
    monkeypatch.delitem(sys.modules, f"ocr.evaluation.engines.{name}", raising=False)
    for module in [module for module in sys.modules if module.split(".")[0] == "rapidocr"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError, match=f"^engine={name}: .*--extra engines") as error:
        load_engine(name, MACHINE, {})
    assert package in str(error.value) and "\n" not in str(error.value)


def test_a_missing_program_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="tesseract is not installed .*apt install tesseract-ocr"):
        load_engine("tesseract", MACHINE, {})


@pytest.mark.parametrize(
    ("arguments", "culprit", "why"),
    [
        (["engine=abbyy"], "engine=abbyy: unknown, choose from ours, rapidocr, tesseract, trocr", "unknown"),
        (["engine=[trocr,abbyy]"], "engine=abbyy", "one of several unknown"),
        (["engine=[ours,ours]"], "engine=[ours,ours]", "the same twice"),
        (["engine=[]"], "engine=[]", "none"),
        (["engine=ours"], "bundle=", "ours is a bundle"),
        (["engine=trocr"], "trocr.model=", "no model named"),
        (["engine=trocr", "trocr.model=/none"], "trocr.model=/none", "a model that is not there"),
        (["engine=trocr", "trocr.model=damaged"], "trocr.model=damaged", "a model that is damaged"),
        (["engine=trocr", "trocr.size=9"], "trocr.size", "an option it does not have"),
        (["engine=tesseract", "tesseract.languages=eng+xx"], "'xx'", "a language not installed"),
        (["engine=rapidocr", "rapidocr.size=huge"], "rapidocr.size=huge", "a size that does not exist"),
        (["engine=rapidocr", "rapidocr.size=server"], "PP-OCRv6 server", "a size of another version"),
        (["engine=rapidocr", "rapidocr.language=xx"], "xx", "a language it does not have"),
    ],
)
def test_what_cannot_be_measured_costs_one_line(
    arguments, culprit, why, readers, checkpoint, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(checkpoint, "damaged")
    (tmp_path / "damaged/model.safetensors").write_bytes(b"cut off")
    if arguments[0] in ("engine=tesseract", "engine=rapidocr"):
        readers(arguments[0].removeprefix("engine="))
    write_manifest(Lines(), tmp_path / "lines.parquet")
    assert evaluate.main([*arguments, "data=parquet", f"data.path={tmp_path}/lines.parquet"]) == 2
    out, err = capsys.readouterr()
    assert not out and err.startswith("error: ") and err.count("\n") == 1 and culprit in err, why
