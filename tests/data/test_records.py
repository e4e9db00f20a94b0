"""TFRecords in slim's layout: read, written, read by slim itself, and every bad file."""

import io
import json
import pathlib
import subprocess

import numpy as np
import pytest
from commands import SHORT, call, refused
from PIL import Image

from legacy_nets.data import images, mnist
from legacy_nets.data.dataset import resize_data
from legacy_nets.data.open import open_data
from legacy_nets.data.preprocessing import read_picture
from legacy_nets.data.records.example import make_example, parse_example
from legacy_nets.data.records.load import load_records
from legacy_nets.data.records.tfrecord import read_records, write_record
from legacy_nets.data.records.write import write_records
from legacy_nets.errors import BadInputError

SCRIPT = pathlib.Path(__file__).parents[2] / "scripts" / "oracle" / "slim_records.py"
RED, GREEN = (200, 10, 20), (10, 200, 20)
FLOWERS = {"daisy": RED, "roses": GREEN}


@pytest.fixture
def folder(tmp_path):
    """Pictures of two classes; each has the number of its file in its first pixel."""
    for split, count in (("train", 5), ("val", 2)):
        for name, colour in FLOWERS.items():
            (tmp_path / "flowers" / split / name).mkdir(parents=True)
            for number in range(count):
                image = Image.new("RGB", (12, 8), colour)
                image.putpixel((0, 0), (number, 0, 0))
                image.save(tmp_path / "flowers" / split / name / f"{number}.png")
    return tmp_path / "flowers"


def encode(colour=RED, ending="PNG", size=(12, 8)):
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, ending)
    return file.getvalue()


def write(path, labels, text=None, encoded=None):
    """Writes a file of one-coloured pictures with TensorFlow's own classes; returns it."""
    from legacy_nets import tf1 as tf

    def feature(value):
        if isinstance(value, int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    path.parent.mkdir(exist_ok=True, parents=True)
    with tf.python_io.TFRecordWriter(str(path)) as writer:
        for label in labels:
            values = {
                "image/class/label": label,
                "image/encoded": encode((label, 0, 0)) if encoded is None else encoded,
                "image/format": b"png",
            }
            if text:
                values["image/class/text"] = text(label).encode()
            features = {name: feature(value) for name, value in values.items()}
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())
    return path


def collect(split):
    """The labels and pictures of a split, sorted."""
    [batch] = split.read([np.arange(len(split.labels))])
    pairs = zip(batch.labels.tolist(), batch.pictures, strict=True)
    return sorted((label, np.rint(picture).astype(np.uint8).tobytes()) for label, picture in pairs)


def test_what_is_written_is_read(folder, tmp_path):
    data = images.load_images(folder)
    files = write_records(data, tmp_path / "records", 3)
    names = [f"flowers_train-0000{shard}-of-00003.tfrecord" for shard in range(3)]
    names += [f"flowers_validation-0000{shard}-of-00003.tfrecord" for shard in range(3)]
    assert [file.name for file in files] == names
    assert (tmp_path / "records" / "labels.txt").read_text() == "0:daisy\n1:roses\n"
    again = open_data(tmp_path / "records", None)
    assert (again.name, again.class_names, again.channels) == ("records", ("daisy", "roses"), 3)
    before, after = (resize_data(each, "unit", (8, 12)) for each in (data, again))
    assert collect(after.train) == collect(before.train) and len(collect(after.train)) == 10
    assert collect(after.test) == collect(before.test) and len(collect(after.test)) == 4
    shards = [[parse_example(record, "").label for _, record in read_records(f)] for f in files[:3]]
    assert [len(labels) for labels in shards] == [4, 3, 3]
    assert sum(shards, []) != sorted(sum(shards, []))  # shuffled
    same = write_records(again, tmp_path / "again", 1)
    assert collect(resize_data(load_records(same[0].parent), "unit", (8, 12)).train) == (
        collect(before.train)
    )


