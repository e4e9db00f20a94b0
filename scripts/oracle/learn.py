"""Results of tf.contrib.learn's data, texts and HParams, in TensorFlow 1.15.5 and in ours.

    python learn.py FOLDER           # prints JSON
    python learn.py FOLDER --golden [--write]

FOLDER gets MNIST files of random pixels, and a saved VocabularyProcessor.
"""

import gzip
import json
import os
import struct
import sys

import golden_files
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "..", "tests", "golden", "tf1_learn.json")
DOCUMENTS = (
    "The quick brown fox's HTMLParser jumps",
    "the quick don't jump-over",
    "",
    "Ünïcode wörds the the",
    "aa bb aa cc bb aa",
)
# Each is tried on HParams(a=1, b=2.5, c="x", d=[1, 2], e=True, f=None).
SETTINGS = (
    ("parse", "a=3,b=1e-3,c=hello,d=[4,5],e=false"),
    ("parse", "a=2.5"),
    ("parse", "zz=1"),
    ("parse", "a=1,a=2"),
    ("set_hparam", "b", 3),
    ("set_hparam", "a", 2.5),
    ("set_hparam", "d", 3),
    ("set_hparam", "a", [3]),
    ("set_hparam", "e", 1),
    ("set_hparam", "a", True),
    ("set_hparam", "c", 3),
    ("set_hparam", "q", 3),
    ("set_hparam", "f", 3),
    ("add_hparam", "a", 1),
    ("add_hparam", "l", []),
    ("add_hparam", "values", 1),
    ("del_hparam", "a"),
    ("get", "a"),
    ("get", "a", 2.5),
    ("get", "d", 3),
    ("get", "zz", 3),
    ("parse_json", '{"a": 7, "d": [9]}'),
    ("override_from_dict", {"a": "x"}),
)
TYPES = {"a": int, "b": float, "c": str, "d": int, "e": bool}
VALUES = (
    "a=1,d[0]=3,d[2]=4",
    "d[0]=1,d[0]=2",
    "d=[1,2],d[0]=1",
    "d[0]=1,d=[1,2]",
    "d[1]=[1,2]",
    "a=1,zz=3,b=2",
    "e=1,c=a b",
    "e=maybe",
    "a",
    "a= 1, b = 2.",
    "c=",
    "d=[1 2,3]",
)


def write_mnist(folder):
    """25 training and 6 test images."""
    rng = np.random.RandomState(0)
    for half, count in (("train", 25), ("t10k", 6)):
        images = rng.randint(0, 256, (count, 28, 28)).astype(np.uint8)
        labels = rng.randint(0, 10, count).astype(np.uint8)
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            head = struct.pack(">%dI" % (1 + array.ndim), 2048 + array.ndim, *array.shape)
            with gzip.open("%s/%s-%s-ubyte.gz" % (folder, half, name), "wb") as file:
                file.write(head + array.tobytes())


def checked(array):
    """A weighted sum, shape and type of an array."""
    array = np.asarray(array)
    weights = 1 + np.arange(array.size).reshape(array.shape) % 97
    return [round(float(np.sum(array * weights)), 3), list(array.shape), str(array.dtype)]


def batches(data, sizes, **options):
    return [checked(array) for size in sizes for array in data.next_batch(size, **options)]


def mnist(tf, folder):
    """Batches with a seed, with numpy's, and with the graph's."""
    from tensorflow.examples.tutorials.mnist import input_data

    read = input_data.read_data_sets
    seeded = read(folder, validation_size=5, seed=3)
    found = {
        "seed": batches(seeded.train, [7, 7, 7, 30]) + batches(seeded.test, [4]),
        "in order": batches(seeded.validation, [3, 3], shuffle=False),
        "epochs": [seeded.train.epochs_completed, seeded.train.num_examples],
        "fake": read("none", fake_data=True, one_hot=True).train.next_batch(2, True)[1],
    }
    raw = read(folder, one_hot=True, reshape=False, dtype=tf.uint8, validation_size=0)
    np.random.seed(5)
    found["numpy's seed"] = batches(raw.train, [7, 40, 1])
    with tf.Graph().as_default():
        tf.set_random_seed(9)
        found["graph's seed"] = batches(read(folder, validation_size=3).train, [9])
    return found


def texts(tf, folder):
    """Vocabularies, with and without rare words, and the other processors."""
    made = tf.contrib.learn.preprocessing
    every = made.VocabularyProcessor(5)
    often = made.VocabularyProcessor(5, min_frequency=1)
    nan = float("nan")
    found = {
        "every": np.array(list(every.fit_transform(DOCUMENTS))).tolist(),
        "reversed": list(every.reverse(every.transform(["the lazy fox"]))),
        "words": len(every.vocabulary_),
        "often": np.array(list(often.fit_transform(DOCUMENTS))).tolist(),
        "numbers": often.vocabulary_._mapping,
        "bytes": [row.tolist() for row in made.ByteProcessor(8).transform(DOCUMENTS)],
    }
    often.save(folder + "/vocabulary")
    for share, rows in ((False, [["a", 1.0], ["b", nan], ["a", 2.0]]), (True, ["ab", "bc"])):
        processor = made.CategoricalProcessor(share=share)
        rows = np.array(list(processor.fit_transform([list(row) for row in rows])))
        found["categories %s" % share] = rows.tolist()
    return found


def call_and_describe(function, *arguments):
    """What a call returns, or raises."""
    try:
        return repr(function(*arguments))
    except (KeyError, TypeError, ValueError) as error:
        return type(error).__name__ + ": " + str(error)


def settings(tf):
    """HParams and parse_values."""
    training = tf.contrib.training
    found = []
    for method, *arguments in SETTINGS:
        held = training.HParams(a=1, b=2.5, c="x", d=[1, 2], e=True, f=None)
        found.append([call_and_describe(getattr(held, method), *arguments), held.to_json(), str(held)])
    parsed = [call_and_describe(training.parse_values, text, TYPES) for text in VALUES]
    return {"hparams": found, "parsed": parsed,
            "unknown": training.parse_values("a=1,zz=3,b=2", TYPES, True)}  # fmt: skip


def main(folder):
    """See above."""
    import tensorflow as tf

    tf.logging.set_verbosity(tf.logging.ERROR)
    write_mnist(folder)
    answer = {"mnist": mnist(tf, folder), "texts": texts(tf, folder), "settings": settings(tf)}
    if "--golden" in sys.argv:
        golden_files.compare_and_write(GOLDEN, answer, "--write" in sys.argv)
    else:
        print("ANSWER " + json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1])
