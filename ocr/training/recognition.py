"""The training loop of the line recognizer: joint CTC and next-token loss (Kim et al. 2017)."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import nn

from ocr.decoding import Hypothesis, get_decoder
from ocr.errors import ConfigError, LabelError
from ocr.losses.recognition import ctc_loss, token_loss
from ocr.metrics.text import ErrorCounts, count_errors
from ocr.models.decoder import teacher_forced
from ocr.models.recognizer import Recognizer
from ocr.models.vit import Encoded
from ocr.text.tokenizer import CharTokenizer, Tokenizer
from ocr.training.module import TrainingModule
from ocr.types import ImageBatch, LineBatch, LineSample

log = logging.getLogger(__name__)


class RecognitionModule(TrainingModule):
    """Training of a `Recognizer` on `LineBatch`es, validated by CER, summed over the corpus and then divided.

    Args:
        augment: run on the training device, `(ImageBatch, torch.Generator, stretch) -> ImageBatch`, as
            `LineAugment`; or None.
        optimizer: called with the model. scheduler: called with the optimizer and `total_steps=`; one step a
            batch.
        ctc_weight: share of the CTC loss, in (0, 1]; at 1 the decoder is not trained.
        decoder_fraction: share of a batch's lines that the decoder is trained on, to save time.
        token_mask: share of the decoder's input tokens replaced by `unk`, so that it looks at the image.
        val_decode: decoding strategies that validation measures; the first gives `val/cer`.
        val_weights: weight of the CER of each source in `val/weighted_cer`; sources that are not named, or not
            validated on, do not count. None: no such metric.
        seed: of the augmentation; step n of a resumed run augments as step n of an uninterrupted one.
    """

    def __init__(
        self,
        model: Recognizer,
        *,
        ctc_tokenizer: CharTokenizer,
        tokenizer: Tokenizer | None = None,
        augment: nn.Module | None,
        optimizer: Callable[[nn.Module], torch.optim.Optimizer],
        scheduler: Callable[..., torch.optim.lr_scheduler.LRScheduler],
        ctc_weight: float = 0.7,
        label_smoothing: float,
        decoder_fraction: float = 1.0,
        token_mask: float = 0.1,
        val_decode: Sequence[str],
        val_weights: Mapping[str, float] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(model, optimizer=optimizer, scheduler=scheduler)
        if not 0 < ctc_weight <= 1:
            raise ConfigError(f"ctc_weight must lie in (0, 1], got {ctc_weight}")
        if ctc_weight < 1 and (tokenizer is None or model.decoder is None):
            raise ConfigError(f"ctc_weight={ctc_weight} needs a decoder and its tokenizer")
        if model.ctc_head is None:
            raise ConfigError("training needs a model with a CTC head, this one has ctc_vocabulary=null")
        self.ctc_tokenizer = ctc_tokenizer
        self.tokenizer = tokenizer
        self.augment = augment
        self.ctc_weight = ctc_weight
        self.label_smoothing = label_smoothing
        self.decoder_fraction = decoder_fraction
        self.token_mask = token_mask
        self.val_decode = list(val_decode)
        self.val_weights = dict(val_weights or {})
        self.seed = seed
        self.strategies = {name: get_decoder(name) for name in self.val_decode}
        self._counts: dict[tuple[str, str], ErrorCounts] = defaultdict(ErrorCounts)
        self._losses: list[tuple[float, int]] = []
        self._unusable: set[str] = set()

    def training_step(self, batch: LineBatch, batch_index: int) -> torch.Tensor | None:
        """Compute the joint loss of one batch, None (no update) if no label of it can be expressed."""
        rows, targets = self._targets(batch)
        share = self._share(len(rows))
        if share is None:
            return None
        self._log_sum("train/lines", len(rows))
        # A process without lines goes on with an empty one, of share 0: the others wait for its gradients.
        rows, targets = (rows, targets) if rows else ([0], [[]])
        samples = [batch.samples[row] for row in rows]
        generator = self._generator(batch.images.pixels.device)
        images = self._augmented(batch.images.select(rows), samples, generator)
        encoded = self.model.encode(images)
        ctc = share * ctc_loss(self.model.ctc_logits(encoded), encoded.lengths, targets)
        self.log("train/ctc", ctc, prog_bar=True, sync_dist=True)
        loss = ctc
        if self.ctc_weight < 1:
            attention = self._decoder_loss(encoded, samples, generator, counts=share > 0)
            self.log("train/decoder", attention, sync_dist=True)
            loss = self.ctc_weight * ctc + (1 - self.ctc_weight) * attention
        self.log("train/loss", loss, prog_bar=True, sync_dist=True)
        return loss

    def validation_step(self, batch: LineBatch, batch_index: int) -> list[Hypothesis]:
        """Add the batch's errors to the corpus; returns the readings of the first strategy."""
        model = self.whole_model
        encoded = model.encode(batch.images)
        rows, targets = self._targets(batch)
        if rows:
            loss = ctc_loss(model.ctc_logits(encoded)[rows], encoded.lengths[rows], targets)
            self._losses.append((float(loss), len(rows)))
        readings: list[Hypothesis] = []
        for name, strategy in self.strategies.items():
            hypotheses = strategy(model, encoded, self.ctc_tokenizer, self.tokenizer)
            readings = readings or hypotheses
            for sample, hypothesis in zip(batch.samples, hypotheses, strict=True):
                self._counts[name, sample.source] += count_errors(sample.text, hypothesis.text)
        return readings

    def on_validation_epoch_end(self) -> None:
        """Log `val/loss`, `val/cer`, `val/wer` and one CER per source, in percent, over all processes."""
        losses, counts = self._gathered()
        if losses:
            mean = sum(loss * lines for loss, lines in losses) / sum(lines for _, lines in losses)
            self.log("val/loss", mean, rank_zero_only=True)
        for name in self.val_decode:
            sources = {source: c for (strategy, source), c in sorted(counts.items()) if strategy == name}
            self._log_errors(sources, suffix="" if name == self.val_decode[0] else f"_{name}")

    def _log_errors(self, sources: Mapping[str, ErrorCounts], *, suffix: str) -> None:
        """Log the error rates of one decoding strategy: over all lines, per source, and weighted over sources."""
        total = sum(sources.values(), ErrorCounts())
        self.log(f"val/cer{suffix}", total.cer, prog_bar=True, rank_zero_only=True)
        self.log(f"val/wer{suffix}", total.wer, rank_zero_only=True)
        for source, each in sources.items():
            self.log(f"val/{source}/cer{suffix}", each.cer, rank_zero_only=True)
        weights = {source: self.val_weights.get(source, 0.0) for source in sources}
        if total_weight := sum(weights.values()):
            mean = sum(weights[source] * each.cer for source, each in sources.items()) / total_weight
            self.log(f"val/weighted_cer{suffix}", mean, prog_bar=True, rank_zero_only=True)

    def _generator(self, device: torch.device) -> torch.Generator:
        """Make the random generator of this step and process, the same in a resumed run."""
        rank, world_size = _place()
        return torch.Generator(device).manual_seed(
            self.seed * 1_000_003 + self.global_step * world_size + rank
        )

    def _augmented(
        self, images: ImageBatch, samples: Sequence[LineSample], generator: torch.Generator
    ) -> ImageBatch:
        """Augment images by the factors of width that the batch was made for."""
        if self.augment is None:
            return images
        return self.augment(images, generator, _stretches(samples, images))

    def _decoder_loss(
        self,
        encoded: Encoded,
        samples: Sequence[LineSample],
        generator: torch.Generator,
        *,
        counts: bool,
    ) -> torch.Tensor:
        """Compute the next-token loss of a random part of the lines, as this process's share of the mean.

        Unrelated words would teach the decoder a wrong language; where a batch has nothing else, one line goes
        through with a weight of zero, as does the line of a process that has none (`counts` False).
        """
        order = torch.randperm(len(samples), generator=generator, device=generator.device).tolist()
        running = [row for row in order if samples[row].running_text]
        count = max(1, round(len(samples) * self.decoder_fraction)) if running else 1
        chosen = (running or order)[:count]
        texts = [samples[row].text if counts else "" for row in chosen]
        inputs, expected = self._tokens(texts, generator)
        rows = torch.tensor(chosen, device=generator.device)
        logits = self.model.decoder(inputs, encoded.features[rows], encoded.mask[rows])
        loss = token_loss(logits, expected, label_smoothing=self.label_smoothing)
        tokens = int((expected != self.tokenizer.pad).sum()) if counts and running else 0
        return (self._share(tokens) or 0.0) * loss

    def _log_sum(self, name: str, value: int) -> None:
        """Log a count, summed over processes."""
        self.log(name, float(value), reduce_fx="sum", on_step=True, on_epoch=False, sync_dist=True)

    def _share(self, count: int) -> float | None:
        """Compute the factor of this process's mean over `count` items, None if no process has any.

        Gradients are averaged over processes; with it, their average is that of the mean over all items.
        """
        _, world_size = _place()
        if world_size == 1:
            return 1.0 if count else None
        total = torch.tensor(float(count), device=self.device)
        torch.distributed.all_reduce(total)
        return count * world_size / float(total) if total else None

    def _gathered(self) -> tuple[list[tuple[float, int]], dict[tuple[str, str], ErrorCounts]]:
        """Collect losses and counts of all processes; this process's start anew.

        One collective call for everything: processes may have met different sources, or none.
        """
        tables = [(self._losses, dict(self._counts))]
        self._losses, self._counts = [], defaultdict(ErrorCounts)
        if self.trainer.world_size > 1:
            mine, tables = tables[0], tables * self.trainer.world_size
            torch.distributed.all_gather_object(tables, mine)
        total: dict[tuple[str, str], ErrorCounts] = defaultdict(ErrorCounts)
        for _, counts in tables:
            for key, each in counts.items():
                total[key] += each
        return [pair for losses, _ in tables for pair in losses], total

    def _targets(self, batch: LineBatch) -> tuple[list[int], list[list[int]]]:
        """Find the rows whose label can be expressed, and their CTC targets; others are named once and left out."""
        rows, targets = [], []
        for row, sample in enumerate(batch.samples):
            try:
                targets.append(self.ctc_tokenizer.encode(sample.text))
                rows.append(row)
            except LabelError as error:
                if sample.id not in self._unusable:
                    self._unusable.add(sample.id)
                    log.warning("line %s left out: %s", sample.id, error)
        return rows, targets

    def _tokens(self, texts: list[str], generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """Make decoder inputs (bos + text, some tokens masked) and expected outputs (text + eos), each (b, l)."""
        tokenizer, device = self.tokenizer, generator.device
        max_tokens = self.model.decoder.max_length - 1
        ids = [tokenizer.encode(text)[:max_tokens] for text in texts]
        # Few distinct shapes: CPU kernels are built for each.
        width = min(-(-(max(map(len, ids)) + 1) // 8) * 8, max_tokens + 1)
        special = {"bos": tokenizer.bos, "eos": tokenizer.eos, "pad": tokenizer.pad}
        inputs, expected = (ids.to(device) for ids in teacher_forced(ids, width=width, **special))
        masked = torch.rand(inputs.shape, generator=generator, device=device) < self.token_mask
        masked[:, 0] = False
        return inputs.masked_fill(masked & (inputs != tokenizer.pad), tokenizer.unk), expected


def _stretches(samples: Sequence[LineSample], images: ImageBatch) -> torch.Tensor | None:
    """(b,) factors of width that the batch was made for, on the device of `images`; None where none were drawn."""
    factors = [sample.stretch for sample in samples]
    return None if None in factors else torch.tensor(factors, device=images.pixels.device)


def _place() -> tuple[int, int]:
    """Return this process's number and how many train together."""
    if not torch.distributed.is_initialized():
        return 0, 1
    return torch.distributed.get_rank(), torch.distributed.get_world_size()