def test_records_are_examples_of_tensorflow(folder, tmp_path):
    from legacy_nets import tf1 as tf

    photo = tmp_path / "flowers" / "train" / "roses" / "photo.jpg"
    Image.effect_noise((30, 20), 50).convert("RGB").save(photo)
    [file, _] = write_records(images.load_images(folder), tmp_path / "records", 1)
    examples = [tf.train.Example.FromString(r) for r in tf.python_io.tf_record_iterator(str(file))]
    features = [dict(example.features.feature) for example in examples]
    keys = ["image/class/label", "image/encoded", "image/format", "image/height", "image/width"]
    assert {tuple(sorted(each)) for each in features} == {tuple(keys)}
    [jpeg] = [f for f in features if f["image/format"].bytes_list.value == [b"jpg"]]
    assert jpeg["image/encoded"].bytes_list.value == [photo.read_bytes()]
    assert jpeg["image/class/label"].int64_list.value == [1]
    assert jpeg["image/height"].int64_list.value == [20]
    assert jpeg["image/width"].int64_list.value == [30]
    assert sum(f["image/format"].bytes_list.value == [b"png"] for f in features) == 10


def test_other_images_are_written_as_png(folder, tmp_path):
    """TensorFlow decodes no BMP here, ignores EXIF, and drops half of 16 bits."""
    train = folder / "train" / "roses"
    noise = Image.effect_noise((30, 20), 50)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    noise.convert("RGB").save(train / "turned.jpg", exif=exif)
    noise.convert("RGB").save(train / "b.bmp")
    Image.fromarray(np.arange(0, 65536, 256, np.uint16).reshape(16, 16)).save(train / "deep.png")
    [file, _] = write_records(images.load_images(folder), tmp_path / "records", 1)
    stored = [parse_example(record, "").encoded for _, record in read_records(file)]
    assert all(encoded.startswith(b"\x89PNG") for encoded in stored)
    pictures = [read_picture("x", encoded).tobytes() for encoded in stored]
    for path in (train / "turned.jpg", train / "b.bmp", train / "deep.png"):
        assert read_picture(path).tobytes() in pictures


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage!", b"Exif\0\0II*\0"])
def test_a_jpeg_with_a_damaged_note_of_the_camera_is_written_as_it_is(folder, tmp_path, exif):
    photo = folder / "train" / "roses" / "photo.jpg"
    Image.effect_noise((30, 20), 50).convert("RGB").save(photo, exif=exif)
    [file, _] = write_records(images.load_images(folder), tmp_path / "records", 1)
    stored = [parse_example(record, "").encoded for _, record in read_records(file)]
    assert photo.read_bytes() in stored


def test_pictures_in_memory_are_written(tmp_path):
    pictures = np.arange(4 * 28 * 28, dtype=np.uint8).reshape(4, 28, 28)
    arrays = {f"x_{split}": pictures for split in ("train", "test")}
    arrays |= {f"y_{split}": np.array([3, 0, 9, 1]) for split in ("train", "test")}
    np.savez(tmp_path / "mnist.npz", **arrays)
    data = mnist.load_mnist(tmp_path / "mnist.npz")
    write_records(data, tmp_path / "records", 2)
    again = load_records(tmp_path / "records")
    assert (again.channels, again.class_names) == (1, tuple("0123456789"))
    again = resize_data(again, "unit", (28, 28), 1)
    assert collect(again.train) == collect(data.train)


