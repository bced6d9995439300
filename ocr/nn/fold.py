"""Batch normalization folded into the convolutions before it, for inference."""

from __future__ import annotations

from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norms(model: nn.Module) -> nn.Module:
    """Replace each convolution and the batch norm after it by one convolution, in place, and return the model.

    Only neighbors in an `nn.Sequential` are folded, as nothing else can use what lies between them. The model has
    to be in evaluation mode; convolutions get new weights, all others stay the tensors that they are.
    """
    for module in list(model.modules()):
        if not isinstance(module, nn.Sequential):
            continue
        for (first, conv), (second, norm) in pairwise(list(module.named_children())):
            if type(conv) is nn.Conv2d and type(norm) is nn.BatchNorm2d:
                module._modules[first] = fuse_conv_bn_eval(conv, norm)
                module._modules[second] = nn.Identity()
    return model
