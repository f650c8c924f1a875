"""Tiny CLIP: the encoder that ships with the package, a CLIP of the same shape as BiomedCLIP's.

Twelve blocks, a CLS token and a grid of 14 x 14 patches, so that whatever is said of blocks
0 to 5 and 6 to 11 means the same; narrow enough to train on a laptop.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from timm.layers import build_sincos2d_pos_embed
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from kneephen_utils.encoder.model import Encoder, WeightsError

FOLDER = Path(__file__).parent / "tiny_clip"
SIZE, GRID, WIDTH, HEADS, BLOCKS, DIMENSIONS = 112, 14, 96, 3, 12, 128
WORDS, TEXT_BLOCKS = 48, 2  # longest sentence, blocks of the text tower


class Stem(nn.Module):
    """Three strided convolutions in place of one large patch: (n, 1, 112, 112) to tokens."""

    def __init__(self, **_: object) -> None:
        super().__init__()
        steps = [(1, 24), (24, 48), (48, WIDTH)]
        layers: list[nn.Module] = []
        for inner, outer in steps:
            layers += [nn.Conv2d(inner, outer, 3, stride=2, padding=1), nn.GroupNorm(1, outer)]
            layers += [nn.GELU()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(WIDTH, WIDTH, 1))
        self.num_patches, self.grid_size, self.patch_size = GRID * GRID, (GRID, GRID), (8, 8)

    def feat_ratio(self, *, as_scalar: bool = True) -> int | tuple[int, int]:
        """Return pixels per patch along a side."""
        return 8 if as_scalar else (8, 8)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return tokens (n, 196, width)."""
        return self.layers(pixels).flatten(2).transpose(1, 2)


class TextTower(nn.Module):
    """A transformer over words; a sentence is the mean of its words, projected."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, WIDTH, padding_idx=0)
        self.places = nn.Parameter(torch.randn(WORDS, WIDTH) * 0.02)
        block = nn.TransformerEncoderLayer(
            WIDTH,
            HEADS,
            2 * WIDTH,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.blocks = nn.TransformerEncoder(block, TEXT_BLOCKS, enable_nested_tensor=False)
        self.projection = nn.Linear(WIDTH, DIMENSIONS, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return embeddings (n, dimensions) of tokens (n, length); 0 pads."""
        there = tokens > 0
        words = self.words(tokens) + self.places[: tokens.shape[1]]
        words = self.blocks(words, src_key_padding_mask=~there)
        weight = there.unsqueeze(-1).float()
        return self.projection((words * weight).sum(1) / weight.sum(1).clamp(min=1))


class Tokenizer:
    """Words of a fixed vocabulary; a word not in it, or no word at all, is token 1, padding 0."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.number = {word: place for place, word in enumerate(vocabulary, start=2)}

    def __len__(self) -> int:
        return len(self.number) + 2

    def __call__(self, sentences: Sequence[str]) -> torch.Tensor:
        """Return tokens (n, longest), whole numbers."""
        split = [re.findall(r"[a-z]+|\d+", text.lower())[:WORDS] or [""] for text in sentences]
        tokens = torch.zeros(len(split), max(map(len, split), default=1), dtype=torch.long)
        for row, words in enumerate(split):
            for column, word in enumerate(words):
                tokens[row, column] = self.number.get(word, 1)
        return tokens


def trunk() -> VisionTransformer:
    """Return the vision transformer with random weights and fixed sine-cosine positions."""
    vision = VisionTransformer(
        img_size=SIZE,
        patch_size=8,
        in_chans=1,
        num_classes=0,
        embed_dim=WIDTH,
        depth=BLOCKS,
        num_heads=HEADS,
        global_pool="token",
        embed_layer=Stem,
        weight_init="jax",
    )
    positions = build_sincos2d_pos_embed([GRID, GRID], WIDTH)
    cls = torch.zeros(1, WIDTH)
    vision.pos_embed = nn.Parameter(torch.cat([cls, positions])[None])
    return vision


def build(vocabulary: Sequence[str], *, logit_scale: float = 10.0) -> Encoder:
    """Return the small encoder with random weights; training starts from it."""
    words = Tokenizer(vocabulary)
    text = TextTower(len(words))
    return Encoder(
        name="embedded",
        trunk=trunk(),
        projection=nn.Linear(WIDTH, DIMENSIONS, bias=False),
        text=text,
        tokenize=words,
        logit_scale=logit_scale,
        image_size=SIZE,
        grid=GRID,
        dimensions=DIMENSIONS,
        channels=1,
        mean=(0.5,),
        std=(0.25,),
        others=sum(weight.numel() for weight in text.parameters()) + 1,
    )


def load(folder: Path = FOLDER) -> Encoder:
    """Load the small encoder.

    Raises
    ------
    WeightsError
        If weights or vocabulary are missing or do not fit the architecture.
    """
    for name in ("model.safetensors", "vocabulary.json", "settings.json"):
        if not (folder / name).exists():
            raise WeightsError(f"{folder.name}/{name} is missing; `make encoder` writes it")
    scale = json.loads((folder / "settings.json").read_text(encoding="utf-8"))["logit_scale"]
    encoder = build(
        json.loads((folder / "vocabulary.json").read_text(encoding="utf-8")), logit_scale=scale
    )
    state = load_file(folder / "model.safetensors")
    for part, module in parts(encoder).items():
        own = {
            k.removeprefix(f"{part}."): v.float() for k, v in state.items() if k.startswith(part)
        }
        try:
            module.load_state_dict(own)
        except RuntimeError as error:
            raise WeightsError(f"{folder.name}/model.safetensors: {error}") from None
    return encoder


def parts(encoder: Encoder) -> dict[str, nn.Module]:
    """Return the trained parts of the encoder by the name they carry in the file."""
    assert encoder.text is not None
    return {"trunk": encoder.trunk, "projection": encoder.projection, "text": encoder.text}