@pytest.mark.slow
def test_slim_of_1_15_reads_and_writes_the_same(folder, tmp_path, oracle):
    Image.effect_noise((30, 20), 50).convert("RGB").save(folder / "val" / "roses" / "n.png")
    data = images.load_images(folder)
    write_records(data, tmp_path / "records", 2)
    pattern, out = tmp_path / "records" / "*_validation-*", tmp_path / "slim" / "x_train.tfrecord"
    out.parent.mkdir()
    command = [oracle, str(SCRIPT), str(pattern), str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    expected = []
    for path, label in zip(data.test.paths, data.test.labels.tolist(), strict=True):
        picture = read_picture(path)
        expected.append([label, list(picture.shape), int(picture.sum())])
    assert sorted(json.loads(done.stdout.splitlines()[-1])) == sorted(expected)
    again = resize_data(load_records(out, holdout=0.4), "unit", (8, 12))
    expected = collect(resize_data(data, "unit", (8, 12)).test)
    assert sorted(collect(again.train) + collect(again.test)) == expected


def test_names_of_imagenet(tmp_path):
    """Labels begin at 1, files have no ending, classes are named in the records."""
    for split in ("train", "validation"):
        for shard in range(2):
            write(tmp_path / f"{split}-0000{shard}-of-00002", [1, 2, 3], "n{}".format)
    data = load_records(tmp_path)
    assert data.class_names == ("n1", "n2", "n3")
    assert data.train.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert data.notes == ("labels 1 to 3 are n1 to n3: no image has 0",)
    (tmp_path / "labels.txt").write_text("0:background\n1:tench\n2:goldfish\n3:shark\n")
    data = load_records(tmp_path)
    assert data.class_names == ("tench", "goldfish", "shark") and data.test.labels.max() == 2


def test_classes_of_one_name_keep_apart(tmp_path):
    """The words of ImageNet name two of its classes crane, and two maillot."""
    file = write(tmp_path / "x.tfrecord", [0, 1, 2] * 2, ["crane", "tench", "crane"].__getitem__)
    assert load_records(file, holdout=0.5).class_names == ("crane (0)", "tench", "crane (2)")
    (tmp_path / "labels.txt").write_text("0:maillot\n1:a\n2:maillot\n")
    assert load_records(file, holdout=0.5).class_names == ("maillot (0)", "a", "maillot (2)")


def test_numbers_without_names(tmp_path):
    """A class without images stays: nothing says that the labels begin at 1."""
    file = write(tmp_path / "x.tfrecord", [1, 2, 2, 1])
    data = load_records(file, holdout=0.5)
    assert data.class_names == ("0", "1", "2") and data.notes == ()
    assert sorted([*data.train.labels, *data.test.labels]) == [1, 1, 2, 2]
    (tmp_path / "labels.txt").write_text("0:a\n1:b\n2:c\n3:d\n")
    assert load_records(tmp_path, holdout=0.5).class_names == tuple("abcd")


def test_splits_and_their_names(tmp_path):
    for name in ("cifar10_train", "cifar10_test"):
        write(tmp_path / f"{name}.tfrecord", [0, 1])
    data = load_records(tmp_path)
    assert (len(data.train.labels), len(data.test.labels), data.notes) == (2, 2, ())
    with pytest.raises(BadInputError, match="has train and test already: leave --holdout out"):
        load_records(tmp_path, holdout=0.5)
    write(tmp_path / "cifar10_validation.tfrecord", [0, 1, 1])
    data = load_records(tmp_path)
    assert (len(data.test.labels), data.notes) == (3, ("the files of test are not used",))


def test_unreadable_images_are_skipped_or_refused(tmp_path):
    write(tmp_path / "a_train.tfrecord", [0, 1, 0])
    write(tmp_path / "a_test.tfrecord", [0, 1])
    with open(tmp_path / "a_train.tfrecord", "ab") as file:
        write_record(file, make_example(encode()[:45], "png", 1, (8, 12)))
    data = load_records(tmp_path)
    path = tmp_path / "a_train.tfrecord" / "3"
    assert data.notes == (f"skipped 1 image that cannot be read: {path}",)
    assert len(data.train.labels) == 3
    with pytest.raises(BadInputError, match=f"1 image that cannot be read: {path}"):
        load_records(tmp_path, strict=True)


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 255
    path.write_bytes(content)


def spoil_length(folder):
    flip(folder / "a_train.tfrecord", 3)
    return "a_train.tfrecord: record 0 has a wrong checksum: download it again"


def spoil_record(folder):
    flip(folder / "a_train.tfrecord", -9)
    return "a_train.tfrecord: record 1 has a wrong checksum: download it again"


def spoil_end(folder):
    path = folder / "a_test.tfrecord"
    path.write_bytes(path.read_bytes()[:-20])
    return "a_test.tfrecord ends in record 1: it is truncated, download it again"


def spoil_head(folder):
    path = folder / "a_test.tfrecord"
    path.write_bytes(path.read_bytes() + b"\1\2\3")
    return "a_test.tfrecord: record 2 has a wrong checksum"


def spoil_page(folder):
    (folder / "a_test.tfrecord").write_text("<!DOCTYPE html><html>Sign in</html>")
    return "a_test.tfrecord is no TFRecord: this is an HTML or XML page"


def spoil_gzip(folder):
    (folder / "a_test.tfrecord").write_bytes(b"\x1f\x8b\x08" + bytes(40))
    return "a_test.tfrecord is no TFRecord: this is a gzip archive: unpack it first"


def spoil_empty(folder):
    (folder / "a_test.tfrecord").write_bytes(b"")
    return f"{folder} holds no image that can be read in one of its splits: write its files again"


def spoil_layout(folder):
    from legacy_nets import tf1 as tf

    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"x"]))
    features = tf.train.Features(feature={"image": feature, "label": feature})
    with open(folder / "a_train.tfrecord", "wb") as file:
        write_record(file, tf.train.Example(features=features).SerializeToString())
    return (
        "a_train.tfrecord/0 has image, label: slim's layout needs image/encoded (bytes) and "
        "image/class/label (int64)"
    )


