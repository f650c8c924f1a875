"""Eight: rounded weights change vectors a little, and leave what they were made from alone."""

from __future__ import annotations

import copy
import dataclasses

import narrow
import numpy as np
import pytest
import torch

from kneephen_utils import grading
from kneephen_utils.encoder import embed_images, finetune, quantization

GRADES = np.array([0.0, 2.0, 4.0])


def test_rounded_weights_change_a_vector_a_little_but_do_change_it() -> None:
    reader, study = narrow.encoder(), narrow.study(10)
    before = copy.deepcopy(reader.trunk.state_dict())
    exact = embed_images(reader, study.images, batch_size=8)
    again = embed_images(quantization.rounded(reader), study.images, batch_size=8)
    cosine = (exact * again).sum(axis=1)
    assert cosine.min() > 0.98
    assert cosine.max() < 1 - 1e-7
    assert all(
        torch.equal(value, before[name]) for name, value in reader.trunk.state_dict().items()
    )


def test_grades_of_rounded_weights_are_close_and_the_trained_half_stays_as_it_was() -> None:
    study, settings = narrow.study(40), dataclasses.replace(narrow.SETTINGS, epochs=2)
    known = grading.pictured(study.crops, study.knees, study.participants)
    reader = narrow.encoder()
    upper, _ = grading.fit(reader, study.images, known, settings=settings)
    exact, rounded, after = (
        grading.apply(reader, upper, study.images, known, settings=settings, int8=int8)[0]
        for int8 in (False, True, False)
    )
    moved = (exact["kl_predicted"] - rounded["kl_predicted"]).abs()
    assert 0 < moved.max() < 0.3
    assert exact.equals(after)


def test_weights_on_a_gpu_are_not_rounded() -> None:
    reader = narrow.encoder()
    upper = finetune.upper_half(reader, grades=GRADES, frozen_blocks=6)
    reader.projection.to("meta")  # stands for any device that is not the CPU
    with pytest.raises(ValueError, match="8-bit weights are for the CPU"):
        quantization.rounded(reader)
    with pytest.raises(ValueError, match="8-bit weights are for the CPU"):
        quantization.rounded_half(upper.to("meta"))
