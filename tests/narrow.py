"""An encoder of twelve narrow blocks, and knees whose grade is the brightness of their picture."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import zarr
from lightning.fabric import Fabric
from lightning.fabric.plugins import MixedPrecision
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from kneephen_utils.encoder import Encoder, augmentation, finetune, trainer

SIZE, WIDTH, DIMENSIONS = 32, 24, 16
SPLITS = ["train", "train", "discover", "confirm"]
SETTINGS = trainer.Settings(
    batch_size=16,
    epochs=4,
    learning_rate=1e-3,
    head_learning_rate=1e-2,
    layer_decay=1.0,
    weight_decay=0.05,
    warmup=0.1,
    patience=4,
    views=1,
    head="sigmoid",
    balance="none",
    ranking_weight=0.0,
    patch_dropout=0.0,
    frozen_blocks=6,
    accumulate=1,
    precision="fp32",
    compiler="none",
    seed=3,
)


def encoder(seed: int = 0, *, dropout: float = 0.0) -> Encoder:
    """Return an encoder with random weights; the same seed gives the same weights."""
    torch.manual_seed(seed)
    trunk = VisionTransformer(
        img_size=SIZE,
        patch_size=8,
        in_chans=1,
        num_classes=0,
        embed_dim=WIDTH,
        depth=12,
        num_heads=2,
        proj_drop_rate=dropout,
    )
    projection = nn.Linear(WIDTH, DIMENSIONS, bias=False)
    for module in (trunk, projection):
        module.eval().requires_grad_(requires_grad=False)
    return Encoder(
        name="narrow",
        trunk=trunk,
        projection=projection,
        text=None,
        tokenize=None,
        logit_scale=10.0,
        image_size=SIZE,
        grid=SIZE // 8,
        dimensions=DIMENSIONS,
        channels=1,
        mean=(0.5,),
        std=(0.25,),
        others=1,
    )


def half_precision(*, scale: float = 2.0**10, growth: int = 2000) -> Fabric:
    """Return what trains in fp16 as a GPU would; the loss is scaled, more every `growth` steps."""
    scaler = torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=growth)
    return Fabric(accelerator="cpu", plugins=MixedPrecision("16-mixed", "cpu", scaler))


class Study(NamedTuple):
    """Pictures and the tables about them; both knees of a person are pictured."""

    images: zarr.Array
    crops: pd.DataFrame
    knees: pd.DataFrame
    participants: pd.DataFrame


def study(people: int, *, seed: int = 0, ungraded: int = 0) -> Study:
    """Return `people` with two knees each; the first `ungraded` knees were never graded."""
    rng = np.random.default_rng(seed)
    n = 2 * people
    grade = rng.integers(5, size=n)
    level = 0.2 + 0.15 * grade[:, None, None] + rng.normal(0, 0.05, (n, SIZE, SIZE))
    pictures = (255 * np.clip(level, 0, 1)).astype(np.uint8)
    ids = [f"{9_000_000 + person}" for person in range(people)]
    owner = np.repeat(ids, 2)
    side = np.tile(["right", "left"], people)
    knee_ids = [f"{person}-{one[0].upper()}" for person, one in zip(owner, side, strict=True)]
    exposure = level.mean(axis=(1, 2))
    place = rng.permutation(n)  # pictures lie in another order than the tables
    stored = np.empty_like(pictures)
    stored[place] = pictures
    key = {"knee_id": knee_ids, "participant_id": owner, "side": side}
    read = pd.array(grade, dtype="Int64")
    read[:ungraded] = pd.NA
    return Study(
        zarr.array(stored),
        pd.DataFrame({"knee_id": knee_ids, "status": "ok", "image": place, "exposure": exposure}),
        pd.DataFrame(
            {
                **key,
                "kl_grade": read,
                "jsw_medial": 5.0 - 0.8 * grade + rng.normal(0, 0.3, n),
                "jsw_lateral": 6.0 + rng.normal(0, 0.5, n),
            }
        ),
        pd.DataFrame(
            {
                "participant_id": ids,
                "split": [SPLITS[place % 4] for place in range(people)],
                "site": ["AB"[place // 4 % 2] for place in range(people)],
            }
        ),
    )


def trained(
    study: Study,
    settings: trainer.Settings = SETTINGS,
    kept_in: Path | None = None,
    *,
    dropout: float = 0.0,
) -> tuple[Encoder, finetune.TrainableTail, pd.DataFrame]:
    """Tune a fresh encoder: the first two thirds of the knees teach, the others choose."""
    reader = encoder(dropout=dropout)
    rows, grades = study.crops["image"].to_numpy(), study.knees["kl_grade"].to_numpy(float)
    first = 2 * len(rows) // 3
    upper = finetune.upper_half(
        reader, grades=grades[:first], frozen_blocks=settings.frozen_blocks, head=settings.head
    )
    how = {"frozen_blocks": settings.frozen_blocks, "seed": settings.seed}
    seen = augmentation.cache(reader, study.images, rows[:first], views=settings.views, **how)
    plain = augmentation.cache(reader, study.images, rows[first:], views=0, **how)[0]
    history = trainer.fit(
        upper, seen, grades[:first], plain, grades[first:], settings=settings, kept_in=kept_in
    )
    return reader, upper, history
