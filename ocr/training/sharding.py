"""Fully sharded training (`trainer=fsdp`): a process holds its share of weights, gradients, moments and average."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch.strategies import DDPStrategy
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from ocr.errors import ConfigError
from ocr.models.backbones.light import ResidualBlock
from ocr.models.backbones.vgg16_bn import DoubleConv
from ocr.models.vit import Block

GATHERED_MODULES = (Block, ResidualBlock, DoubleConv)
"""Parts whose weights are gathered for their own forward and backward and dropped between."""


class FullySharded(DDPStrategy):
    """PyTorch's `fully_shard` (FSDP, Zhao et al. 2023) in the place of DDP's wrapper, on GPUs as on CPUs.

    Processes, hosts and their ways to talk are DDP's. Checkpoints hold whole tensors as those of every other
    trainer do, so that a run goes on with another trainer or number of processes.
    """

    mesh: DeviceMesh

    def configure_ddp(self) -> None:
        """Split the model, once a checkpoint has been read into it.

        Raises:
            ConfigError: a precision that scales losses.
        """
        if getattr(self.precision_plugin, "scaler", None) is not None:
            raise ConfigError(
                "trainer.precision=16-mixed: its scaler does not see all shards; trainer=fsdp takes bf16-mixed or 32"
            )
        self.mesh = init_device_mesh(self.root_device.type, (self.world_size,))
        self.lightning_module.split(self.mesh)

    def lightning_module_state_dict(self) -> dict[str, Any]:
        """The weights, whole; every process calls it."""
        return gathered(super().lightning_module_state_dict())

    def optimizer_state(self, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        """The optimizer's state, whole; every process calls it."""
        saved = super().optimizer_state(optimizer)
        return {**saved, "state": {key: gathered(values) for key, values in saved["state"].items()}}

    def load_optimizer_state_dict(self, checkpoint: Mapping[str, Any]) -> None:
        """Take this process's share of whole states."""
        for optimizer, saved in zip(self.optimizers, checkpoint["optimizer_states"], strict=True):
            keys = [key for group in saved["param_groups"] for key in group["params"]]
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            state = {
                key: {name: _share(value, weight) for name, value in saved["state"][key].items()}
                for key, weight in zip(keys, weights, strict=True)
                if key in saved["state"]
            }
            optimizer.load_state_dict({**saved, "state": state})

    def teardown(self) -> None:
        """End without DDP's move to the host: shards are bound to the devices they are on."""
        self.cluster_environment.teardown()
        self.precision_plugin.teardown()
        self.accelerator.teardown()


def shard(model: nn.Module, mesh: DeviceMesh) -> None:
    """Split the weights of `model` over `mesh`, in place; forward of each of its children puts them together."""
    # Models return slices, of features and of maps; nothing changes them in place.
    warnings.filterwarnings("ignore", message="FSDP2-wrapped module .* returned a view tensor")
    # fully_shard takes no other layout.
    model.to(memory_format=torch.contiguous_format)
    for part in [
        *(part for part in model.modules() if isinstance(part, GATHERED_MODULES)),
        *model.children(),
    ]:
        fully_shard(part, mesh=mesh)


def gathered(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return `state` with whole tensors, in host memory, for those that are split. Every process must call it."""
    return {
        name: value.full_tensor().cpu() if isinstance(value, DTensor) else value
        for name, value in state.items()
    }


def local_part(value: torch.Tensor) -> torch.Tensor:
    """Return this process's share of a tensor that is split, and any other tensor as it is."""
    return value.to_local() if isinstance(value, DTensor) else value


def _share(value: Any, weight: nn.Parameter) -> Any:
    """Return this process's share of a whole tensor (the shape of `weight`); anything else as it is."""
    if not isinstance(weight, DTensor) or getattr(value, "shape", None) != weight.shape:
        return value
    value = value.to(weight.device)
    # Every process has read the same file: nothing to send.
    return distribute_tensor(value, weight.device_mesh, weight.placements, src_data_rank=None)
