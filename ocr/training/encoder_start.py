"""Start the encoder of a run from a bundle that holds an encoder alone, such as a converted DeiT."""

from __future__ import annotations

import logging

import torch.nn.functional as F

from ocr.bundle import Bundle
from ocr.errors import ConfigError
from ocr.models.vit import ViT

log = logging.getLogger(__name__)


def start_encoder(encoder: ViT, start: Bundle, *, named: str) -> None:
    """Copy what `encoder` has in common with the one in `start`, in place; logs what keeps its own weights.

    Transformer blocks and last norm must be of the same sizes (of more blocks the first are taken). Patches and
    positions may be others; a position table of another grid is resampled bicubically.

    Args:
        named: the bundle as the user called it.
    Raises:
        ConfigError: blocks that do not fit.
    """
    mine, theirs = encoder.state_dict(), start.model.state_dict()
    heads = [model.blocks[0].attn.heads for model in (encoder, start.model)]
    if heads[0] != heads[1]:
        raise ConfigError(f"init_from={named}: its encoder has {heads[1]} heads, that of this run {heads[0]}")
    table = "position.table"
    if table in mine and table in theirs and mine[table].shape[:2] == theirs[table].shape[:2]:
        grid = mine[table].shape[2:]
        theirs[table] = F.interpolate(theirs[table], grid, mode="bicubic", align_corners=False)
    taken = {key: theirs[key] for key in mine if key in theirs and theirs[key].shape == mine[key].shape}
    own = [key for key in mine if key not in taken]
    for key in own:
        if key.startswith(("blocks.", "norm.")):
            found = tuple(theirs[key].shape) if key in theirs else "none"
            raise ConfigError(
                f"init_from={named}: {key} of its encoder is {found}, that of this run {tuple(mine[key].shape)}"
            )
    encoder.load_state_dict(mine | taken)
    new = sorted({key.partition(".")[0] for key in own})
    log.info("encoder started from %s; begun anew: %s", named, ", ".join(new) or "nothing")
