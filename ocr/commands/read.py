"""Read handwriting.

    ocr read input=letter.jpg
    ocr read input=scans/ output=results/ formats=txt,alto,pdf
    ocr read input=book.pdf pages=1-3,7 dpi=300
    curl ADDRESS | ocr read input=-

Text goes to standard output, everything else to standard error. Exit status: 0 all read, 1 a file failed,
2 nothing could be done. The options, with their defaults:
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ocr.commands.configs import CONFIGS
from ocr.commands.read_files import InferOptions, infer, output_lost, report
from ocr.errors import ConfigError, OcrError

LITERAL = ("input", "pages", "output", "draw_color", "recognizer", "detector", "decode", "device")
"""Options whose value is taken as it stands: Hydra's grammar would trip over `=`, commas, brackets, quotes."""


def parse(arguments: Sequence[str]) -> InferOptions:
    """The options that `arguments` (key=value) spell, over `configs/infer.yaml`. Raises ConfigError."""
    known = list(OmegaConf.load(CONFIGS / "infer.yaml"))
    literal, overrides = {}, []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        key = {"draw_colour": "draw_color"}.get(key, key)
        argument = f"{key}{equals}{value}"
        if not equals:
            raise ConfigError(f"{argument!r} is not key=value: did you mean input={argument}?")
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"options are {', '.join(known)}"
            raise ConfigError(f"unknown option {key!r}: {hint}")
        if key in LITERAL:
            literal[key] = None if value == "null" and key != "input" else value
        else:
            overrides.append(f"formats=[{value}]" if key == "formats" and value[:1] != "[" else argument)
    try:
        with initialize_config_dir(str(CONFIGS), version_base="1.3"):
            config = compose("infer", overrides)
        values = OmegaConf.to_container(OmegaConf.merge(OmegaConf.structured(InferOptions), config))
        if not all(isinstance(name, str) and name.isidentifier() for name in values["formats"]):
            raise ConfigError(f"formats={values['formats']}: give names, as in formats=[txt,json]")
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(f"{' '.join(overrides)}: {str(error).splitlines()[0]}") from error
    return InferOptions(**values | literal)


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    if not arguments or {"-h", "--help"} & set(arguments):
        print(__doc__ + "\n" + (CONFIGS / "infer.yaml").read_text(encoding="utf-8"), end="")
        return 0 if arguments else 2
    try:
        return infer(parse(arguments))
    except OcrError as error:
        report(error)
        return 2
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        return output_lost(error)
