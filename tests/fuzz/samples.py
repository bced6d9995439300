"""Whole inputs of every kind, as small as they can be."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from PIL import Image

from ocr.bundle import Bundle
from ocr.bundle.registry import build
from tests.helpers.lines import row as manifest_row
from tests.helpers.pdf import write_pdf
from tests.helpers.pictures import tiff
from tests.helpers.strokes import SCHEMA, WORDS, component, row, wave

PAGE_XML = b"""<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15">
<Page imageFilename="case.png" imageHeight="60" imageWidth="90" custom="page {number:1}">
<ReadingOrder><OrderedGroup id="g"><RegionRefIndexed index="0" regionRef="r1"/></OrderedGroup></ReadingOrder>
<TextRegion id="r1" production="handwritten-cursive">
<TextLine id="l1"><Coords points="5,5 80,5 80,20 5,20"/><Baseline points="5,17 80,17"/>
<Word id="w"><Coords points="5,5 40,5 40,20 5,20"/><TextEquiv conf="0.5"><Unicode>Dear</Unicode></TextEquiv>
<Glyph><TextEquiv><Unicode>D</Unicode></TextEquiv></Glyph></Word>
<TextEquiv index="0"><Unicode>Dear Sir</Unicode></TextEquiv><TextEquiv index="1"><PlainText>x</PlainText></TextEquiv>
</TextLine>
<TextLine id="l2"><Baseline points="5,40 80,42"/><TextEquiv><Unicode>two</Unicode></TextEquiv></TextLine>
<TextLine id="l3"><Coords><Point x="5" y="45"/><Point x="60" y="45"/><Point x="60" y="58"/></Coords>
<TextEquiv><Unicode>three</Unicode></TextEquiv></TextLine></TextRegion>
<TableRegion id="t"><TableCell><TextLine id="l4"><Coords points="5,5 80,5 80,20 5,20"/>
<TextEquiv><Unicode>four</Unicode></TextEquiv></TextLine></TableCell></TableRegion></Page></PcGts>"""

ALTO = b"""<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Description><MeasurementUnit>pixel</MeasurementUnit>
<sourceImageInformation><fileName>case.png</fileName></sourceImageInformation></Description>
<Tags><OtherTag ID="T1" LABEL="handwritten"/></Tags>
<Layout><Page ID="p" HEIGHT="60" WIDTH="90" PHYSICAL_IMG_NR="1"><PrintSpace HEIGHT="60" WIDTH="90" HPOS="0" VPOS="0">
<TextBlock ID="b"><TextLine ID="l1" HPOS="5" VPOS="5" WIDTH="70" HEIGHT="15" BASELINE="17" TAGREFS="T1">
<String CONTENT="Dear" HPOS="5" VPOS="5" WIDTH="30" HEIGHT="15" WC="0.9"/><SP/>
<String CONTENT="Sir" HPOS="40" VPOS="5" WIDTH="30" HEIGHT="15"/><HYP CONTENT="-"/></TextLine>
<TextLine ID="l2" BASELINE="5,40 80,42"><Shape><Polygon POINTS="5,30 80,30 80,44 5,44"/></Shape>
<String CONTENT="two"/></TextLine>
<TextLine ID="l3" BASELINE="5,55 80,55"><String CONTENT="three"/></TextLine>
</TextBlock></PrintSpace></Page></Layout></alto>"""

IAM_XML = b"""<form id="a01-000u" writer-id="000"><handwritten-part>
<line id="a01-000u-00" segmentation="ok" text="He said &amp;quot;no&amp;quot;"/>
<line id="a01-000u-01" segmentation="err" text="the end"/></handwritten-part></form>"""

IAM_LINES = b"""#--- lines.txt ---
a01-000u-00 ok 154 19 408 746 1661 89 He|said|"|no|"|.
a01-000u-01 err 156 19 395 932 1850 105 it|'s|late
"""

UNIPEN = (
    ".COORD X Y T P\n.INCLUDE other.dat\n.WRITER_ID Jo\n.STYLE MIXED\n"
    + component(wave(1000, 3, 4000))
    + component([(1300, 4100), (1500, 4000)], "PEN_UP")
    + component(wave(1500, 4, 4000))
    + '.SEGMENT TEXT 0-2 OK "nnn nnnn"\n.SEGMENT WORD 0 OK "nnn"\n.SEGMENT WORD 2:0-2:8 ? "nnnn"\n'
).encode()

PAGES = {
    "id": "p1",
    "file": "whole.png",
    "width": 90,
    "height": 60,
    "source": "set",
    "split": "train",
    "complete": True,
    "ignore": [[[0, 0], [9, 0], [9, 9]]],
    "page": None,
    "lines": [
        {
            "id": "l1",
            "polygon": [[5, 5], [80, 5], [80, 20], [5, 20]],
            "baseline": [[5, 17], [80, 17]],
            "text": "Dear Sir",
            "kind": "handwritten",
        },
        {"id": "l2", "polygon": [[5, 30], [80, 30], [80, 44]], "baseline": None, "skip": "unreadable"},
    ],
}

ALIGNED_CHARACTERS = {
    "page": "p1",
    "line": "l1",
    "fit": -0.3,
    "words": [[[[5, 5], [9, 5], [9, 9], [5, 9]]], [[[20, 5], [29, 5], [29, 9], [20, 9]]]],
}

PREDICTION = {"id": "l1", "source": "set", "reference": "a b", "reading": "a", "cer": 0.5, "edits": 2}

_RECOGNIZER = {
    "_target_": "ocr.models.recognizer.Recognizer",
    "encoder": {
        "_target_": "ocr.models.vit.ViT",
        "patch_embed": {"_target_": "ocr.nn.patch_embed.LinearPatchEmbed", "dim": 8, "patch": [16, 4]},
        "position": {"_target_": "ocr.nn.position.SinusoidPosition", "dim": 8},
        "dim": 8,
        "depth": 1,
        "heads": 1,
    },
    "decoder": {
        "_target_": "ocr.models.decoder.TransformerDecoder",
        "vocabulary": 7,
        "dim": 8,
        "depth": 1,
        "heads": 1,
        "max_length": 12,
    },
    "ctc_vocabulary": 7,
}

_DETECTOR = {
    "_target_": "ocr.models.detector.Detector",
    "backbone": {
        "_target_": "ocr.models.backbones.light.LightUNet",
        "stem": 4,
        "widths": [8, 8, 8, 8],
        "depths": [1, 1, 1],
        "dilations": [1, 2],
        "decoder": [8, 8, 8],
    },
}

_CHARACTERS = {"_target_": "ocr.text.tokenizer.CharTokenizer", "characters": "ab "}

_DECODING = {
    "strategy": "rescore",
    "options": {"ctc_beam": {"beams": 4, "weight": 0.3}, "rescore": {"candidates": 2, "weight": 0.7}},
    "calibration": {"rescore": {"character": {"probability": 0.8, "bias": 0.2}}},
}


def recognizer(folder: Path) -> Path:
    """Write a bundle of a recognizer with both heads."""
    torch.manual_seed(0)
    parts = {
        "preprocess": {"_target_": "ocr.image.preprocess.LinePreprocessor", "height": 16, "max_width": 200},
        "ctc_tokenizer": _CHARACTERS,
        "tokenizer": _CHARACTERS,
    }
    bundle = Bundle("recognizer", "tiny", build(_RECOGNIZER), _RECOGNIZER, parts, decoding=_DECODING)
    return bundle.save(folder)


def detector(folder: Path) -> Path:
    """Write a bundle of a detector."""
    torch.manual_seed(0)
    parts = {"preprocess": {"_target_": "ocr.image.page_preprocess.PagePreprocessor"}}
    decoding = {"text_threshold": 0.6, "link_threshold": 0.3, "with_refiner": False, "size_threshold": 3}
    bundle = Bundle("detector", "tiny", build(_DETECTOR), _DETECTOR, parts, decoding=decoding)
    return bundle.save(folder)


def picture(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    """Encode a small picture with EXIF and a resolution."""
    pixels = np.random.default_rng(1).integers(0, 255, (24, 32, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, kind, exif=exif, dpi=(300, 300), **options)
    return buffer.getvalue()


def pictures() -> dict[str, bytes]:
    """Pictures of every format that each build of Pillow reads."""
    pages = {"save_all": True, "append_images": [Image.new("L", (9, 9))]}
    return {
        "JPEG": picture("JPEG"),
        "progressive JPEG": picture("JPEG", progressive=True),
        "CMYK JPEG": picture("JPEG", "CMYK"),
        "PNG": picture("PNG"),
        "PNG with a palette": picture("PNG", "P"),
        "PNG of 16 bits": picture("PNG", "I;16"),
        "PNG with alpha": picture("PNG", "RGBA"),
        "TIFF": picture("TIFF"),
        "TIFF of pages": picture("TIFF", compression="tiff_lzw", **pages),
        "TIFF of floats": picture("TIFF", "F"),
        "TIFF of 64 bits": tiff(np.linspace(0, 1, 64).reshape(8, 8), sample_format=3),
        "fax": picture("TIFF", "1", compression="group4"),
        "WebP": picture("WEBP"),
        "BMP": picture("BMP"),
        "GIF": picture("GIF", "P"),
        "PPM": picture("PPM"),
    }


def document(folder: Path) -> bytes:
    """A PDF with a page of text, one of a shape and one of a picture of its own."""
    text = "BT /F 12 Tf 10 40 Td (born digital) Tj ET"
    image = "q 144 0 0 72 0 0 cm BI /W 4 /H 4 /CS /G /BPC 8 ID 0123456789abcdef EI Q"
    return write_pdf(folder / "whole.pdf", [text, "0.5 g 0 0 9 9 re f", image]).read_bytes()


def page_image(path: Path) -> Path:
    """Write the picture that annotations refer to."""
    pixels = np.full((60, 90), 230, np.uint8)
    pixels[8:18, 8:70] = 30
    Image.fromarray(pixels).save(path)
    return path


def line_table() -> pa.Table:
    """Lines as `ocr to-parquet` writes them, with characters located."""
    located = {
        "polygon": [0.0, 0.0, 30.0, 0.0, 30.0, 8.0],
        "spans": [4.0 * at for at in range(12)],
        "fit": -0.2,
    }
    rows = [manifest_row(i, picture(("PNG", "JPEG")[i % 2], "L")) | located for i in range(4)]
    return pa.Table.from_pylist(rows)


def stroke_table() -> pa.Table:
    """Pen strokes with characters located."""
    rows = [row("ab"[i % 2], word, "train", joined=i % 2 == 1) for i, word in enumerate(WORDS)]
    for each in rows:
        length = len(each["text"])
        each["slant"], each["fit"] = 0.1, -0.2
        each["character"] = [at * length // len(each["dx"]) for at in range(len(each["dx"]))]
        each["edges"] = [float(at) for at in range(length + 1)]
    schema = SCHEMA
    for name, kind in (
        ("slant", pa.float32()),
        ("fit", pa.float32()),
        ("character", pa.list_(pa.int16())),
        ("edges", pa.list_(pa.float32())),
    ):
        schema = schema.append(pa.field(name, kind))
    return pa.Table.from_pylist(rows, schema)


def json_lines(*rows: object) -> bytes:
    """Encode rows as JSON lines, as other languages read them or, with NaN, as Python writes them."""
    return b"".join(json.dumps(item).encode() + b"\n" for item in rows)
