"""TFRecords that several trainers read: each example once an epoch, by one of them."""

import collections
import contextlib
import io
import itertools

import numpy as np
import pytest
from PIL import Image

from legacy_nets.data.records.example import make_example
from legacy_nets.data.records.load import load_records
from legacy_nets.data.records.tfrecord import write_record
from legacy_nets.train.batches import Share, prefetch, read_training_batches

SHARDS = (7, 1, 12, 3)
COUNT = sum(SHARDS)
EPOCHS = 2


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """Uneven shards; the colour of a picture is its number, which its label is not."""
    folder = tmp_path_factory.mktemp("records")
    numbers = iter(range(COUNT))
    for split, sizes in (("train", SHARDS), ("validation", (1,))):
        for shard, size in enumerate(sizes):
            name = f"numbers_{split}-{shard:05}-of-{len(sizes):05}.tfrecord"
            with open(folder / name, "wb") as file:
                for number in itertools.islice(numbers if split == "train" else iter([0]), size):
                    encoded = io.BytesIO()
                    Image.new("RGB", (8, 8), (number, 0, 255)).save(encoded, "PNG")
                    write_record(file, make_example(encoded.getvalue(), "png", number % 2, (8, 8)))
    return load_records(folder).train.resize("unit", (8, 8), 3)


def read(split, share, batch_size, steps, first_step=0):
    """Reads so many batches of a share, as a trainer does: the numbers in each."""
    batches = prefetch(
        read_training_batches(split, batch_size, seed=5, first_step=first_step, share=share)
    )
    with contextlib.closing(batches):
        read = list(itertools.islice(batches, steps))
    for pictures, labels in read:
        assert (pictures[:, ..., 2] == 255).all()
        np.testing.assert_array_equal(pictures[:, 0, 0, 0] % 2, labels)
    return [pictures[:, 0, 0, 0].astype(int).tolist() for pictures, _ in read]


@pytest.mark.parametrize(
    ("trainers", "batch_size", "sizes"),
    [
        (2, 4, [[4, 4, 4], [4, 4, 3]]),
        (2, 11, [[11, 1], [10, 1]]),  # of 12 and 11
        (3, 4, [[4, 4], [4, 4], [4, 3]]),
        (3, 7, [[7, 1], [7, 1], [6, 1]]),  # of 8, 8 and 7
        (3, 100, [[8], [8], [7]]),
    ],
)
def test_each_example_once_an_epoch(split, trainers, batch_size, sizes):
    steps = len(sizes[0])
    shares = [
        read(split, Share(index, trainers), batch_size, EPOCHS * steps) for index in range(trainers)
    ]
    assert [[len(batch) for batch in share[:steps]] for share in shares] == sizes
    epochs = []
    for epoch in range(EPOCHS):
        batches = [batch for share in shares for batch in share[epoch * steps :][:steps]]
        counted = collections.Counter(itertools.chain.from_iterable(batches))
        assert counted == dict.fromkeys(range(COUNT), 1)
        epochs.append(batches)
    assert epochs[0] != epochs[1]  # in another order
    again = read(split, Share(1, trainers), batch_size, steps, first_step=1)
    assert again == shares[1][1 : 1 + steps]  # a trainer that is started again


def test_batches_of_one_picture(split):
    """Every trainer takes every step: those without a picture for the last one repeat theirs."""
    shares = [read(split, Share(index, 2), 1, 12) for index in range(2)]
    first, second = (list(itertools.chain.from_iterable(share)) for share in shares)
    assert sorted([*first, *second[:-1]]) == list(range(COUNT))
    assert second[-1] == second[-2]
