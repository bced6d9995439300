"""The pipeline stages: their parameters, defaults and columns. The work itself is in the modules they name."""

from __future__ import annotations

from typing import Any, ClassVar

from pyspark.ml.param import TypeConverters
from pyspark.ml.param.shared import HasInputCol, HasInputCols, HasOutputCol
from pyspark.sql import DataFrame
from pyspark.sql.types import DataType, FloatType, IntegerType, StringType, StructField

from ocr.detection.settings import DetectionSettings
from ocr.errors import ConfigError
from ocr.inference.settings import DEFAULTS
from ocr.spark import schemas
from ocr.spark.enums import Color, ImageType, OcrOutputFormat
from ocr.spark.params import Columns, Stage, at_least, fraction, one_of, parameter
from ocr.spark.worker import RowMap

DETECTION = DetectionSettings()


class BinaryToImage(Stage, HasInputCol, HasOutputCol):
    """Decodes files, as `spark.read.format("binaryFile")` loads them, into image structs, a row for every page.

    Pages of multi-page TIFFs and of PDFs become rows of their own, numbered from 0 in `pagenum`. EXIF rotation is
    applied. A file that cannot be read leaves one row without an image and the reason in `exception`.
    """

    originCol = parameter("originCol", "column with the file's name", TypeConverters.toString)
    imageType = parameter("imageType", "how pixels are stored", one_of("imageType", ImageType))
    keepInput = parameter("keepInput", "whether the input column is kept", TypeConverters.toBoolean)

    defaults: ClassVar[dict[str, Any]] = {
        "inputCol": "content",
        "outputCol": "image",
        "originCol": "path",
        "imageType": ImageType.TYPE_3BYTE_BGR,
        "keepInput": False,
    }

    def _inputs(self) -> list[str]:
        return [self.getInputCol()]

    def _optional_inputs(self) -> list[str]:
        return [self.getOriginCol()]

    def _outputs(self) -> list[StructField]:
        return _fields({self.getOutputCol(): schemas.IMAGE, "pagenum": IntegerType()})

    def _dropped(self) -> set[str]:
        return set() if self.getKeepInput() else {self.getInputCol()}

    def _row_map(self, columns: Columns, dataset: DataFrame) -> RowMap:
        from ocr.spark.images import Decode

        return Decode(
            **vars(columns),
            rows=1,
            content=self.getInputCol(),
            origin=self.getOriginCol() if self.getOriginCol() in columns.inputs else None,
            output=self.getOutputCol(),
            image_type=self.getImageType(),
        )


class _Pretrained(Stage):
    """A stage with a model: the bundle of a trained one, by a shipped name or a folder."""

    bundle = parameter("bundle", "name or folder of a trained model", TypeConverters.toString)
    useGPU = parameter("useGPU", "whether to run on the task's GPU", TypeConverters.toBoolean)

    kind: ClassVar[str]

    @classmethod
    def pretrained(
        cls, name: str | None = None, lang: str = "en", remote_loc: str | None = None
    ) -> _Pretrained:
        """A stage with the bundle `name`, a shipped one or a folder; None for the default.

        `lang` and `remote_loc` are taken for the sake of programs that pass them: nothing is downloaded, and a
        bundle reads the languages that its model card names.

        Raises:
            BundleError: there is no such bundle, or it is of another kind.
        """
        from ocr.bundle import Bundle

        stage = cls()
        if name is not None:
            stage._set(bundle=name)
        stage._adopt(Bundle.load(stage.getOrDefault("bundle"), kind=cls.kind).decoding)
        return stage

    def _adopt(self, decoding: dict[str, Any]) -> None:
        """Take over what a bundle cannot do without."""


