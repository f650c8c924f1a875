"""Pretrain: teach the small encoder to see rendered knees.

First where the joint space is, patch by patch, and how wide, spurred and dense the knee
is; then, keeping that, which sentence belongs to which picture. Without the dense target
the same training takes many times as long; pictures and sentences alone do not start.

    python -m studies.pretrain

Its seeds are those of no demonstration and no test.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from kneephen_utils.encoder import prompts, tiny_clip
from kneephen_utils.encoder.model import Encoder
from oai_twin import film, participant_model

PIXELS, REGION = 224, 140.0
TARGETS = ["jsw_medial", "jsw_lateral", "osteophyte_femur_medial", "osteophyte_femur_lateral"]
TARGETS += ["osteophyte_tibia_medial", "osteophyte_tibia_lateral", "sclerosis_medial"]
TARGETS += ["sclerosis_lateral", "alignment", "texture", "kl_true"]
HEALTHY = {"medial": 0.0625, "lateral": 0.080}  # joint-space width as a share of femoral width


@dataclass
class Lessons:
    """Pictures and what is true of them."""

    images: torch.Tensor  # (n, 1, 112, 112), normalised
    joint: torch.Tensor  # (n, 196), share of each patch that is joint space
    truth: torch.Tensor  # (n, targets), standardised
    sentences: list[str]


def render(knees: pd.DataFrame, *, seed: int, workers: int) -> tuple[np.ndarray, np.ndarray]:
    """Render crops of `knees`: pictures (n, 224, 224) and joint-space masks, as bytes."""
    made = Parallel(n_jobs=workers)(
        delayed(film.crop_of)(knee, pixels=PIXELS, region=REGION, seed=seed + place)
        for place, (_, knee) in enumerate(tqdm(list(knees.iterrows()), desc="rendering"))
    )
    return np.stack([image for image, _ in made]), np.stack([mask for _, mask in made])


def lessons(
    encoder: Encoder, knees: pd.DataFrame, images: np.ndarray, masks: np.ndarray
) -> Lessons:
    """Make tensors of pictures, masks, standardised features and sentences."""
    truth = knees[TARGETS].to_numpy(np.float32)
    truth = (truth - truth.mean(0)) / np.maximum(truth.std(0), 1e-6)
    joint = functional.avg_pool2d(
        torch.from_numpy(masks).float()[:, None], PIXELS // tiny_clip.GRID
    )
    pictures = torch.cat([encoder.prepare(images[i : i + 64]) for i in range(0, len(images), 64)])
    return Lessons(
        pictures,
        joint.flatten(1),
        torch.from_numpy(truth),
        [sentence(knee) for _, knee in knees.iterrows()],
    )


def sentence(knee: pd.Series) -> str:
    """Describe a rendered knee in the words of `prompts`, with its texture and alignment."""
    findings = knee.to_dict()
    for side, share in HEALTHY.items():
        width = knee[f"jsw_{side}"] / (share * knee["femoral_width"])
        findings[f"jsn_{side}"] = float(np.clip(3 * (1 - width), 0, 3))
    texture = "coarse" if knee["texture"] > 0.5 else "fine"
    return f"{prompts.narrative(findings)}, {texture} trabecular texture"


def augmented(images: torch.Tensor, joint: torch.Tensor, generator: torch.Generator) -> Any:
    """Turn, shift, scale and expose a batch a little; never mirror it."""
    n = len(images)
    draw = torch.randn(n, 6, generator=generator)
    angle, scale = draw[:, 0] * 0.05, 1 + draw[:, 1] * 0.04
    turn = torch.stack([torch.cos(angle), -torch.sin(angle)], 1) * scale[:, None]
    other = torch.stack([torch.sin(angle), torch.cos(angle)], 1) * scale[:, None]
    theta = torch.stack([turn, other], 1)
    theta = torch.cat([theta, (draw[:, 2:4] * 0.03)[:, :, None]], 2)
    moved = functional.affine_grid(
        theta, [n, 1, tiny_clip.SIZE, tiny_clip.SIZE], align_corners=False
    )
    images = functional.grid_sample(images, moved, padding_mode="border", align_corners=False)
    grid = functional.affine_grid(
        theta, [n, 1, tiny_clip.GRID, tiny_clip.GRID], align_corners=False
    )
    joint = functional.grid_sample(
        joint.view(n, 1, tiny_clip.GRID, tiny_clip.GRID), grid, align_corners=False
    )
    gain, offset = 1 + 0.12 * draw[:, 4], 0.15 * draw[:, 5]
    images = images * gain.view(-1, 1, 1, 1) + offset.view(-1, 1, 1, 1)
    noise = 0.06 * torch.randn(images.shape, generator=generator)
    return images + noise, joint.flatten(1)


def train(
    encoder: Encoder, taught: Lessons, *, steps: int, batch: int, seed: int
) -> tuple[Encoder, float]:
    """Train; pictures meet sentences after a third of the steps.

    Returns
    -------
    The encoder, changed in place but for its logit scale, and the last loss.
    """
    assert encoder.tokenize is not None
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    heads = nn.ModuleDict(
        {"joint": nn.Linear(tiny_clip.WIDTH, 1), "truth": nn.Linear(tiny_clip.WIDTH, len(TARGETS))}
    )
    scale = nn.Parameter(torch.tensor(math.log(10.0)))
    modules = nn.ModuleList([*tiny_clip.parts(encoder).values(), heads])
    modules.requires_grad_(requires_grad=True)
    encoder.trunk.pos_embed.requires_grad_(requires_grad=False)
    weights = [p for p in modules.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW([*weights, scale], lr=1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=1e-3, total_steps=steps, pct_start=0.08, anneal_strategy="cos"
    )
    tokens = encoder.tokenize(taught.sentences)
    progress = tqdm(range(steps), desc="training")
    for step in progress:
        rows = torch.randint(len(taught.images), (batch,), generator=generator)
        images, joint = augmented(taught.images[rows], taught.joint[rows], generator)
        features = encoder.trunk.forward_features(images)  # (batch, 1 + 196, width)
        loss = _measures(heads, features, joint, taught.truth[rows])
        if step >= steps // 3:
            loss = loss + 0.3 * _contrast(encoder, features[:, 0], tokens[rows], scale)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        schedule.step()
        if step % 25 == 0:
            progress.set_postfix(loss=f"{loss.item():.3f}")
    return replace(encoder, logit_scale=float(scale.detach().exp())), loss.item()


def _measures(
    heads: nn.ModuleDict, features: torch.Tensor, joint: torch.Tensor, truth: torch.Tensor
) -> torch.Tensor:
    """Return the loss of seeing where the joint space is and what is true of the knee."""
    seen = heads["joint"](features[:, 1:]).squeeze(-1)
    where = functional.binary_cross_entropy_with_logits(seen, joint)
    return 4 * where + functional.mse_loss(heads["truth"](features[:, 0]), truth)


def _contrast(
    encoder: Encoder, pooled: torch.Tensor, tokens: torch.Tensor, scale: torch.Tensor
) -> torch.Tensor:
    """Return the loss of telling which sentence belongs to which picture, both ways."""
    assert encoder.text is not None
    pictures = encoder.project(pooled)
    sentences = functional.normalize(encoder.text(tokens), dim=-1)
    logits = scale.exp().clamp(max=100) * pictures @ sentences.T
    same = (tokens[:, None] == tokens[None]).all(-1).float()  # equal sentences are all right
    target = same / same.sum(1, keepdim=True)
    both = functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)
    return both / 2


def save(encoder: Encoder, folder: Path, *, lessons_taught: dict[str, Any]) -> None:
    """Write weights in half precision, vocabulary, and scale with what the training was."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        f"{part}.{name}": value.detach().half().contiguous()
        for part, module in tiny_clip.parts(encoder).items()
        for name, value in module.state_dict().items()
    }
    save_file(state, folder / "model.safetensors")
    words = prompts.vocabulary()
    (folder / "vocabulary.json").write_text(json.dumps(words, indent=0) + "\n", encoding="utf-8")
    settings = {"logit_scale": round(encoder.logit_scale, 4)} | lessons_taught
    (folder / "settings.json").write_text(json.dumps(settings) + "\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> None:
    """Render, train and save, as the command line asks."""
    given = _parser().parse_args(argv)
    drawn = participant_model.draw(participants=given.knees // 2, seed=given.seed, planted=True)[
        "knees"
    ]
    knees = balanced(drawn, given.seed)
    if given.cache and given.cache.exists():
        kept = np.load(given.cache, mmap_mode="r")
        images, masks = np.array(kept[0]), np.array(kept[1]).astype(bool)
    else:
        images, masks = render(knees, seed=given.seed, workers=given.workers)
        if given.cache:
            np.save(given.cache, np.stack([images, masks.astype(np.uint8)]))
    torch.manual_seed(given.seed)
    encoder = tiny_clip.build(prompts.vocabulary())
    taught = lessons(encoder, knees, images, masks)
    asked = {"steps": given.steps, "batch": given.batch, "seed": given.seed}
    encoder, loss = train(encoder, taught, **asked)
    save(encoder, given.out, lessons_taught={"knees": given.knees} | asked | {"loss": loss})
    print(f"The encoder is in {given.out}; its last loss was {loss:.3f}.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--knees", type=int, default=4000)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seed", type=int, default=900_001)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=tiny_clip.FOLDER)
    parser.add_argument("--cache", type=Path, help="file that keeps the rendered crops")
    return parser


def balanced(knees: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return as many knees, drawn so that rare grades and phenotypes are not rare."""
    size = knees.groupby(["kl_true", "phenotype"])["knee_id"].transform("size")
    weights = 1 / np.sqrt(size)
    rng = np.random.default_rng([seed, 7])
    rows = rng.choice(len(knees), size=len(knees), p=(weights / weights.sum()).to_numpy())
    return knees.iloc[rows].reset_index(drop=True)


if __name__ == "__main__":
    main()
