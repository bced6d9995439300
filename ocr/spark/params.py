"""Base of all stages: parameters with camelCase accessors, checks, and the call to `mapInArrow`."""

from __future__ import annotations

import os
import sys
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from inspect import getmembers
from typing import Any, ClassVar, TypeVar

import pyarrow as pa
from pyspark.ml import Transformer
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StringType, StructField, StructType

from ocr.errors import ConfigError
from ocr.spark.worker import EXCEPTION, RowMap

Choice = TypeVar("Choice")


@dataclass(frozen=True)
class Columns:
    """Columns of a `RowMap`, with the names of its fields."""

    inputs: tuple[str, ...]
    kept: tuple[str, ...]
    schema: pa.Schema


def use_this_python(session: SparkSession) -> None:
    """Start the workers of a local master with this Python, unless PYSPARK_PYTHON names one: `python3` is any."""
    context = session.sparkContext
    if context.master.startswith("local") and not os.environ.get("PYSPARK_PYTHON"):
        context.pythonExec = sys.executable


class Stage(Transformer, DefaultParamsReadable, DefaultParamsWritable):
    """A transformer that adds columns row by row.

    Every parameter `name` of a subclass gets `setName`, which returns the stage, and `getName`; `defaults` holds
    the default values.
    """

    defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for _, parameter in getmembers(cls, lambda member: isinstance(member, Param)):
            _add_accessors(cls, parameter)

    def __init__(self) -> None:
        super().__init__()
        self._setDefault(**self.defaults)

    @abstractmethod
    def _inputs(self) -> list[str]:
        """Columns that must be there."""

    def _optional_inputs(self) -> list[str]:
        """Columns that are used where they are there."""
        return []

    @abstractmethod
    def _outputs(self) -> list[StructField]:
        """New columns, without `exception`."""

    @abstractmethod
    def _row_map(self, columns: Columns, dataset: DataFrame) -> RowMap:
        """The work, checked as far as it can be on the driver."""

    def _dropped(self) -> set[str]:
        """Columns that do not pass through."""
        return set()

    def _transform(self, dataset: DataFrame) -> DataFrame:
        missing = [name for name in self._inputs() if name not in dataset.columns]
        if missing:
            raise ConfigError(
                f"{type(self).__name__}: no column {', '.join(missing)} among {', '.join(dataset.columns)}"
            )
        new = StructType([*self._outputs(), StructField(EXCEPTION, StringType())])
        gone = self._dropped() | set(new.names)
        kept = [StructField(f.name, f.dataType) for f in dataset.schema.fields if f.name not in gone]
        optional = [name for name in self._optional_inputs() if name in dataset.columns]
        columns = Columns(
            inputs=tuple(dict.fromkeys([*self._inputs(), *optional])),
            kept=tuple(field.name for field in kept),
            schema=to_arrow_schema(new),
        )
        use_this_python(dataset.sparkSession)
        return dataset.mapInArrow(self._row_map(columns, dataset), StructType([*kept, *new.fields]))


def parameter(name: str, doc: str, converter: Callable[[Any], Any]) -> Param:
    """A parameter to be declared in a stage's body under the same name."""
    return Param(Params._dummy(), name, doc, converter)


def fraction(name: str) -> Callable[[Any], float]:
    """Converter to a number between 0 and 1. It raises ConfigError naming the parameter."""

    def convert(value: Any) -> float:
        number = TypeConverters.toFloat(value)
        if not 0 <= number <= 1:
            raise ConfigError(f"{name} must lie between 0 and 1, got {value}")
        return number

    return convert


def at_least(name: str, least: int) -> Callable[[Any], int]:
    """Converter to a whole number not below `least`. It raises ConfigError naming the parameter."""

    def convert(value: Any) -> int:
        number = TypeConverters.toInt(value)
        if number < least:
            raise ConfigError(f"{name} must be at least {least}, got {value}")
        return number

    return convert


def one_of(name: str, kind: Callable[[Any], Choice]) -> Callable[[Any], Choice]:
    """Converter to a member of an enumeration, given itself or its value. It raises ConfigError."""

    def convert(value: Any) -> Choice:
        try:
            return kind(value)
        except ValueError as error:
            names = ", ".join(f"{kind.__name__}.{member.name}" for member in kind)
            raise ConfigError(f"{name} must be one of {names}, got {value!r}") from error

    return convert


def _add_accessors(cls: type[Stage], parameter: Param) -> None:
    name = parameter.name
    suffix = name[0].upper() + name[1:]

    def setter(self: Stage, value: Any) -> Stage:
        return self._set(**{name: value})

    def getter(self: Stage) -> Any:
        return self.getOrDefault(name)

    for prefix, function, doc in (("set", setter, "Set"), ("get", getter, "Get")):
        function.__name__, function.__doc__ = prefix + suffix, f"{doc} `{name}`: {parameter.doc}"
        function.__qualname__ = f"{cls.__qualname__}.{function.__name__}"
        setattr(cls, function.__name__, function)