class ImageTextDetectorV2(_Pretrained, HasInputCol, HasOutputCol):
    """Finds text on images: an array of regions (see `ocr.spark.schemas.REGIONS`) in reading order.

    With the refiner regions are lines, with their outlines; without it they are words. `pretrained` turns the
    refiner on for a bundle that was trained on lines alone.
    """

    kind: ClassVar[str] = "detector"

    scoreThreshold = parameter(
        "scoreThreshold", "how sure the surest part of a region must be", fraction("scoreThreshold")
    )
    textThreshold = parameter(
        "textThreshold", "how sure the edge of a word must be; words only", fraction("textThreshold")
    )
    linkThreshold = parameter(
        "linkThreshold",
        "how sure the link between words, or a line's core, must be",
        fraction("linkThreshold"),
    )
    sizeThreshold = parameter(
        "sizeThreshold", "lowest region in pixels of the scaled image; -1: automatic", TypeConverters.toInt
    )
    width = parameter(
        "width",
        "pixels that an image's width is scaled to; -1: by the size of the writing",
        TypeConverters.toInt,
    )
    withRefiner = parameter("withRefiner", "lines instead of words", TypeConverters.toBoolean)
    mergeIntersects = parameter(
        "mergeIntersects", "whether regions that cover each other become one", TypeConverters.toBoolean
    )

    defaults: ClassVar[dict[str, Any]] = {
        "inputCol": "image",
        "outputCol": "table_regions",
        "bundle": DEFAULTS.detector,
        "scoreThreshold": DETECTION.text_threshold,
        "textThreshold": DETECTION.low_text,
        "linkThreshold": DETECTION.link_threshold,
        "sizeThreshold": 10,
        "width": 1280,
        "withRefiner": False,
        "mergeIntersects": False,
        "useGPU": False,
    }

    def _adopt(self, decoding: dict[str, Any]) -> None:
        if not decoding.get("word_maps", True):
            self._set(withRefiner=True)

    def _inputs(self) -> list[str]:
        return [self.getInputCol()]

    def _optional_inputs(self) -> list[str]:
        return ["pagenum"]

    def _outputs(self) -> list[StructField]:
        return _fields({self.getOutputCol(): schemas.REGIONS})

    def _row_map(self, columns: Columns, dataset: DataFrame) -> RowMap:
        from ocr.spark.bundles import ship
        from ocr.spark.detect import Detect
        from ocr.spark.worker import line_finder

        settings = DetectionSettings(
            width=None if self.getWidth() == -1 else self.getWidth(),
            text_threshold=self.getScoreThreshold(),
            low_text=self.getTextThreshold(),
            link_threshold=self.getLinkThreshold(),
            size_threshold=float(self.getSizeThreshold()),
            with_refiner=self.getWithRefiner(),
        )
        # Built here too, so that what cannot work is said before the job starts.
        line_finder(self.getBundle(), "cpu", settings)
        return Detect(
            **vars(columns),
            rows=1,
            image=self.getInputCol(),
            output=self.getOutputCol(),
            bundle=ship(self.getBundle(), dataset.sparkSession),
            settings=settings,
            merge=self.getMergeIntersects(),
            use_gpu=self.getUseGPU(),
        )


