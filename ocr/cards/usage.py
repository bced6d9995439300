"""Parts of a model card: predicted entities and how to use a bundle."""

from __future__ import annotations

from ocr.bundle import Bundle

_ENTITIES = {
    "recognizer": """| entity | where | what |
| --- | --- | --- |
| line | `page.lines` | `text`, `polygon` and `baseline` in pixels of the page, `confidence` in [0, 1] |
| word | `line.words` | `text`, `polygon`, `confidence` |
| character | `word.characters` | `text`, `polygon`, `confidence` |

Polygons are found by the detector and the alignment of characters, (n, 2) arrays of x, y. Confidences are
probabilities that the text is right.""",
    "detector": """| entity | where | what |
| --- | --- | --- |
| line | `page.lines`, in reading order | `polygon`, `baseline` in pixels of the page, `detection_score` in [0, 1] |

Words and characters get their places from the recognizer.""",
    "encoder": "Features of columns of a line, for training: no text.",
}

_USE = """Python:

```python
from ocr import Reader

page = Reader.from_pretrained({kind}="{name}").read("examples/letter.jpg")
for line in page.lines:
    print({line})
```

Command line:

    uv run ocr read input=examples/letter.jpg {kind}={name}

Apache Spark{guide}:

```python
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession

from ocr.spark import BinaryToImage, ImageTextDetectorV2, ImageToTextV2

spark = SparkSession.builder.getOrCreate()
files = spark.read.format("binaryFile").load("examples/letter.jpg")
to_image = BinaryToImage()
detector = ImageTextDetectorV2.pretrained("{detector}").setInputCol("image").setOutputCol("regions")
detector.setSizeThreshold(-1).setWidth(-1)
recognizer = ImageToTextV2.pretrained("{recognizer}").setInputCols(["image", "regions"]).setOutputCol("text")
print(PipelineModel(stages=[to_image, detector, recognizer]).transform(files).first().text)
```"""


def entities(bundle: Bundle) -> str:
    """Describe the predictions of the model, as Markdown."""
    return _ENTITIES[bundle.kind]


def how_to_use(bundle: Bundle, *, source: str | None = None) -> str:
    """Write example commands and programs as Markdown.

    Args:
        source: where the bundle is, such as `USER/NAME` of the hub; None: it ships with the package, and the programs
            run from the folder of the repository.
    """
    name = source or bundle.name
    if bundle.kind == "encoder":
        return f"    uv run ocr train init_from={name}"
    shipped = {"recognizer": "ocr_small_handwritten", "detector": "image_text_detector_v2"}
    shown = {
        "recognizer": "line.text, line.confidence, line.polygon.tolist()",
        "detector": "line.detection_score, line.polygon.tolist()",
    }
    names = shipped | {bundle.kind: name}
    guide = " ([guide](../spark.md))" if source is None else ""
    text = _USE.format(kind=bundle.kind, name=name, line=shown[bundle.kind], guide=guide, **names)
    # Elsewhere there is neither the example nor a checkout.
    return (
        text if source is None else text.replace("examples/letter.jpg", "letter.jpg").replace("uv run ", "")
    )


def input_size(bundle: Bundle) -> str:
    """Describe the size of the input, height before width, in pixels."""
    settings = bundle.part_configs.get("preprocess", {})
    if bundle.kind == "detector":
        return f"a page of any size, scaled to at most {settings.get('max_side', '?')} on its longest side"
    if "height" not in settings:
        return "not stated"
    width = settings.get("max_width")
    return f"{settings['height']} x any width" + (f", longer than {width} in pieces" if width else "")
