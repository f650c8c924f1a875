"""How fast fine-tuning and embedding are: python studies/benchmarks/bench_training.py [--keep].

A ViT-B/16 with random weights, the shape of BiomedCLIP's, on one CPU thread. One run prints a
training step from cached activations, and one with half of the patches left out, beside the
published step through the whole trunk; how far the weights are apart after the same steps;
embedding from the cache beside from pictures; embedding as a share of the fastest product of
matrices; and dynamic int8. Times are CPU seconds, least of a few runs.
"""

from __future__ import annotations

import argparse
import copy
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import speed
import timm
import torch
from torch import nn
from torch.nn import functional

from kneephen_utils.encoder import augmentation, finetune
from kneephen_utils.encoder.model import Encoder

FROZEN, DROPPED, SIZE, WIDTH, TOKENS, DIMENSIONS = 6, 0.5, 224, 768, 197, 512
FLOPS = 12 * (24 * TOKENS * WIDTH**2 + 4 * TOKENS**2 * WIDTH) + 2 * 196 * WIDTH * 768
SIDE = 1536  # of the matrices by which the peak is measured


def encoder() -> Encoder:
    """Return a picture tower of BiomedCLIP's shape with random weights."""
    torch.manual_seed(0)
    trunk = timm.create_model("vit_base_patch16_224", num_classes=0)
    projection = nn.Linear(WIDTH, DIMENSIONS, bias=False)
    return Encoder(
        name="random",
        trunk=trunk.eval(),
        projection=projection,
        text=None,
        tokenize=None,
        logit_scale=1.0,
        image_size=SIZE,
        grid=14,
        dimensions=DIMENSIONS,
        channels=3,
        mean=(0.5,) * 3,
        std=(0.25,) * 3,
        others=0,
    )


def seconds(work: Callable[[], object]) -> tuple[float, Any]:
    """Return CPU seconds of a run, and what it gave."""
    start = time.process_time()
    made = work()
    return time.process_time() - start, made


def least(work: Callable[[], object], repeats: int) -> float:
    """Return the least CPU seconds of a few runs."""
    return min(seconds(work)[0] for _ in range(repeats))


def steps(
    upper: finetune.TrainableTail,
    scores: Callable[[int], torch.Tensor],
    read: torch.Tensor,
    count: int,
) -> tuple[float, dict[str, torch.Tensor]]:
    """Take so many steps from the present weights; return the least time, and the new weights."""
    before = copy.deepcopy(upper.state_dict())
    rates = finetune.param_groups(
        upper, learning_rate=3e-4, head_learning_rate=3e-3, layer_decay=1.0
    )
    optimiser = torch.optim.AdamW(rates, weight_decay=0.05)
    taken = []
    for number in range(count):

        def step(number: int = number) -> None:
            optimiser.zero_grad()
            upper.head.losses(scores(number), read).mean().backward()
            nn.utils.clip_grad_norm_(upper.parameters(), 1.0)
            optimiser.step()

        taken.append(seconds(step)[0])
    after = copy.deepcopy(upper.state_dict())
    upper.load_state_dict(before)
    return min(taken), after


