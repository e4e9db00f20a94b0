"""Pictures/s of reading TFRecords to train: as ``train`` does, by Pillow, and by TFRecordDataset.

``python scripts/bench/record_reading.py`` writes 2,000 JPEGs of 400x300 into 8 files, and reads
them at 224x224 in batches of 32, by turns. TFRecordDataset has a shuffle buffer, and crops nothing.
"""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from legacy_nets.data.dataset import ImageData, resize_data
from legacy_nets.data.open import open_data
from legacy_nets.data.records.example import make_example
from legacy_nets.data.records.tfrecord import write_record
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.types import Array, Tensor

COUNT, FILES, BATCH, SIZE = 2000, 8, 32, (224, 224)
MEASURED, TURNS = 1600, 3


def write_pictures(folder: Path) -> None:
    """Writes pictures with soft edges."""
    rng = np.random.default_rng(0)
    names = [f"train-{n:05}-of-{FILES:05}" for n in range(FILES)] + ["validation-00000-of-00001"]
    for name in names:
        with open(folder / name, "wb") as file:
            for number in range(COUNT // FILES if name.startswith("train") else BATCH):
                small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
                jpeg = io.BytesIO()
                small.resize((400, 300), Image.Resampling.BICUBIC).save(jpeg, "JPEG", quality=85)
                write_record(file, make_example(jpeg.getvalue(), "jpg", number % 5, (300, 400)))


def read_in_order(data: ImageData) -> Iterator[Array]:
    """Reads the training split by Pillow, in threads."""
    order = np.arange(COUNT)
    for images in data.train.read([order[n : n + BATCH] for n in range(0, COUNT, BATCH)]):
        yield images.pictures


def read_by_dataset(folder: Path) -> Iterator[Array]:
    """Reads the files by TFRecordDataset, one after the other."""
    from legacy_nets import tf1 as tf

    def parse(record: Tensor) -> Tensor:
        feature = {"image/encoded": tf.io.FixedLenFeature([], tf.string)}
        encoded = tf.io.parse_single_example(record, feature)["image/encoded"]
        picture = tf.image.resize_bilinear(tf.image.decode_jpeg(encoded, 3)[None], SIZE)[0]
        return tf.cast(picture, tf.uint8)

    cores = tf.data.experimental.AUTOTUNE
    with tf.Graph().as_default(), tf.Session() as session:
        records = tf.data.TFRecordDataset(sorted(map(str, folder.glob("train-*")))).shuffle(500)
        batches = records.repeat().map(parse, cores).batch(BATCH).prefetch(2)
        batch = tf.data.make_one_shot_iterator(batches).get_next()
        while True:
            yield session.run(batch)


def measure(batches: Iterator) -> float:
    """Returns the pictures a second after the first batch."""
    next(batches)
    start = time.perf_counter()
    for number, _ in enumerate(batches, 1):
        if number * BATCH >= MEASURED:
            break
    return MEASURED / (time.perf_counter() - start)


def main() -> None:
    """Prints a line a turn."""
    quiet_tensorflow(uses_onednn=True)  # as the command train does
    from legacy_nets.train.batches import prefetch, read_training_batches

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_pictures(folder)
        data = resize_data(open_data(folder, None), "inception", SIZE)
        for _ in range(TURNS):
            training = prefetch(read_training_batches(data.train, BATCH, seed=0))
            ways = {
                "train": training,
                "Pillow": read_in_order(data),
                "TFRecordDataset": read_by_dataset(folder),
            }
            print(*(f"{way} {measure(batches):,.0f}" for way, batches in ways.items()), sep="  ")
            training.close()


if __name__ == "__main__":
    main()
