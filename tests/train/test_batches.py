"""Batches: order, augmentation, prefetching."""

import itertools

import numpy as np
import pytest

from legacy_nets.data.augmentation import Augmentation
from legacy_nets.data.splits import Images
from legacy_nets.errors import BadInputError
from legacy_nets.train.batches import Share, prefetch, read_training_batches

STILL = Augmentation(shift=0, zoom=0, rotate=0, flip=False, brightness=0)


def numbered(count):
    pictures = np.zeros((count, 8, 6, 3), np.uint8)
    pictures[:] = np.random.RandomState(0).randint(0, 256, (count, 8, 6, 3))
    return Images(pictures, np.arange(count))


def take(batches, count):
    return [batch.labels.tolist() for batch in itertools.islice(batches, count)]


def test_an_epoch_holds_every_image_once_and_the_next_one_in_another_order():
    batches = take(read_training_batches(numbered(10), 4, 0), 6)
    assert [len(batch) for batch in batches] == [4, 4, 2, 4, 4, 2]
    first, second = sum(batches[:3], []), sum(batches[3:], [])
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second


def test_the_batch_of_a_step_depends_on_seed_and_step_alone():
    images = numbered(10)
    whole = list(itertools.islice(read_training_batches(images, 4, 3, Augmentation()), 9))
    for start in (1, 3, 4, 8):
        late = next(read_training_batches(images, 4, 3, Augmentation(), first_step=start))
        assert late.labels.tolist() == whole[start].labels.tolist()
        assert late.pictures.tobytes() == whole[start].pictures.tobytes()
    assert take(read_training_batches(images, 4, 4), 3) != take(
        read_training_batches(images, 4, 3), 3
    )


def test_augmentation():
    images = numbered(6)
    [batch] = itertools.islice(read_training_batches(images, 6, 0, STILL), 1)
    assert (batch.pictures == images.pictures[batch.labels]).all()  # zeros change nothing
    flipping = Augmentation(shift=0, zoom=0, rotate=0, flip=True, brightness=0)
    seen = set()
    for batch in itertools.islice(
        read_training_batches(images, 6, 0, flipping, mirror_classes=frozenset({1, 2})), 20
    ):
        for picture, label in zip(batch.pictures, batch.labels, strict=True):
            original = images.pictures[label]
            mirrored = (picture == original[:, ::-1]).all()
            assert mirrored or (picture == original).all()
            seen.add((int(label), bool(mirrored)))
    assert {label for label, mirrored in seen if mirrored} == {1, 2}
    assert {label for label, mirrored in seen if not mirrored} == set(range(6))


def test_every_frame_of_a_clip_is_augmented_alike():
    frame = np.random.RandomState(0).randint(0, 256, (8, 6, 3)).astype(np.uint8)
    clips = Images(np.stack([[frame] * 4] * 3), np.zeros(3, np.int64))
    augment = Augmentation(shift=0.2, zoom=0.1, rotate=20, brightness=0.2)
    [batch] = itertools.islice(
        read_training_batches(clips, 3, 0, augment, mirror_classes=frozenset({0})), 1
    )
    assert batch.pictures.shape == (3, 4, 8, 6, 3) and batch.pictures.dtype == np.uint8
    assert (batch.pictures == batch.pictures[:, :1]).all()
    assert (batch.pictures[0] != batch.pictures[1]).any()
    assert (batch.pictures[0] != clips.pictures[0]).any()


def test_shift_moves_and_brightness_lights():
    picture = np.zeros((1, 20, 20, 3), np.uint8)
    picture[0, 8:12, 8:12] = 200
    shifting = Augmentation(shift=0.2, zoom=0, rotate=0, flip=False, brightness=0)
    lighting = Augmentation(shift=0, zoom=0, rotate=0, flip=False, brightness=0.2)
    one = Images(picture, np.zeros(1, np.int64))
    centres, lights = [], []
    for batch in itertools.islice(read_training_batches(one, 1, 0, shifting), 40):
        weight = batch.pictures[0, :, :, 0].astype(float)
        centres.append(weight.sum(0) @ np.arange(20) / weight.sum())
    for batch in itertools.islice(read_training_batches(one, 1, 0, lighting), 40):
        lights.append(int(batch.pictures[0, 10, 10, 0]))
    assert max(centres) <= 9.5 + 4.01 and min(centres) >= 9.5 - 4.01
    assert max(centres) - min(centres) > 5
    assert 100 < min(lights) < 190 and 210 < max(lights) <= 255


def test_prefetch_keeps_order_raises_and_stops():
    assert list(prefetch(iter([1, 2, 3]))) == [1, 2, 3]

    def failing():
        yield 1
        raise BadInputError("broken picture")

    batches = prefetch(failing())
    assert next(batches) == 1
    with pytest.raises(BadInputError, match="broken picture"):
        next(batches)
    endless = prefetch(itertools.count())
    assert next(endless) == 0
    endless.close()  # joins its thread, or this test would hang


@pytest.mark.parametrize(("pictures", "replicas", "batch"), [(48, 2, 8), (50, 3, 8), (7, 5, 4)])
def test_shares_of_replicas_make_up_each_epoch(pictures, replicas, batch):
    labels = np.arange(pictures)
    split = Images(np.zeros((pictures, 1, 1, 1), np.uint8), labels)
    counts = np.zeros((2, pictures), int)
    for index in range(replicas):
        steps = -(-len(range(0, pictures, replicas)) // batch)  # of the largest share, for all
        batches = read_training_batches(split, batch, seed=3, share=Share(index, replicas))
        for epoch in range(2):
            for _ in range(steps):
                counts[epoch, next(batches).labels] += 1
    assert (counts == 1).all()


def test_batches_of_two_replicas_are_the_halves_of_one():
    split = Images(np.zeros((64, 1, 1, 1), np.uint8), np.arange(64))
    single = read_training_batches(split, 16, seed=1)
    halves = [read_training_batches(split, 8, seed=1, share=Share(i, 2)) for i in range(2)]
    for _ in range(8):
        both = np.concatenate([next(half).labels for half in halves])
        assert sorted(both) == sorted(next(single).labels)


def test_a_share_without_pictures_is_refused():
    split = Images(np.zeros((2, 1, 1, 1), np.uint8), np.arange(2))
    with pytest.raises(BadInputError, match="2 pictures are too few for 3 workers"):
        next(read_training_batches(split, 1, seed=0, share=Share(2, 3)))