def spoil_message(folder):
    with open(folder / "a_train.tfrecord", "wb") as file:
        write_record(file, b"\xff\xff\xff")
    return "a_train.tfrecord/0 holds no tf.train.Example"


def spoil_label(folder):
    write(folder / "a_train.tfrecord", [-1], encoded=encode())
    return "a_train.tfrecord/0 has the image/class/label -1: it must be a class from 0 to 1048575"


def spoil_shards(folder):
    (folder / "a_train.tfrecord").rename(folder / "a_train-00001-of-00003.tfrecord")
    return "has 1 of 3 shards of train: 00000 is the first that is missing"


def spoil_runs(folder):
    for name in ("a_train-00000-of-00001", "a_train-00000-of-00002"):
        write(folder / name, [0])
    return "mixes shards of 00001 and of 00002"


def spoil_sets(folder):
    write(folder / "b_train.tfrecord", [0])
    return "holds TFRecords of 2 sets (a, b): move one of them"


def spoil_odd(folder):
    write(folder / "more.tfrecord", [0])
    return "holds more.tfrecord beside a_test.tfrecord: which split is it?"


def spoil_names(folder):
    (folder / "labels.txt").write_text("0:a\n")
    return "has the label 1, but labels.txt names 1 classes"


def spoil_lines(folder):
    (folder / "labels.txt").write_text("a\nb\n")
    return "labels.txt: 'a' is no line \"0:daisy\""


def spoil_gap(folder):
    (folder / "labels.txt").write_text("0:a\n2:b\n")
    return "labels.txt must name the labels 0, 1, ... in lines"


def spoil_texts(folder):
    names = iter("xyxy")
    write(folder / "a_train.tfrecord", [0, 1, 1], lambda label: next(names))
    return "a_train.tfrecord/2: label 1 is 'x', and 'y' in an earlier record"


@pytest.mark.parametrize(
    "spoil",
    [
        *(spoil_length, spoil_record, spoil_end, spoil_head, spoil_page, spoil_gzip, spoil_empty),
        *(spoil_layout, spoil_message, spoil_label, spoil_shards, spoil_runs, spoil_sets),
        *(spoil_odd, spoil_names, spoil_lines, spoil_gap, spoil_texts),
    ],
)
def test_bad_records_are_one_line(tmp_path, spoil):
    write(tmp_path / "a_train.tfrecord", [0, 1])
    write(tmp_path / "a_test.tfrecord", [0, 1])
    message = spoil(tmp_path)
    with pytest.raises(BadInputError) as caught:
        load_records(tmp_path)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_net_is_trained_on_records(folder, tmp_path):
    done = call("records", "--data", folder, "--out", tmp_path / "records", "--shards", "2")
    assert done.stdout == (
        f"10 images to train on, 4 held out, 2 classes, in 4 files in {tmp_path / 'records'}\n"
    )
    run = tmp_path / "run"
    given = ("--data", tmp_path / "records")
    assert call("train", "tiny", *given, "--model-dir", run, *SHORT).exit_code == 0
    found, same = (
        json.loads(call("evaluate", "tiny", "--checkpoint", run, "--data", data, "--json").stdout)
        for data in (tmp_path / "records", folder)
    )
    assert found["confusion"] == same["confusion"] and found["images"] == 4
    line = refused("train", "tiny_clips", *given, "--model-dir", tmp_path / "no")
    assert "holds images (records), but tiny_clips takes video clips" in line
