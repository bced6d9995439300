"""The native ViT equals timm's DeiT under copied random weights."""

import pytest
import timm
import torch

from ocr.models.vit import ViT
from ocr.nn.patch_embed import LinearPatchEmbed
from ocr.nn.position import LearnedPosition


def native_from_timm(reference: torch.nn.Module, prefix_tokens: int) -> ViT:
    size = reference.patch_embed.grid_size
    dim = reference.embed_dim
    model = ViT(
        LinearPatchEmbed(dim, patch=reference.patch_embed.patch_size, in_channels=3),
        dim=dim,
        depth=len(reference.blocks),
        heads=reference.blocks[0].attn.num_heads,
        position=LearnedPosition(dim, *size),
        prefix_tokens=prefix_tokens,
    )
    state = {k: v for k, v in reference.state_dict().items() if not k.startswith("head")}
    table = state.pop("pos_embed")
    prefix = state.pop("cls_token")
    if "dist_token" in state:
        prefix = torch.cat((prefix, state.pop("dist_token")), dim=1)
    # timm adds positions to its prefix tokens as well; the native model stores the sum.
    state["prefix"] = prefix + table[:, :prefix_tokens]
    state["position.table"] = table[:, prefix_tokens:].transpose(1, 2).unflatten(2, size)
    model.load_state_dict(state)
    return model.eval()


@pytest.mark.parametrize(
    ("name", "prefix_tokens", "why"),
    [
        ("deit_tiny_patch16_224", 1, "class token"),
        ("deit_tiny_distilled_patch16_224", 2, "class and distillation token"),
    ],
)
def test_features_equal_timm(name, prefix_tokens, why):
    torch.manual_seed(0)
    reference = timm.create_model(name, pretrained=False, img_size=(32, 64), depth=3).eval()
    torch.nn.init.normal_(reference.pos_embed, std=0.5)
    torch.nn.init.normal_(reference.cls_token, std=0.5)
    model = native_from_timm(reference, prefix_tokens)
    pixels = torch.randn(2, 3, 32, 64)
    with torch.no_grad():
        expected = reference.forward_features(pixels)[:, prefix_tokens:]
        found = model(pixels, torch.tensor([64, 64])).features
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-4)
