"""Trainer: the upper half of an encoder learns the grade, the lower half stays as it was.

Training starts from the activations that module `views` computed once. It gives the same
result whether it is stopped and resumed or not, and, but for rounding, on however many
processes and in however many passes a batch is done.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from kneephen_utils.encoder import activation_cache, batching, checkpoint, distributed
from kneephen_utils.encoder.finetune import TrainableTail, param_groups

RECIPE = 3  # to be raised where a checkpoint of the code before cannot be gone on from


@dataclass(frozen=True)
class Settings:
    """How to train; see `notebooks/params.yml` for what each is."""

    batch_size: int
    epochs: int
    learning_rate: float
    head_learning_rate: float
    layer_decay: float
    weight_decay: float
    warmup: float
    patience: int
    views: int
    head: str
    balance: str
    ranking_weight: float
    patch_dropout: float
    frozen_blocks: int
    accumulate: int
    precision: str
    compiler: str
    seed: int


def use_threads(threads: int) -> None:
    """Use so many CPU threads; sums are taken in the same order for the same number."""
    torch.set_num_threads(threads)


def fit(
    upper: TrainableTail,
    train: Sequence[torch.Tensor],
    grades: np.ndarray,
    validation: torch.Tensor,
    validation_grades: np.ndarray,
    *,
    settings: Settings,
    kept_in: Path | None = None,
    fabric: Any = None,
) -> pd.DataFrame:
    """Train the upper half in place and keep its best epoch on the validation people.

    Parameters
    ----------
    upper
        As `finetune.upper_half` returns.
    train
        As `augmentation.cache` returns: the plain view first.
    grades, validation_grades
        Grades as read.
    validation
        Plain activations of people who are not in `train`.
    settings
        How to train.
    kept_in
        File that keeps the state after every epoch: the same training, stopped and begun
        again, goes on from there. Removed at the end.
    fabric
        Lightning Fabric, launched, as `distributed.fabric` returns; None for one process.

    Returns
    -------
    `history` table.

    References
    ----------
    Loshchilov & Hutter (2019), AdamW, doi:10.48550/arXiv.1711.05101.
    """
    fabric = fabric or distributed.fabric(precision=settings.precision)
    run = _Run(upper, train, np.asarray(grades, float), settings, fabric)
    rows: checkpoint.Rows = []
    best = copy.deepcopy(upper.state_dict())
    state: dict[str, Any] = {"model": upper, "optimiser": run.optimiser}
    state["precision"] = fabric.strategy.precision
    if kept_in:
        known = [*upper.state_dict().values(), *train, torch.as_tensor(grades), validation]
        key = activation_cache.digest(
            (RECIPE, settings), [*known, torch.as_tensor(validation_grades)]
        )
        best, rows = checkpoint.resume(kept_in, key=key, **state) or (best, rows)
    fabric.barrier()
    while len(rows) < settings.epochs and not _stalled(rows, settings.patience):
        loss = _epoch(run, number=len(rows))
        # the same numbers in all processes, which therefore stop at the same epoch
        tested = fabric.broadcast(_tested(upper, validation, validation_grades))
        error = tested["validation_mae"]
        if error < min((row["validation_mae"] for row in rows), default=math.inf):
            best = copy.deepcopy(upper.state_dict())
        rate = run.optimiser.param_groups[0]["lr"]
        row = {"epoch": len(rows) + 1, "train_loss": loss, **tested, "learning_rate": rate}
        rows.append(row)
        if kept_in and fabric.is_global_zero:
            checkpoint.save(kept_in, key=key, best=best, rows=rows, **state)
    fabric.barrier()
    if kept_in and fabric.is_global_zero:
        kept_in.unlink(missing_ok=True)
    upper.load_state_dict(best)
    history = pd.DataFrame(rows)
    return history.assign(chosen=history.index == history["validation_mae"].idxmin())


def predict(upper: TrainableTail, tokens: torch.Tensor, *, batch_size: int = 64) -> np.ndarray:
    """Return grades (n,) of cached activations."""
    return apply(upper, tokens.split(batch_size))[0]


def apply(upper: TrainableTail, batches: Iterable[torch.Tensor]) -> tuple[np.ndarray, np.ndarray]:
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


class _Run:
    """A training about to begin: what is trained, on what, and by what."""

    def __init__(
        self,
        upper: TrainableTail,
        train: Sequence[torch.Tensor],
        grades: np.ndarray,
        settings: Settings,
        fabric: Any,
    ) -> None:
        self.upper, self.train, self.settings, self.fabric = upper, train, settings, fabric
        self.grades = grades
        even = np.ones(len(grades))
        self.weights = batching.weigh(grades) if settings.balance == "weights" else even
        rates = param_groups(
            upper,
            learning_rate=settings.learning_rate,
            head_learning_rate=settings.head_learning_rate,
            layer_decay=settings.layer_decay,
        )
        self.optimiser = torch.optim.AdamW(rates, weight_decay=settings.weight_decay)
        compiled: Any = upper
        if settings.compiler != "none":
            compiled = torch.compile(upper, backend=settings.compiler)
        self.model, self.stepper = fabric.setup(compiled, self.optimiser)

    def batches(self, epoch: int) -> list[batching.Batch]:
        """Return the batches of an epoch."""
        own = self.settings
        return list(
            batching.batches(
                self.grades,
                views=len(self.train),
                batch_size=own.batch_size,
                epoch=epoch,
                seed=own.seed,
                balance=own.balance,
                patches=self.upper.patches,
                patch_dropout=own.patch_dropout,
            )
        )


def _epoch(run: _Run, *, number: int) -> float:
    """Go through the training knees once and return the mean loss; epochs count from 0."""
    batches, losses = run.batches(number), []
    run.upper.train()
    run.model.train()
    fabric, settings = run.fabric, run.settings
    chance = [settings.seed, number, fabric.global_rank]  # of dropout, if the encoder has any
    gpus = [fabric.device] if fabric.device.type == "cuda" else []
    with torch.random.fork_rng(gpus):
        torch.manual_seed(int(np.random.default_rng(chance).integers(2**63)))
        for step, batch in enumerate(batches, start=number * len(batches)):
            rate = _schedule(step, settings.epochs * len(batches), settings.warmup)
            for group in run.optimiser.param_groups:
                group["lr"] = group["base"] * rate
            losses.append(_step(run, batch))
    return float(np.mean(losses))


def _step(run: _Run, batch: batching.Batch) -> float:
    """Learn from one batch, this process from its part of it; return the loss of the whole."""
    fabric, accumulate = run.fabric, run.settings.accumulate
    passes = batching.parts(
        batch, rank=fabric.global_rank, processes=fabric.world_size, accumulate=accumulate
    )
    run.stepper.zero_grad()
    total = torch.zeros((), device=fabric.device)
    for place, part in enumerate(passes, start=1):
        with fabric.no_backward_sync(run.model, enabled=place < accumulate):
            loss = _loss(run, part, n=len(batch.rows))
            fabric.backward(loss * fabric.world_size)  # gradients are averaged over processes
        total += loss.detach()
    fabric.strategy.precision.unscale_gradients(run.optimiser)  # fp16 scales the loss
    nn.utils.clip_grad_norm_(run.upper.parameters(), 1.0)
    run.stepper.step()
    return float(fabric.all_reduce(total, reduce_op="sum"))


def _loss(run: _Run, part: batching.Batch, *, n: int) -> torch.Tensor:
    """Return what part of a batch of `n` knees adds to its loss.

    Pairs for the ranking loss are formed within the part, as many as one device sees at once.
    """
    here = len(part.rows) > 0
    rows = part.rows if here else np.zeros(1, int)  # a pass without knees still has gradients
    kept = part.kept if here or part.kept is None else np.arange(part.kept.shape[1])[None]
    device, head = run.fabric.device, run.upper.head
    tokens = run.train[part.view][torch.as_tensor(rows)].float().to(device)
    read = torch.as_tensor(run.grades[rows], dtype=torch.float32, device=device)
    weights = torch.as_tensor(run.weights[rows], dtype=torch.float32, device=device)
    scores = run.model(tokens, None if kept is None else torch.as_tensor(kept, device=device))
    scores = scores.float()
    loss = (head.losses(scores, read) * weights).sum() / n
    if run.settings.ranking_weight:
        pairs = batching.ranking(head.grade(scores), read) * (len(rows) / n)
        loss = loss + run.settings.ranking_weight * pairs
    return loss if here else 0 * loss


def _tested(upper: TrainableTail, tokens: torch.Tensor, grades: np.ndarray) -> dict[str, float]:
    """Return loss and mean absolute error in people who are not learned from."""
    predicted, embedded = apply(upper, tokens.split(64))
    head, device = upper.head, next(upper.parameters()).device
    read = torch.as_tensor(grades, dtype=torch.float32, device=device)
    with torch.inference_mode():
        losses = head.losses(head.scores(torch.from_numpy(embedded).to(device)), read)
    error = float(np.mean(np.abs(predicted - grades)))
    return {"validation_loss": float(losses.mean()), "validation_mae": error}


def _stalled(rows: checkpoint.Rows, patience: int) -> bool:
    """Return whether the error has not fallen for `patience` epochs, and at least one."""
    errors = [row["validation_mae"] for row in rows]
    return bool(errors) and len(errors) - 1 - int(np.argmin(errors)) >= max(1, patience)


def _schedule(step: int, steps: int, warmup: float) -> float:
    """Return the share of the full learning rate: linear warm-up, then half a cosine."""
    first = max(1, round(warmup * steps))
    if step < first:
        return (step + 1) / first
    return 0.5 * (1 + math.cos(math.pi * (step - first) / max(1, steps - first)))
