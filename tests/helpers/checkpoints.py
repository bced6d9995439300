"""Checkpoint folders as published ones are laid out, of tiny TrOCR models that have learned three pictures."""

import json
from pathlib import Path

import numpy as np
import torch
import transformers
from PIL import Image
from tokenizers import ByteLevelBPETokenizer

from tests.helpers.pieces import train_pieces

TEXTS = [
    "the quick brown fox jumps over the lazy dog",
    "dear sir, I write to you",
    "a dark and stormy night",
] * 5

LABELS = ["dear sir", "a dark fox", "the night"]

SIZE = 32

STEPS = 40

ENCODER = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "image_size": SIZE,
    "patch_size": 8,
}

DECODER = {
    "d_model": 24,
    "decoder_layers": 2,
    "decoder_attention_heads": 4,
    "decoder_ffn_dim": 48,
    "max_position_embeddings": 24,
    "cross_attention_hidden_size": 32,
    "is_decoder": True,
    "add_cross_attention": True,
}

STYLES = {
    "small": {
        "activation_function": "relu",
        "scale_embedding": True,
        "tie_word_embeddings": False,
    },
    "base": {"activation_function": "gelu", "tie_word_embeddings": True},
    "large-stage1": {
        "activation_function": "relu",
        "scale_embedding": True,
        "tie_word_embeddings": False,
        "use_learned_position_embeddings": False,
        "layernorm_embedding": False,
    },
}
"""The decoders of the published models: small; base and large for handwriting; large for print and all of stage 1."""


def picture(seed: int) -> Image.Image:
    """Smooth random colors."""
    colors = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return Image.fromarray(colors).resize((90, 20), Image.Resampling.BICUBIC)


PICTURES = [picture(seed) for seed in range(len(LABELS))]


def make_checkpoint(folder: Path, style: str) -> torch.nn.Module:
    """Write a checkpoint folder, as Hugging Face's library does; returns its model."""
    folder.mkdir(parents=True, exist_ok=True)
    small = style == "small"
    tokenizer = _pieces(folder) if small else _byte_bpe(folder)
    colors = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3} if small else {"image_mean": [0.4, 0.5, 0.6]}
    processor = {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": SIZE, "width": SIZE},
        "resample": 3 if small else 2,
        **colors,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    deit, vit = transformers.DeiTConfig, transformers.ViTConfig
    encoder = deit(**ENCODER) if small else vit(**ENCODER, qkv_bias=False)
    decoder = transformers.TrOCRConfig(vocab_size=len(tokenizer), **DECODER, **STYLES[style])
    config = transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    torch.manual_seed(0)
    model = transformers.VisionEncoderDecoderModel(config=config).eval()
    for name, weight in model.named_parameters():
        # Wide enough that every part of the network shows in the result.
        torch.nn.init.normal_(weight, mean=float("norm" in name and "weight" in name), std=0.2)
    _learn(model, processor_of(folder))
    if style == "large-stage1":
        model.generation_config.max_length = 12
    model.save_pretrained(folder)
    return model


def processor_of(folder: Path) -> transformers.TrOCRProcessor:
    """The library's own way from pictures to tensors and from ids to text; resizing by Pillow, as published."""
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    return transformers.TrOCRProcessor(
        ViTImageProcessorPil.from_pretrained(folder), transformers.AutoTokenizer.from_pretrained(folder)
    )


def _learn(model: torch.nn.Module, processor: transformers.TrOCRProcessor) -> None:
    """A few steps, so that the model writes different texts and ends them."""
    pixels = processor(PICTURES, return_tensors="pt").pixel_values
    rows = [ids[1:] for ids in processor.tokenizer(LABELS).input_ids]
    width = max(map(len, rows))
    expected = torch.tensor([row + [-100] * (width - len(row)) for row in rows])
    inputs = torch.tensor([[2, *row[:-1]] + [1] * (width - len(row)) for row in rows])
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(STEPS):
        logits = model(pixels, decoder_input_ids=inputs).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), expected.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _pieces(folder: Path) -> transformers.PreTrainedTokenizerBase:
    (folder / "sentencepiece.bpe.model").write_bytes(train_pieces(TEXTS))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "XLMRobertaTokenizer"}')
    return transformers.XLMRobertaTokenizer.from_pretrained(folder)


def _byte_bpe(folder: Path) -> transformers.PreTrainedTokenizerBase:
    tokenizer = ByteLevelBPETokenizer()
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer.train_from_iterator(TEXTS, vocab_size=300, min_frequency=1, special_tokens=specials)
    tokenizer.add_special_tokens(["<mask>"])
    tokenizer.save_model(str(folder))
    (folder / "vocab.json").write_text(json.dumps(tokenizer.get_vocab(with_added_tokens=True)))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "RobertaTokenizer"}')
    return transformers.RobertaTokenizer.from_pretrained(folder)
