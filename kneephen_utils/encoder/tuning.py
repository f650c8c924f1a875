"""Tuning: the upper half of an encoder learns the grade, the lower half stays as it was.

Training starts from the activations that module `views` computed once.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from kneephen_utils.encoder import Encoder, checkpoint

COUNT_NOTE = "Of the whole model: the text tower counts too, though grading does not load it."


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

    def logit(self, embedding: torch.Tensor) -> torch.Tensor:
        """Return what comes before the sigmoid (n,), of embeddings of unit length.

        They are scaled back from unit length, so that each number has a size of about one.
        """
        return self.linear(embedding * math.sqrt(self.linear.in_features)).squeeze(-1)

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        """Return grades (n,), between 0 and 4, of embeddings of unit length."""
        return 4 * torch.sigmoid(self.logit(embedding))


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
        """Return grades (n,) of activations (n, tokens, width)."""
        return self.head(self.embed(tokens))


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
    """Count the parameters of the whole model, its text tower too where it is not loaded.

    Returns
    -------
    Columns `part` (trained, frozen, all), `parameters`, `share`.
    """
    modules = [encoder.trunk, encoder.projection, upper.head]
    every = {id(p): p for module in modules for p in module.parameters()}.values()
    total = sum(p.numel() for p in every) + encoder.others
    trained = sum(p.numel() for p in every if p.requires_grad)
    counts = {"trained": trained, "frozen": total - trained, "all": total}
    return pd.DataFrame(
        [{"part": part, "parameters": n, "share": n / total} for part, n in counts.items()]
    )


def fit(
    upper: Upper,
    train: list[torch.Tensor],
    grades: np.ndarray,
    validation: torch.Tensor,
    validation_grades: np.ndarray,
    *,
    settings: Settings,
    kept_in: Path | None = None,
) -> pd.DataFrame:
    """Train the upper half in place and keep its best epoch on the validation people.

    Parameters
    ----------
    upper
        As `upper_half` returns.
    train
        As `views.cache` returns: the plain view first.
    grades, validation_grades
        Grades as read.
    validation
        Plain activations of people who are not in `train`.
    settings
        How to train.
    kept_in
        File that keeps the state after every epoch: the same training, stopped and begun
        again, goes on from there. Removed at the end.

    Returns
    -------
    `history` table.

    References
    ----------
    Loshchilov & Hutter (2019), AdamW, doi:10.48550/arXiv.1711.05101.
    """
    target = torch.as_tensor(grades, dtype=torch.float32)
    optimiser = _optimiser(upper, settings)
    rows: checkpoint.Rows = []
    best = copy.deepcopy(upper.state_dict())
    if kept_in:
        known = [*upper.state_dict().values(), *train, target, validation]
        key = checkpoint.digest(settings, [*known, torch.as_tensor(validation_grades)])
        earlier = checkpoint.resume(kept_in, key=key, model=upper, optimiser=optimiser)
        best, rows = earlier or (best, rows)
    while len(rows) < settings.epochs and not _stalled(rows, settings.patience):
        loss = _epoch(upper, train, target, optimiser, number=len(rows), settings=settings)
        error = float(np.mean(np.abs(predict(upper, validation) - validation_grades)))
        if error < min((row["validation_mae"] for row in rows), default=math.inf):
            best = copy.deepcopy(upper.state_dict())
        rate = optimiser.param_groups[0]["lr"]
        row = {"epoch": len(rows) + 1, "train_loss": loss, "validation_mae": error}
        rows.append(row | {"learning_rate": rate})
        if kept_in:
            checkpoint.save(
                kept_in, key=key, model=upper, best=best, optimiser=optimiser, rows=rows
            )
    if kept_in:
        kept_in.unlink(missing_ok=True)
    upper.load_state_dict(best)
    history = pd.DataFrame(rows)
    return history.assign(chosen=history.index == history["validation_mae"].idxmin())


def predict(upper: Upper, tokens: torch.Tensor, *, batch_size: int = 64) -> np.ndarray:
    """Return grades (n,) of cached activations."""
    return apply(upper, tokens.split(batch_size))[0]


def apply(upper: Upper, batches: Iterable[torch.Tensor]) -> tuple[np.ndarray, np.ndarray]:
    """Return grades (n,) and unit-length embeddings (n, dimensions) of batches of activations."""
    upper.eval()
    device = next(upper.parameters()).device
    graded, embedded = [torch.zeros(0)], [torch.zeros(0, upper.head.linear.in_features)]
    with torch.inference_mode():
        for tokens in batches:
            embedding = upper.embed(tokens.float().to(device))
            graded.append(upper.head(embedding).cpu())
            embedded.append(embedding.cpu())
    return torch.cat(graded).numpy(), torch.cat(embedded).numpy()


def _epoch(
    upper: Upper,
    train: list[torch.Tensor],
    target: torch.Tensor,
    optimiser: torch.optim.Optimizer,
    *,
    number: int,
    settings: Settings,
) -> float:
    """Go through the training knees once and return the mean loss; epochs count from 0."""
    device = next(upper.parameters()).device
    each = math.ceil(len(target) / settings.batch_size)
    losses = []
    upper.train()
    batches = _batches(len(target), len(train), number, settings)
    for step, (view, picked) in enumerate(batches, start=number * each):
        rate = _schedule(step, settings.epochs * each, settings.warmup)
        for group in optimiser.param_groups:
            group["lr"] = group["base"] * rate
        predicted = upper(train[view][picked].float().to(device))
        loss = _loss(predicted, target[picked].to(device), settings.ranking_weight)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(upper.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
    return float(np.mean(losses))


def _stalled(rows: checkpoint.Rows, patience: int) -> bool:
    """Return whether the error has not fallen for `patience` epochs, and at least one."""
    errors = [row["validation_mae"] for row in rows]
    return bool(errors) and len(errors) - 1 - int(np.argmin(errors)) >= max(1, patience)


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
    """Return squared error, plus what pairs of unlike grade lack to stand 0.5 apart in order."""
    loss = functional.mse_loss(predicted, read)
    if not ranking_weight:
        return loss
    higher = read[:, None] > read[None]
    behind = functional.relu(0.5 - (predicted[:, None] - predicted[None]))
    return loss + ranking_weight * (behind * higher).sum() / higher.sum().clamp(min=1)
