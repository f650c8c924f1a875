"""Train the narrow encoder on one or several processes: python tests/together.py FOLDER DEVICES.

Rank 0 leaves weights and history in the folder. `slow` as a third word makes every epoch
last, so that a test can kill the training in between.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path

import narrow
import torch
from safetensors.torch import save_file

from kneephen_utils import grading
from kneephen_utils.encoder import checkpoint, distributed

SETTINGS = dataclasses.replace(
    narrow.SETTINGS, epochs=3, batch_size=13, patch_dropout=0.25, balance="weights", accumulate=2
)


def main(folder: Path, count: int, *, slow: bool) -> None:
    """Train and save."""
    torch.set_num_threads(1)
    if slow:
        original = checkpoint.save

        def save(path: Path, **state: object) -> None:
            original(path, **state)  # type: ignore[arg-type]
            time.sleep(3)

        checkpoint.save = save
    fabric = distributed.fabric(devices=count, precision="fp32")
    fabric.launch()
    study = narrow.study(80)
    known = grading.pictured(study.crops, study.knees, study.participants)
    upper, history = grading.fit(
        narrow.encoder(),
        study.images,
        known,
        settings=SETTINGS,
        artefacts=folder,
        cache_gb=1.0,
        fabric=fabric,
    )
    reader = narrow.encoder()
    grades, vectors = grading.apply(
        reader, upper, study.images, known, settings=SETTINGS, fabric=fabric
    )
    if fabric.is_global_zero:
        grades.merge(vectors, on="knee_id").to_parquet(folder / "embedded.parquet")
        history.to_parquet(folder / "history.parquet")
        save_file({k: v.contiguous() for k, v in upper.state_dict().items()}, folder / "weights")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), slow="slow" in sys.argv)
