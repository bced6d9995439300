"""Names, defaults and accessors of the stages' parameters: what programs written for such stages expect."""

import sys
from types import SimpleNamespace

import pytest

pytest.importorskip("pyspark", reason="the extra `spark` is not installed")

from ocr.errors import ConfigError
from ocr.spark import (
    BinaryToImage,
    Color,
    ImageDrawRegions,
    ImageTextDetectorV2,
    ImageToTextV2,
    ImageType,
    OcrOutputFormat,
)
from ocr.spark.params import use_this_python

BGR, GREY = ImageType.TYPE_3BYTE_BGR, ImageType.TYPE_BYTE_GRAY
TEXT, HOCR = OcrOutputFormat.TEXT, OcrOutputFormat.HOCR
PARAMETERS = [
    (BinaryToImage, "inputCol", "content", "pdf"),
    (BinaryToImage, "outputCol", "image", "page"),
    (BinaryToImage, "originCol", "path", "name"),
    (BinaryToImage, "imageType", BGR, GREY),
    (BinaryToImage, "keepInput", False, True),
    (ImageTextDetectorV2, "inputCol", "image", "page"),
    (ImageTextDetectorV2, "outputCol", "table_regions", "regions"),
    (ImageTextDetectorV2, "scoreThreshold", 0.7, 0.5),
    (ImageTextDetectorV2, "textThreshold", 0.4, 0.2),
    (ImageTextDetectorV2, "linkThreshold", 0.4, 0.3),
    (ImageTextDetectorV2, "sizeThreshold", 10, -1),
    (ImageTextDetectorV2, "width", 1280, 500),
    (ImageTextDetectorV2, "withRefiner", False, True),
    (ImageTextDetectorV2, "mergeIntersects", False, True),
    (ImageTextDetectorV2, "useGPU", False, True),
    (ImageTextDetectorV2, "bundle", "image_text_detector_v2", "mine"),
    (ImageToTextV2, "inputCols", ["image"], ["image", "regions"]),
    (ImageToTextV2, "outputCol", "text", "hocr"),
    (ImageToTextV2, "groupImages", True, False),
    (ImageToTextV2, "lineTolerance", 15, 0),
    (ImageToTextV2, "borderWidth", 5, 0),
    (ImageToTextV2, "spaceWidth", 10, 0),
    (ImageToTextV2, "outputFormat", TEXT, HOCR),
    (ImageToTextV2, "includeConfidence", False, True),
    (ImageToTextV2, "batchSize", 16, 1),
    (ImageToTextV2, "useGPU", False, True),
    (ImageToTextV2, "keepInput", True, False),
    (ImageToTextV2, "bundle", "ocr_small_handwritten", "mine"),
    (ImageDrawRegions, "inputCol", "image", "page"),
    (ImageDrawRegions, "inputRegionsCol", "regions", "text_regions"),
    (ImageDrawRegions, "outputCol", "image_with_regions", "drawn"),
    (ImageDrawRegions, "lineWidth", 4, 1),
    (ImageDrawRegions, "fontSize", 12, 30),
    (ImageDrawRegions, "rotated", False, True),
    (ImageDrawRegions, "rectColor", Color.black, Color.green),
    (ImageDrawRegions, "filledRect", False, True),
]


@pytest.mark.parametrize(("stage", "name", "default", "other"), PARAMETERS)
def test_a_parameter_has_its_default_and_camel_case_accessors(stage, name, default, other):
    made = stage()
    suffix = name[0].upper() + name[1:]
    assert getattr(made, f"get{suffix}")() == default
    assert getattr(made, f"set{suffix}")(other) is made, "setters chain"
    assert getattr(made, f"get{suffix}")() == other


@pytest.mark.parametrize("stage", {row[0] for row in PARAMETERS})
def test_no_parameter_is_missing_from_the_table(stage):
    assert {parameter.name for parameter in stage().params} == {
        row[1] for row in PARAMETERS if row[0] is stage
    }


def test_a_copy_is_independent_and_takes_extra_values():
    stage = ImageTextDetectorV2().setWidth(500)
    copy = stage.copy({stage.linkThreshold: 0.3})
    assert (copy.getWidth(), copy.getLinkThreshold()) == (500, 0.3)
    copy.setWidth(700)
    assert (stage.getWidth(), stage.getLinkThreshold()) == (500, 0.4)


@pytest.mark.parametrize(
    ("set_value", "message"),
    [
        (
            lambda: ImageTextDetectorV2().setLinkThreshold(1.5),
            "linkThreshold must lie between 0 and 1, got 1.5",
        ),
        (lambda: ImageToTextV2().setBatchSize(0), "batchSize must be at least 1, got 0"),
        (lambda: ImageToTextV2().setBorderWidth(-1), "borderWidth must be at least 0, got -1"),
        (lambda: ImageToTextV2().setOutputFormat("pdf"), "OcrOutputFormat.HOCR"),
        (lambda: ImageDrawRegions().setRectColor("green-ish"), "Color.green"),
        (lambda: BinaryToImage().setImageType(99), "ImageType.TYPE_3BYTE_BGR"),
    ],
)
def test_a_value_that_cannot_be_is_refused_when_set(set_value, message):
    with pytest.raises(ConfigError, match=message):
        set_value()


def test_a_wrong_type_is_refused_as_everywhere_in_spark():
    with pytest.raises(TypeError, match="width"):
        ImageTextDetectorV2().setWidth("wide")


@pytest.mark.parametrize(
    ("master", "named", "expected"),
    [
        ("local[2]", None, sys.executable),
        ("local[2]", "/opt/python", "python3"),
        ("spark://host:7077", None, "python3"),
    ],
)
def test_local_workers_are_this_python_unless_another_is_named(monkeypatch, master, named, expected):
    monkeypatch.delenv("PYSPARK_PYTHON", raising=False)
    if named:
        monkeypatch.setenv("PYSPARK_PYTHON", named)
    session = SimpleNamespace(sparkContext=SimpleNamespace(master=master, pythonExec="python3"))
    use_this_python(session)
    assert session.sparkContext.pythonExec == expected
