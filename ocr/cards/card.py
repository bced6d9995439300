"""Model cards, generated from the content of bundles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ocr.bundle import Bundle
from ocr.bundle.schema import read_description, update_description
from ocr.cards.usage import entities, how_to_use, input_size
from ocr.errors import ConfigError
from ocr.image.io import load_image

NUMBERS = ("cer", "cer_ci", "wer", "cer_any_order", "precision", "recall", "f1", "order_error")

SIZES = ("lines", "pages", "documents")

HEADS = {
    "cer": "CER %",
    "cer_ci": "95 % interval",
    "wer": "WER %",
    "cer_any_order": "CER % in any order",
    "f1": "F1",
    "order_error": "order error",
}


LIMITS = {
    "recognizer": (
        "Reads images of single lines: no tables, no forms as forms, no formulas, no drawings.",
        "Scripts outside its characters, which are listed below, come out as nonsense.",
        "Not for proof of authorship, nor for text of legal or medical weight without a person who checks it.",
    ),
    "encoder": ("Reads nothing by itself.",),
    "detector": ("Does not read, and knows no cells, columns or rules of tables: a table becomes lines.",),
}


RESTRICTED = re.compile(r"non-commercial|\bNC\b|-SA\b|terms", re.IGNORECASE)
"""Words of licenses and notes that require more than credit."""


def store_report(folder: Path, name: str, report: dict[str, Any]) -> None:
    """Store the rates of a report of `ocr evaluate` in the `metrics` of a bundle, in place.

    Raises:
        ConfigError: the report holds no rates.
    """
    kept = {key: report[key] for key in (*NUMBERS, *SIZES, "decode") if key in report}
    if not set(kept) & set(NUMBERS):
        raise ConfigError(f"--report {name}: no error rates in it; is it a report of `ocr evaluate`?")
    update_description(folder, metrics={**read_description(folder).get("metrics", {}), name: kept})


@dataclass(frozen=True)
class Example:
    """Text of the example page, and the link to its picture."""

    text: str
    picture: str


def make_example(name: str, kind: str, *, image: Path, picture: Path) -> Example:
    """Read `image` by the bundle `name`, with the shipped one as its other half, and draw it to `picture`.

    Raises:
        OcrError: the image or a bundle cannot be read.
    """
    # Imported here, so that cards without an example need no reader.
    from ocr.inference.reader import Reader
    from ocr.output.draw import DrawOptions, draw_page

    reader = Reader.from_pretrained(**{kind: name}, device="cpu", orientation="keep")
    page = reader.read(image)
    detects = kind == "detector"
    options = DrawOptions(words=not detects, color="#0072b2" if detects else "confidence")
    picture.parent.mkdir(parents=True, exist_ok=True)
    draw_page(page, load_image(image), options).save(picture, quality=85)
    return Example(page.text, f"../images/{picture.name}")


def model_card(
    bundle: Bundle, *, size: int, example: Example | None = None, source: str | None = None
) -> str:
    """Write the card as Markdown. `size` is the size of the weights in bytes; `source` as for `how_to_use`."""
    about = dict(bundle.description)
    parts = [
        f"# {bundle.name}",
        f"{_plain(about.pop('summary', ''))} Written by `ocr card` from `bundle.json`.".strip(),
        "## Predicted entities",
        entities(bundle),
        "## How to use",
        how_to_use(bundle, source=source),
    ]
    if example is not None:
        shown = "the lines it finds" if bundle.kind == "detector" else "the words, colored by confidence"
        read_by = " (read by the shipped recognizer)" if bundle.kind == "detector" else ""
        parts += [
            "## Example",
            f"`examples/letter.jpg` with {shown}, numbered in reading order, and its text{read_by}, as it comes, "
            "errors included:",
            f"![The example page with what was found]({example.picture})",
            f"```text\n{example.text}\n```",
        ]
    limits = about.pop("limits", "")
    parts += ["## Measured", _metrics(bundle.metrics)]
    parts += ["## Model information", _information(bundle, about, size=size)]
    parts += ["## Trained on", _table(bundle.training_data, ["name", "licence", "use", "note"])]
    parts += _caveats(bundle.training_data)
    parts += ["## Limits", "\n".join(f"- {line}" for line in _limits(bundle, _plain(limits)))]
    if "ctc_tokenizer" in bundle.parts:
        characters = bundle.parts["ctc_tokenizer"].config().get("characters", "").strip().replace("`", "")
        if characters:
            parts += ["## Characters", f"`` {characters} ``, the space and the backtick"]
    parts += ["## Settings", _settings(bundle)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _information(bundle: Bundle, about: dict[str, Any], *, size: int) -> str:
    rows = {
        "name": bundle.name,
        "type": bundle.kind,
        "network": bundle.model_config["_target_"].rpartition(".")[2],
        "made with version": bundle.version,
        **{key.replace("_", " "): _plain(value) for key, value in about.items()},
        "parameters": f"{bundle.parameters / 1e6:.1f} million",
        "file size": f"{size / 1e6:.1f} MB",
        "input size": input_size(bundle),
    }
    return _table([{"": key, " ": value} for key, value in rows.items()], ["", " "])


def _caveats(data: Sequence[dict[str, str]]) -> list[str]:
    """List the training data whose license or note requires more than credit."""
    rows = [row for row in data if RESTRICTED.search(f"{row.get('licence', '')} {row.get('note', '')}")]
    if not rows:
        return []
    lines = [f"- {row['name']} ({row['licence']}): {row.get('note', '')}" for row in rows]
    return ["To be weighed before commercial use or passing on:\n\n" + "\n".join(lines)]


def _limits(bundle: Bundle, stated: str) -> list[str]:
    measured = {name: values for name, values in _sets(bundle.metrics).items() if "cer" in values}
    hardest = max(measured, key=lambda name: measured[name]["cer"], default=None)
    lines = [stated, *LIMITS[bundle.kind]]
    if hardest is not None:
        lines.append(
            f"Hands unlike those it was trained on: {measured[hardest]['cer']:.1f} % CER on {hardest}, the "
            "hardest set measured. Fine-tune for such a hand."
        )
    return [line for line in lines if line]


def _metrics(metrics: dict[str, Any]) -> str:
    """Write rates as a table with one row per set; other values (such as the log of training) follow as a list."""
    sets = _sets(metrics)
    others = {name: value for name, value in metrics.items() if name not in sets}
    keys = [key for key in (*NUMBERS, *SIZES, "decode") if any(key in values for values in sets.values())]
    rows = [
        {"set": name} | {key: _number(values.get(key, "")) for key in keys} for name, values in sets.items()
    ]
    blocks = []
    if rows:
        blocks.append(_table(rows, ["set", *keys]))
        blocks.append(
            "Rates are summed over all lines and then divided; intervals are bootstrapped over documents. "
            "Labels and readings are in the project's normal form."
        )
    if others:
        blocks.append("\n".join(f"- {name}: {_plain(value)}" for name, value in others.items()))
    return "\n\n".join(blocks) or "Nothing yet."


def _sets(metrics: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        name: values
        for name, values in metrics.items()
        if isinstance(values, dict) and set(values) & {*NUMBERS} and name != "validation"
    }


def _settings(bundle: Bundle) -> str:
    rows = [("decoding", bundle.decoding)]
    if "preprocess" in bundle.part_configs:
        rows.append(("preprocessing", bundle.part_configs["preprocess"]))
    return "\n".join(f"- {name}: {_plain(value)}" for name, value in rows)


def _table(rows: Sequence[dict[str, Any]], keys: Sequence[str]) -> str:
    if not rows:
        return "Nothing yet."
    lines = [" | ".join(HEADS.get(key, key) for key in keys), " | ".join("---" for _ in keys)]
    lines += [" | ".join(str(row.get(key, "")).replace("|", "\\|") for key in keys) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items() if key != "_target_")
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return _number(value)


def _number(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return " to ".join(map(_number, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
