"""Model cards, written from what the bundles themselves say.

    python -m ocr.model_card                                    # docs/models/NAME.md of every shipped bundle
    python -m ocr.model_card NAME --report stanford-test=report.json

`--report SET=FILE` first stores the numbers of a report of evaluate.py in the bundle, under the set's name.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ocr.bundle import Bundle, available, resolve
from ocr.errors import ConfigError, OcrError

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
USES = {
    "recognizer": "Reads images of single lines. Not for proof of authorship, for text of legal or medical "
    "weight without a person who checks it, or for scripts outside its characters.",
    "encoder": "Reads nothing by itself: a start for training (`train.py init_from=`).",
    "detector": "Finds lines of text on images of pages. It does not read them.",
}


def store_report(folder: Path, name: str, report: dict[str, Any]) -> None:
    """Put the numbers of a report of evaluate.py into a bundle's `metrics`, in place.

    Raises:
        ConfigError: the report holds none of the numbers that are kept.
    """
    kept = {key: report[key] for key in (*NUMBERS, *SIZES, "decode") if key in report}
    if not set(kept) & set(NUMBERS):
        raise ConfigError(f"--report {name}: no error rates in it; is it a report of evaluate.py?")
    path = folder / "bundle.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content.setdefault("metrics", {})[name] = kept
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def model_card(bundle: Bundle, *, size: int) -> str:
    """The card as Markdown. `size`: bytes of the weights on disk."""
    parts = [
        f"# {bundle.name}",
        f"A {bundle.kind} of {bundle.parameters / 1e6:.1f} million parameters, {size / 1e6:.1f} MB, made with "
        f"version {bundle.version} of this project. Written by `python -m ocr.model_card`.",
        "## Use",
        USES[bundle.kind],
    ]
    if bundle.description:
        parts.append(
            "\n".join(
                f"- {key.replace('_', ' ')}: {_plain(value)}" for key, value in bundle.description.items()
            )
        )
    parts += ["## Measured", _metrics(bundle.metrics)]
    parts += ["## Trained on", _table(bundle.training_data, ["name", "licence", "use", "note"])]
    if "ctc_tokenizer" in bundle.parts:
        characters = bundle.parts["ctc_tokenizer"].config().get("characters", "").strip().replace("`", "")
        if characters:
            parts += ["## Characters", f"`` {characters} ``, the space and the backtick"]
    parts += ["## Settings", _settings(bundle)]
    return "\n\n".join(parts) + "\n"


def _metrics(metrics: dict[str, Any]) -> str:
    """One row a set; what is no number of evaluate.py (the log of training) follows as a list."""
    sets = {
        name: values
        for name, values in metrics.items()
        if isinstance(values, dict) and set(values) & {*NUMBERS} and name != "validation"
    }
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
    if isinstance(value, list):
        return " to ".join(map(_number, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ocr.model_card", description=__doc__.splitlines()[0])
    parser.add_argument("bundles", nargs="*", help="names or folders; default all shipped bundles")
    parser.add_argument("--output", type=Path, default=Path("docs/models"), help="folder of the cards")
    parser.add_argument("--report", action="append", default=[], metavar="SET=FILE")
    options = parser.parse_args(arguments)
    try:
        names = options.bundles or available()
        if options.report and len(names) != 1:
            raise ConfigError("--report stores numbers in one bundle: name it")
        for name in names:
            folder = resolve(name)
            for item in options.report:
                label, _, file = item.partition("=")
                store_report(folder, label, _read_report(file))
            card = model_card(Bundle.load(folder), size=(folder / "model.safetensors").stat().st_size)
            options.output.mkdir(parents=True, exist_ok=True)
            path = options.output / f"{folder.name}.md"
            path.write_text(card, encoding="utf-8")
            print(path)
    except OcrError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _read_report(file: str) -> dict[str, Any]:
    try:
        return json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"--report {file}: not a readable report ({error})") from error


if __name__ == "__main__":
    sys.exit(main())
