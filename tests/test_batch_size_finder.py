"""Pace: the fastest batch and layout are taken, and a batch without room is not."""

from __future__ import annotations

import narrow
import numpy as np
import pytest
import torch

from kneephen_utils import embedding
from kneephen_utils.encoder import batch_size_finder, embed_images


class Device:
    """A device that takes so long for a batch, and has room for so many pictures."""

    def __init__(self, *, start: float, each: float, last: float, room: int) -> None:
        self.start, self.each, self.last, self.room = start, each, last, room
        self.now = 0.0

    def clock(self) -> float:
        """Return the seconds that have gone by."""
        return self.now

    def run(self, batch: torch.Tensor) -> None:
        """Take the time a batch takes."""
        if len(batch) > self.room:
            raise torch.OutOfMemoryError("no room")
        lies = batch.is_contiguous(memory_format=torch.channels_last)
        self.now += self.start + len(batch) * self.each * (self.last if lies else 1.0)


def chosen(device: Device, pictures: int = 256) -> batch_size_finder.Pace:
    return batch_size_finder.choose(device.run, torch.zeros(pictures, 3, 4, 4), clock=device.clock)


def test_a_device_with_a_cost_of_each_batch_is_given_the_largest_it_has_room_for() -> None:
    assert chosen(Device(start=1.0, each=0.1, last=2.0, room=100)).batch_size == 64
    assert chosen(Device(start=1.0, each=0.1, last=2.0, room=1000)).batch_size == 256
    assert chosen(Device(start=1.0, each=0.1, last=2.0, room=1000), pictures=40).batch_size == 32
    assert chosen(Device(start=1.0, each=0.1, last=2.0, room=1000), pictures=5).batch_size == 5


def test_the_layout_is_the_faster_one() -> None:
    assert chosen(Device(start=1.0, each=0.1, last=0.5, room=64)).layout is torch.channels_last
    assert chosen(Device(start=1.0, each=0.1, last=2.0, room=64)).layout is torch.contiguous_format


def test_without_room_for_the_smallest_batch_nothing_is_chosen() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        chosen(Device(start=1.0, each=0.1, last=1.0, room=3))


def test_a_chosen_pace_gives_the_same_vectors() -> None:
    reader, study = narrow.encoder(), narrow.study(20)
    given, free = (embed_images(reader, study.images, batch_size=size) for size in (8, 0))
    np.testing.assert_allclose(free, given, atol=1e-5)
    assert embed_images(reader, study.images[:0], batch_size=0).shape == (0, narrow.DIMENSIONS)


def test_the_vectors_of_a_block_are_those_of_the_pictures_and_not_of_the_probe() -> None:
    reader, study = narrow.encoder(), narrow.study(20)
    given, free = (
        embedding.embed_layers(reader, study.images, study.crops, block=6, batch_size=size)["block"]
        for size in (8, 0)
    )
    assert free["knee_id"].tolist() == given["knee_id"].tolist()
    np.testing.assert_allclose(
        free.filter(like="feature_"), given.filter(like="feature_"), atol=1e-5
    )
