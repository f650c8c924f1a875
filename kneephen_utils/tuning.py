"""Tuning: the upper half of an encoder learns the grade, the lower half stays as it was.

The frozen blocks give the same answer in every epoch, so their output is computed once per
augmented view and kept in half precision; training starts from there.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from kneephen_utils.encoder import Encoder


@dataclass(frozen=True)
class Settings:
    """How to train; see `notebooks/params.yml` for what each is."""

    batch_size: int
    epochs: int
    learning_rate: float
    head_learning_rate: float
    weight_decay: float
    warmup: float
    patience: int
    views: int
    ranking_weight: float
    frozen_blocks: int
    seed: int


class Head(nn.Module):
    """Grade from an embedding: 4 x sigmoid of a linear map, starting at the mean grade."""

    def __init__(self, width: int, mean: float) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 1)
        share = min(max(mean / 4, 0.02), 0.98)
        nn.init.zeros_(self.linear.weight)
        nn.init.constant_(self.linear.bias, math.log(share / (1 - share)))

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        """Return grades (n,), between 0 and 4."""
        return 4 * torch.sigmoid(self.linear(embedding).squeeze(-1))


class Upper(nn.Module):
    """The trained part: later blocks, norm, projection and head, on cached activations."""

    def __init__(self, encoder: Encoder, head: Head, frozen_blocks: int) -> None:
        super().__init__()
        self.blocks = encoder.trunk.blocks[frozen_blocks:]
        self.norm, self.projection, self.head = encoder.trunk.norm, encoder.projection, head

    def embed(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return unit-length embeddings (n, dimensions) of activations (n, tokens, width)."""
        return functional.normalize(self.projection(self.norm(self.blocks(tokens))[:, 0]), dim=-1)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return grades (n,). The head reads embeddings scaled back from unit length."""
        return self.head(self.embed(tokens) * math.sqrt(self.head.linear.in_features))


def use_threads(threads: int) -> None:
    """Use so many CPU threads; sums are taken in the same order for the same number."""
    torch.set_num_threads(threads)


def upper_half(encoder: Encoder, *, mean: float, frozen_blocks: int) -> Upper:
    """Return the part to be trained, its parameters free and all others frozen.

    Raises
    ------
    ValueError
        If the encoder has no block left to train.
    """
    blocks = len(encoder.trunk.blocks)
    if not 0 <= frozen_blocks < blocks:
        raise ValueError(f"frozen_blocks is {frozen_blocks}; expected 0 to {blocks - 1}")
    for module in (encoder.trunk, encoder.projection):
        module.requires_grad_(requires_grad=False)
    upper = Upper(encoder, Head(encoder.dimensions, mean), frozen_blocks).to(encoder.device)
    return upper.requires_grad_(requires_grad=True)


def count(encoder: Encoder, upper: Upper) -> pd.DataFrame:
    """Count parameters: columns `part` (trained, frozen, all), `parameters`, `share`."""
    modules = [encoder.trunk, encoder.projection, upper.head]
    modules += [encoder.text] if encoder.text is not None else []
    every = {id(p): p for module in modules for p in module.parameters()}.values()
    total = sum(p.numel() for p in every)
    trained = sum(p.numel() for p in every if p.requires_grad)
    counts = {"trained": trained, "frozen": total - trained, "all": total}
    return pd.DataFrame(
        [{"part": part, "parameters": n, "share": n / total} for part, n in counts.items()]
    )


def frozen_part(encoder: Encoder, pictures: torch.Tensor, frozen_blocks: int) -> torch.Tensor:
    """Return activations (n, tokens, width) after the frozen blocks, without a gradient."""
    trunk = encoder.trunk
    with torch.no_grad():
        tokens = trunk.norm_pre(trunk.patch_drop(trunk._pos_embed(trunk.patch_embed(pictures))))
        return trunk.blocks[:frozen_blocks](tokens)


def augment(pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Turn (3 degrees), shift (3 %), scale (4 %), expose and roughen a little; never mirror."""
    n = len(pictures)
    draw = torch.randn(n, 6, generator=generator)
    angle, scale = 0.05 * draw[:, 0], 1 + 0.04 * draw[:, 1]
    rows = [torch.cos(angle), -torch.sin(angle)], [torch.sin(angle), torch.cos(angle)]
    turn = torch.stack([torch.stack(row, 1) for row in rows], 1) * scale.view(-1, 1, 1)
    theta = torch.cat([turn, 0.03 * draw[:, 2:4, None]], 2).to(pictures.device)
    grid = functional.affine_grid(theta, list(pictures.shape), align_corners=False)
    moved = functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    gain = (1 + 0.10 * draw[:, 4]).view(-1, 1, 1, 1).to(pictures.device)
    offset = (0.10 * draw[:, 5]).view(-1, 1, 1, 1).to(pictures.device)
    noise = 0.04 * torch.randn(moved.shape, generator=generator).to(pictures.device)
    return moved * gain + offset + noise