class ImageToTextV2(_Pretrained, HasInputCols, HasOutputCol):
    """Reads images at their regions.

    `inputCols` are the columns of the image and of the regions; without regions each image is a single line.
    Lines are read along their outlines as `ocr read` does. Regions labeled otherwise than `line` are words, which
    `groupImages`, `lineTolerance`, `borderWidth` and `spaceWidth` put together. `confidence` is the lines' mean,
    weighted by length; `positions` are the places of words.
    """

    kind: ClassVar[str] = "recognizer"

    groupImages = parameter(
        "groupImages", "whether the words of a line are read as one image", TypeConverters.toBoolean
    )
    lineTolerance = parameter(
        "lineTolerance", "pixels by which words of a line differ in height", at_least("lineTolerance", 0)
    )
    borderWidth = parameter("borderWidth", "pixels added around a word", at_least("borderWidth", 0))
    spaceWidth = parameter(
        "spaceWidth", "white columns between words read as one image", at_least("spaceWidth", 0)
    )
    outputFormat = parameter("outputFormat", "what is written", one_of("outputFormat", OcrOutputFormat))
    includeConfidence = parameter(
        "includeConfidence", "whether there is a column `confidence`", TypeConverters.toBoolean
    )
    batchSize = parameter("batchSize", "lines read at once", at_least("batchSize", 1))
    keepInput = parameter("keepInput", "whether the image is kept", TypeConverters.toBoolean)

    defaults: ClassVar[dict[str, Any]] = {
        "inputCols": ["image"],
        "outputCol": "text",
        "bundle": DEFAULTS.recognizer,
        "groupImages": True,
        "lineTolerance": 15,
        "borderWidth": 5,
        "spaceWidth": 10,
        "outputFormat": OcrOutputFormat.TEXT,
        "includeConfidence": False,
        "batchSize": DEFAULTS.batch_size,
        "useGPU": False,
        "keepInput": True,
    }

    ROWS: ClassVar[int] = 32
    """Images whose lines may share batches."""

    def _inputs(self) -> list[str]:
        if len(self.getInputCols()) not in (1, 2):
            raise ConfigError(f"inputCols must be [image] or [image, regions], got {self.getInputCols()}")
        return self.getInputCols()

    def _optional_inputs(self) -> list[str]:
        return ["pagenum"]

    def _outputs(self) -> list[StructField]:
        outputs: dict[str, DataType] = {self.getOutputCol(): StringType()}
        if self.getOutputFormat() == OcrOutputFormat.TEXT_WITH_POSITIONS:
            outputs["positions"] = schemas.POSITIONS
        if self.getIncludeConfidence():
            outputs["confidence"] = FloatType()
        return _fields(outputs)

    def _dropped(self) -> set[str]:
        return set() if self.getKeepInput() else {self.getInputCols()[0]}

    def _row_map(self, columns: Columns, dataset: DataFrame) -> RowMap:
        from ocr.spark.bundles import ship
        from ocr.spark.grouping import WordGrouping
        from ocr.spark.recognize import Recognize
        from ocr.spark.worker import line_reader

        image, *regions = self.getInputCols()
        line_reader(self.getBundle(), "cpu", None, self.getBatchSize())
        return Recognize(
            **vars(columns),
            rows=self.ROWS,
            image=image,
            regions=regions[0] if regions else None,
            output=self.getOutputCol(),
            bundle=ship(self.getBundle(), dataset.sparkSession),
            output_format=self.getOutputFormat(),
            grouping=WordGrouping(
                tolerance=self.getLineTolerance(),
                border=self.getBorderWidth(),
                space=self.getSpaceWidth(),
                together=self.getGroupImages(),
            ),
            batch_size=self.getBatchSize(),
            use_gpu=self.getUseGPU(),
        )


class ImageDrawRegions(Stage, HasInputCol, HasOutputCol):
    """Draws regions over images, with their numbers in reading order."""

    inputRegionsCol = parameter("inputRegionsCol", "column with the regions", TypeConverters.toString)
    lineWidth = parameter("lineWidth", "pixels", at_least("lineWidth", 1))
    fontSize = parameter("fontSize", "height of numbers in pixels", at_least("fontSize", 1))
    rotated = parameter(
        "rotated",
        "rectangles turned as the text is; False: upright boxes around them",
        TypeConverters.toBoolean,
    )
    rectColor = parameter("rectColor", "color of rectangles", one_of("rectColor", Color))
    filledRect = parameter("filledRect", "whether rectangles are filled", TypeConverters.toBoolean)

    defaults: ClassVar[dict[str, Any]] = {
        "inputCol": "image",
        "inputRegionsCol": "regions",
        "outputCol": "image_with_regions",
        "lineWidth": 4,
        "fontSize": 12,
        "rotated": False,
        "rectColor": Color.black,
        "filledRect": False,
    }

    def _inputs(self) -> list[str]:
        return [self.getInputCol(), self.getInputRegionsCol()]

    def _outputs(self) -> list[StructField]:
        return _fields({self.getOutputCol(): schemas.IMAGE})

    def _row_map(self, columns: Columns, dataset: DataFrame) -> RowMap:
        from ocr.spark.draw import Draw

        return Draw(
            **vars(columns),
            rows=1,
            image=self.getInputCol(),
            regions=self.getInputRegionsCol(),
            output=self.getOutputCol(),
            line_width=self.getLineWidth(),
            font_size=self.getFontSize(),
            rotated=self.getRotated(),
            color=self.getRectColor(),
            filled=self.getFilledRect(),
        )


def _fields(columns: dict[str, DataType]) -> list[StructField]:
    return [StructField(name, kind) for name, kind in columns.items()]