def apart(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """Return the length of the difference of two sets of weights."""
    return float(torch.stack([(one[n] - other[n]).norm() for n in one]).norm())


def train(reader: Encoder, batch: int, count: int) -> list[speed.Row]:
    """Print and return how long a step takes in each way, and how far the weights end apart."""
    read = torch.arange(batch).remainder(5).float()
    upper = finetune.upper_half(reader, grades=read.numpy(), frozen_blocks=FROZEN)
    nn.init.normal_(upper.head.linear.weight, std=0.05)
    start = copy.deepcopy(upper.state_dict())
    pictures = [torch.randn(batch, 3, SIZE, SIZE) for _ in range(count)]
    exact = [augmentation.frozen_part(reader, each, FROZEN) for each in pictures]
    halved = [each.half() for each in exact]
    rng, whole = np.random.default_rng(0), round(196 * (1 - DROPPED))
    kept = torch.as_tensor(rng.random((batch, 196)).argsort(1)[:, :whole])

    published, plain = steps(
        upper,
        lambda n: upper.head.scores(reader.project(reader.trunk(pictures[n]))),
        read,
        count,
    )
    cached, rounded = steps(upper, lambda n: upper(halved[n].float()), read, count)
    _, unrounded = steps(upper, lambda n: upper(exact[n]), read, 2)
    _, two = steps(
        upper, lambda n: upper.head.scores(reader.project(reader.trunk(pictures[n]))), read, 2
    )
    dropped, _ = steps(upper, lambda n: upper(halved[n].float(), kept), read, count)
    moved = apart(plain, start)
    print(f"training step, batch {batch}: published {published:.2f} s")
    print(f"  from cached activations {cached:.2f} s, {published / cached:.2f} times as fast")
    print(
        f"  and with {100 * DROPPED:.0f} % of the patches left out {dropped:.2f} s, "
        f"{published / dropped:.2f} times as fast"
    )
    largest = max(float((two[n] - unrounded[n]).abs().max()) for n in two)
    print(f"weights after 2 steps, cached in fp32: at most {largest:.1e} apart")
    share = apart(plain, rounded) / moved
    print(f"weights after {count} steps, cached in fp16: apart {share:.4f} of the way they moved")
    loop = {"reference": "published step, through the whole trunk", "beside": published}
    left = f"cached, {100 * DROPPED:.0f} % of the patches left out"
    return [
        speed.row("training", "step from cached activations", batch, cached, **loop),
        speed.row("training", f"step, {left}", batch, dropped, **loop),
    ]


def embed(reader: Encoder, batch: int, repeats: int) -> list[speed.Row]:
    """Print and return how long embedding takes, from pictures and cache, beside the peak."""
    pictures = torch.randn(batch, 3, SIZE, SIZE)
    matrix = torch.randn(SIDE, SIDE)
    with torch.inference_mode():
        upper = finetune.upper_half(reader, grades=np.full(1, 2.0), frozen_blocks=FROZEN)
        tokens = augmentation.frozen_part(reader, pictures, FROZEN).half()
        peak = 2 * SIDE**3 / least(lambda: matrix @ matrix, 5 * repeats)
        whole = least(lambda: reader.project(reader.trunk(pictures)), repeats)
        again = least(lambda: upper.embed(tokens.float()), repeats)
        rate = batch * FLOPS / whole
        print(f"embedding: {batch / whole:.2f} pictures a second and thread")
        print(f"  {100 * rate / peak:.0f} % of the {peak / 1e9:.0f} GFLOP/s of a matrix product")
        print(f"  from the cache {whole / again:.2f} times as fast")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch is to give this up in favour of torchao
            small = torch.ao.quantization.quantize_dynamic(
                copy.deepcopy(reader.trunk), {nn.Linear}, dtype=torch.qint8
            )
        expected = reader.project(reader.trunk(pictures))
        taken = least(lambda: reader.project(small(pictures)), repeats)
        cosine = functional.cosine_similarity(reader.project(small(pictures)), expected)
        print(
            f"  dynamic int8 {whole / taken:.2f} times as fast, cosine to fp32 at least "
            f"{cosine.min():.4f}"
        )
    product = {"reference": "as many operations by a product of matrices"}
    return [
        speed.row(
            "embedding", "from pictures", batch, whole, **product, beside=batch * FLOPS / peak
        ),
        speed.row(
            "embedding", "from the cache", batch, again, reference="from pictures", beside=whole
        ),
    ]


def growth(reader: Encoder, repeats: int) -> list[speed.Row]:
    """Print and return how embedding grows with the pictures."""
    rows = []
    with torch.inference_mode():
        for batch in (1, 2, 4, 8):
            pictures = torch.randn(batch, 3, SIZE, SIZE)
            taken = least(lambda p=pictures: reader.project(reader.trunk(p)), repeats)
            rows.append(speed.row("embedding", "pictures at a time", batch, taken))
    print("embedding: " + ", ".join(f"{row['n']}: {row['seconds']:.2f} s" for row in rows))
    return rows


def main() -> None:
    """Measure and print; keep what was measured where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="into the table of the book")
    given = parser.parse_args()
    torch.set_num_threads(1)
    reader = encoder()
    rows = embed(reader, given.batch, given.steps)
    rows += train(reader, given.batch, given.steps)
    rows += growth(reader, given.steps)
    if given.keep:
        speed.keep(rows, command=speed.command())


if __name__ == "__main__":
    main()
