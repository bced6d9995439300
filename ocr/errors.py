"""Errors that a user can cause. Each message is one line that names the culprit and the reason.

Commands print the message and exit with a non-zero status; a batch reports it for the item and continues.
"""


class OcrError(ValueError):
    """Base of every error caused by the input rather than by a bug."""


class ImageError(OcrError):
    """A picture cannot be read: missing, empty, truncated, not a picture, or too large."""


class DataError(OcrError):
    """A data set is missing, malformed, or a row of it is unusable."""


class LabelError(DataError):
    """A transcription holds characters that the tokenizer cannot express."""


class FontError(OcrError):
    """A font is missing, unreadable, or lacks the glyphs asked for."""


class BundleError(OcrError):
    """A model bundle is unknown, incomplete, or does not match its weights."""


class WeightsError(OcrError):
    """Foreign weights cannot be read, or are not of an architecture that can be converted."""


class ConfigError(OcrError):
    """A configuration value is out of range or names something that does not exist."""


class TrainingError(OcrError):
    """A training run cannot go on."""


def one_line(error: BaseException) -> str:
    """Format an error for the user: the `OcrError` that caused it, if there is one, without line breaks."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OcrError):
        cause = cause.__cause__
    text = str(cause or error)
    # Hydra adds its search path and advice for changing the configuration.
    for beginning in ("Config search path", "To append to your config", "See https", "full_key"):
        text = text.split(beginning)[0]
    return " ".join(text.split())


def shortened(text: object) -> str:
    """Return the first 200 characters of what another program or file says, without line breaks."""
    return " ".join(str(text).split())[:200]
