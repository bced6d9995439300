"""The columns that stages add, as Spark types.

`IMAGE` is the struct of Spark's own image source with `resolution` added: rows of pixels from the top, blue first,
`mode` an OpenCV type code. Positions are pixels of the page from its top-left corner.
"""

from __future__ import annotations

from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    DataType,
    FloatType,
    IntegerType,
    StringType,
    StructField,
    StructType,
)


def _struct(**fields: DataType) -> StructType:
    return StructType([StructField(name, kind) for name, kind in fields.items()])


IMAGE = _struct(
    origin=StringType(),
    height=IntegerType(),
    width=IntegerType(),
    nChannels=IntegerType(),
    mode=IntegerType(),
    resolution=IntegerType(),
    data=BinaryType(),
)
"""`resolution` is in dots per inch, 0 where the file does not tell."""

REGIONS = ArrayType(
    _struct(
        index=IntegerType(),
        page=IntegerType(),
        x=FloatType(),
        y=FloatType(),
        width=FloatType(),
        height=FloatType(),
        score=FloatType(),
        label=StringType(),
        angle=FloatType(),
        rotated=BooleanType(),
        outline=ArrayType(FloatType()),
        baseline=ArrayType(FloatType()),
    )
)
"""Lines or words (`label`) in reading order. `x`, `y`, `width` and `height` are a rectangle lying straight, which is
then turned by `angle` degrees, clockwise on screen, about its middle. `outline` and `baseline` (x1, y1, x2, y2 ...)
follow a bent line more closely; they are null where only a rectangle is known."""

POSITIONS = ArrayType(
    _struct(
        index=IntegerType(),
        page=IntegerType(),
        text=StringType(),
        x=FloatType(),
        y=FloatType(),
        width=FloatType(),
        height=FloatType(),
        confidence=FloatType(),
    )
)
"""Words with the upright box around each; `index` is the line's, counted from 0."""

LINES = ArrayType(_struct(text=StringType(), confidence=FloatType(), outline=ArrayType(FloatType())))
"""Read lines in reading order, `outline` as in `REGIONS`."""