def cache(
    encoder: Encoder, images: Any, rows: np.ndarray, *, settings: Settings
) -> list[torch.Tensor]:
    """Return the frozen activations of pictures `rows`: as they are, then augmented views.

    Each is (n, tokens, width) in half precision; 1 + `views` of them.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    kept: list[list[torch.Tensor]] = [[] for _ in range(1 + settings.views)]
    for start in range(0, len(rows), 64):
        batch = encoder.prepare(np.asarray(images.oindex[rows[start : start + 64]]))
        for view in range(1 + settings.views):
            seen = batch if view == 0 else augment(batch, generator)
            kept[view].append(frozen_part(encoder, seen, settings.frozen_blocks).half().cpu())
    return [torch.cat(parts) for parts in kept]


def fit(
    upper: Upper,
    train: list[torch.Tensor],
    grades: np.ndarray,
    validation: torch.Tensor,
    validation_grades: np.ndarray,
    *,
    settings: Settings,
) -> pd.DataFrame:
    """Train the upper half in place and keep its best epoch on the validation people.

    Parameters
    ----------
    upper
        As `upper_half` returns.
    train
        As `cache` returns: the plain view first.
    grades, validation_grades
        Grades as read.
    validation
        Plain activations of people who are not in `train`.
    settings
        How to train.

    Returns
    -------
    `history` table.

    References
    ----------
    Loshchilov & Hutter (2019), AdamW, doi:10.48550/arXiv.1711.05101.
    """
    device = next(upper.parameters()).device
    target = torch.as_tensor(grades, dtype=torch.float32)
    optimiser = _optimiser(upper, settings)
    steps = settings.epochs * math.ceil(len(grades) / settings.batch_size)
    best, kept, rows = math.inf, copy.deepcopy(upper.state_dict()), []
    step = 0
    for epoch in range(settings.epochs):
        losses = []
        upper.train()
        for view, picked in _batches(len(grades), len(train), epoch, settings):
            rate = _schedule(step, steps, settings.warmup)
            for group in optimiser.param_groups:
                group["lr"] = group["base"] * rate
            predicted = upper(train[view][picked].float().to(device))
            loss = _loss(predicted, target[picked].to(device), settings.ranking_weight)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(upper.parameters(), 1.0)
            optimiser.step()
            losses.append(loss.item())
            step += 1
        error = float(np.mean(np.abs(predict(upper, validation) - validation_grades)))
        rows.append(
            {
                "epoch": epoch + 1,
                "train_loss": float(np.mean(losses)),
                "validation_mae": error,
                "learning_rate": optimiser.param_groups[0]["lr"],
            }
        )
        if error < best:
            best, kept = error, copy.deepcopy(upper.state_dict())
        elif (
            epoch + 1 - int(np.argmin([row["validation_mae"] for row in rows])) > settings.patience
        ):
            break
    upper.load_state_dict(kept)
    history = pd.DataFrame(rows)
    return history.assign(chosen=history.index == history["validation_mae"].idxmin())


def predict(upper: Upper, tokens: torch.Tensor, *, batch_size: int = 64) -> np.ndarray:
    """Return grades (n,) of cached activations."""
    upper.eval()
    device = next(upper.parameters()).device
    with torch.inference_mode():
        parts = [upper(part.float().to(device)).cpu() for part in tokens.split(batch_size)]
    return torch.cat(parts).numpy() if parts else np.zeros(0)


def embed(upper: Upper, tokens: torch.Tensor, *, batch_size: int = 64) -> np.ndarray:
    """Return unit-length embeddings (n, dimensions) of cached activations."""
    upper.eval()
    device = next(upper.parameters()).device
    with torch.inference_mode():
        parts = [upper.embed(part.float().to(device)).cpu() for part in tokens.split(batch_size)]
    return torch.cat(parts).numpy()


def _optimiser(upper: Upper, settings: Settings) -> torch.optim.Optimizer:
    head = list(upper.head.parameters())
    known = {id(p) for p in head}
    body = [p for p in upper.parameters() if id(p) not in known]
    groups = [
        {"params": body, "lr": settings.learning_rate, "base": settings.learning_rate},
        {"params": head, "lr": settings.head_learning_rate, "base": settings.head_learning_rate},
    ]
    return torch.optim.AdamW(groups, weight_decay=settings.weight_decay)


def _batches(
    n: int, views: int, epoch: int, settings: Settings
) -> Iterator[tuple[int, torch.Tensor]]:
    """Yield the view and rows of each batch; the order depends on seed and epoch alone."""
    rng = np.random.default_rng([settings.seed, epoch])
    order = rng.permutation(n)
    for start in range(0, n, settings.batch_size):
        view = int(rng.integers(views))
        yield view, torch.as_tensor(order[start : start + settings.batch_size])


def _schedule(step: int, steps: int, warmup: float) -> float:
    """Return the share of the full learning rate: linear warm-up, then half a cosine."""
    first = max(1, round(warmup * steps))
    if step < first:
        return (step + 1) / first
    return 0.5 * (1 + math.cos(math.pi * (step - first) / max(1, steps - first)))


def _loss(predicted: torch.Tensor, read: torch.Tensor, ranking_weight: float) -> torch.Tensor:
    """Return squared error, plus a penalty on pairs in the wrong order by less than 0.5."""
    loss = functional.mse_loss(predicted, read)
    if not ranking_weight:
        return loss
    higher = read[:, None] > read[None]
    behind = functional.relu(0.5 - (predicted[:, None] - predicted[None]))
    return loss + ranking_weight * (behind * higher).sum() / higher.sum().clamp(min=1)
