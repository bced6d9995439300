"""Base class of the training loops of recognizer and detector."""

from __future__ import annotations

import copy
from collections.abc import Callable

import lightning as L
import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh

from ocr.training.sharding import gathered, shard


class TrainingModule(L.LightningModule):
    """A model with its optimizer, whole or split over processes.

    Args:
        optimizer: called with the model. scheduler: called with the optimizer and `total_steps=`; one step per
            batch.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        optimizer: Callable[[nn.Module], torch.optim.Optimizer],
        scheduler: Callable[..., torch.optim.lr_scheduler.LRScheduler],
    ) -> None:
        super().__init__()
        self.model = model
        self.make_optimizer = optimizer
        self.make_scheduler = scheduler
        # Not a submodule: its weights are no weights of this module.
        self._copy: tuple[nn.Module, ...] = ()

    @property
    def whole_model(self) -> nn.Module:
        """The model that validation asks: `model`, or where that is split a whole copy.

        Validation cannot put split weights together forward by forward: processes have different numbers of
        batches, and decoding calls parts of the model.
        """
        return self._copy[0] if self._copy else self.model

    def split(self, mesh: DeviceMesh) -> None:
        """Split the model's weights over `mesh`, in place."""
        self._copy = (copy.deepcopy(self.model).cpu().eval(),)
        shard(self.model, mesh)

    def on_validation_epoch_start(self) -> None:
        """Fill the whole copy, with the averaged weights where there are such."""
        for whole in self._copy:
            for buffer in self.model.buffers():
                # Statistics of batches are each process's own; as under DDP, the first one's count.
                torch.distributed.broadcast(buffer, src=0)
            whole.to(self.device).load_state_dict(gathered(self.model.state_dict()))

    def on_validation_end(self) -> None:
        """Make room for training."""
        for whole in self._copy:
            whole.cpu()

    def configure_optimizers(self) -> dict:
        """Optimizer over the model's weight groups, with a schedule advanced every step."""
        optimizer = self.make_optimizer(self.model)
        schedule = self.make_scheduler(optimizer, total_steps=int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
