"""The stages in a real Spark session, on pages of a few pixels."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("pyspark", reason="the extra `spark` is not installed")

from pyspark.ml import Pipeline, PipelineModel
from pyspark.ml.image import ImageSchema

from ocr.errors import BundleError, ConfigError
from ocr.image.io import load_image
from ocr.spark import (
    BinaryToImage,
    Color,
    ImageDrawRegions,
    ImageTextDetectorV2,
    ImageToTextV2,
    ImageType,
    OcrOutputFormat,
)
from ocr.spark.images import from_struct

BROKEN = {("cut.tif", 1), ("text.jpg", 0)}


def png(path: Path, grey: int = 200) -> None:
    Image.fromarray(np.arange(12 * 20 * 3, dtype=np.uint8).reshape(12, 20, 3) // 4 + grey // 4).save(path)


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> Path:
    """A picture, a file of two pages, one cut off in its second page, and text in disguise."""
    folder = tmp_path_factory.mktemp("scans")
    png(folder / "a b.png")
    pages = [Image.new("RGB", (20, 12), (grey, 0, 0)) for grey in (50, 100)]
    pages[0].save(folder / "two.tif", save_all=True, append_images=pages[1:])
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    stream = io.BytesIO()
    pages[0].save(stream, format="TIFF", save_all=True, append_images=[noise])
    content = bytearray(stream.getvalue())
    (folder / "cut.tif").write_bytes(content[: len(content) // 2])
    (folder / "text.jpg").write_text("no picture")
    return folder


@pytest.fixture
def files(spark, scans):
    return spark.read.format("binaryFile").load(str(scans))


def name(row) -> str:
    return row.path.rsplit("/", 1)[-1]


def test_files_become_a_row_a_page_and_failures_a_row_with_the_reason(files):
    result = BinaryToImage().transform(files)
    assert result.columns == ["path", "modificationTime", "length", "image", "pagenum", "exception"]
    rows = {(name(row), row.pagenum): row for row in result.collect()}
    assert set(rows) == {("a b.png", 0), ("two.tif", 0), ("two.tif", 1)} | BROKEN | {("cut.tif", 0)}
    for key in set(rows) - BROKEN:
        assert rows[key].exception is None and rows[key].image.height == 12, key
    for key in BROKEN:
        assert rows[key].image is None and rows[key].exception.startswith("file:/"), key
    assert rows["text.jpg", 0].exception.endswith(
        "text.jpg: not a picture or PDF (known: JPEG, PNG, WebP, TIFF, BMP, GIF, HEIC, PDF)"
    )
    red = [from_struct(rows["two.tif", number].image.asDict())[0, 0].tolist() for number in (0, 1)]
    assert red == [[50, 0, 0], [100, 0, 0]]


def test_images_are_compatible_with_sparks_own_image_source(spark, scans):
    """Same fields and bytes, with one field more, so either source feeds the stages."""
    path = str(scans / "a b.png")
    theirs = spark.read.format("image").load(path).first().image.asDict()
    ours = BinaryToImage().transform(spark.read.format("binaryFile").load(path)).first().image.asDict()
    assert set(ours) - set(ImageSchema.imageFields) == {"resolution"}
    assert {
        key: bytes(ours[key]) if key == "data" else ours[key] for key in ("height", "width", "mode", "data")
    } == {
        key: bytes(theirs[key]) if key == "data" else theirs[key]
        for key in ("height", "width", "mode", "data")
    }
    assert np.array_equal(from_struct(theirs), load_image(path))


def test_a_pipeline_is_saved_and_loaded_with_its_parameters(spark, tmp_path):
    stages = [
        BinaryToImage().setImageType(ImageType.TYPE_BYTE_GRAY),
        ImageTextDetectorV2().setLinkThreshold(0.3),
        ImageToTextV2().setInputCols(["image", "table_regions"]).setOutputFormat(OcrOutputFormat.HOCR),
        ImageDrawRegions().setRectColor(Color.red),
    ]
    model = Pipeline(stages=stages).fit(spark.createDataFrame([], "path string, content binary"))
    model.write().overwrite().save(str(tmp_path / "model"))
    loaded = PipelineModel.load(str(tmp_path / "model"))
    assert [type(stage) for stage in loaded.stages] == [type(stage) for stage in stages]
    for before, after in zip(stages, loaded.stages, strict=True):
        assert {p.name: v for p, v in before.extractParamMap().items()} == {
            p.name: v for p, v in after.extractParamMap().items()
        }


def test_a_model_of_ones_own_travels_with_the_job(files, tiny_recognizer):
    stage = ImageToTextV2.pretrained(str(tiny_recognizer)).setIncludeConfidence(True).setKeepInput(False)
    result = stage.setOutputFormat(OcrOutputFormat.TEXT_WITH_POSITIONS).transform(
        BinaryToImage().transform(files)
    )
    assert (
        result.columns[-4:] == ["text", "positions", "confidence", "exception"]
        and "image" not in result.columns
    )
    for row in result.collect():
        if (name(row), row.pagenum) in BROKEN:
            assert row.text is None and row.exception.startswith("file:/"), "the first failure is kept"
        else:
            assert (row.text, row.exception) == ("a", None) and row.confidence > 0.9
            [word] = row.positions
            assert (word.text, word["index"], word.page, word.height) == ("a", 0, row.pagenum, 12)


def test_a_folder_is_read_as_a_stream(spark, scans, tiny_recognizer, tmp_path):
    source = spark.read.format("binaryFile").load(str(scans))
    stream = spark.readStream.format("binaryFile").schema(source.schema).load(str(scans))
    model = PipelineModel(
        stages=[BinaryToImage(), ImageToTextV2.pretrained(str(tiny_recognizer)).setKeepInput(False)]
    )
    query = (
        model.transform(stream)
        .writeStream.format("parquet")
        .option("checkpointLocation", str(tmp_path / "checkpoint"))
        .trigger(availableNow=True)
        .start(str(tmp_path / "out"))
    )
    query.awaitTermination(120)
    written = spark.read.parquet(str(tmp_path / "out")).collect()
    assert sorted(row.text or "" for row in written) == ["", "", "a", "a", "a", "a"]


@pytest.mark.parametrize(
    ("stage", "error", "message"),
    [
        (lambda: ImageDrawRegions(), ConfigError, "no column image, regions among path"),
        (lambda: ImageToTextV2().setInputCols(["a", "b", "c"]), ConfigError, "inputCols must be"),
        (
            lambda: ImageTextDetectorV2().setInputCol("content").setWidth(3),
            ConfigError,
            "between 32 and 8192",
        ),
        (
            lambda: ImageToTextV2().setInputCols(["content"]).setBundle("none"),
            BundleError,
            "unknown bundle 'none'",
        ),
        (lambda: ImageToTextV2.pretrained("image_text_detector_v2"), BundleError, "is a detector"),
    ],
)
def test_what_cannot_work_is_said_before_the_job(files, stage, error, message):
    with pytest.raises(error, match=message):
        stage().transform(files)
