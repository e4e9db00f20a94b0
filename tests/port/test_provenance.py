"""Files that ``port`` wrote record how their net was trained; untrusted records are checked."""

from __future__ import annotations

import dataclasses
import json
import re
import struct
import zipfile

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from port_cases import job, save

from legacy_nets import tf1 as tf
from legacy_nets.checkpoints.open import find_weights, open_weights
from legacy_nets.checkpoints.source import TensorSpec, WeightFile
from legacy_nets.cli import main
from legacy_nets.data.class_indices import write_class_indices
from legacy_nets.errors import BadInputError
from legacy_nets.nets.weights.resnet import map_torch_names
from legacy_nets.nets.weights.translate_for_net import get_layout_options
from legacy_nets.port.formats import frozen, npz
from legacy_nets.port.pipeline import port
from legacy_nets.registry import get_net
from legacy_nets.train.evaluate import resolve_settings
from legacy_nets.train.provenance import read_recorded_settings, read_training_options
from legacy_nets.train.settings import SettingChanges, Settings

pytestmark = pytest.mark.usefixtures("tiny_nets")
NAMES = ("paper", "scissors", "stone")
TRAINED = Settings(
    *("tiny", 3, (40, 48), NAMES), label_offset=1, preprocessing="vgg_whole", options={"width": 6}
)
RECORDED = {  # the metadata that ``port`` writes
    **{"writer": "legacy_nets 1", "net": "tiny", "num_classes": 3, "label_offset": 1},
    **{"image_size": [40, 48], "preprocessing": "vgg_whole", "options": {"width": 6}},
}
FILES = {  # what a port writes -> its target
    **{"x.npz": "npz", "x.safetensors": "safetensors", "x.h5": "h5", "x.pth": "torch"},
    **{"y.safetensors": "torch", "x": "saved_model", "x.pb": "frozen", "x.keras": "keras"},
    "x.ckpt-7": "ckpt",
}


@pytest.fixture(scope="module")
def run(tiny_nets, tmp_path_factory):
    """A model folder with training.json, and a picture in it."""
    folder = tmp_path_factory.mktemp("run")
    save(folder, "tiny", (40, 48), {"width": 6}, num_classes=4)
    TRAINED.save(folder)
    colours = np.arange(40 * 48 * 3).astype(np.uint8).reshape(40, 48, 3)
    Image.fromarray(colours).save(folder / "photo.png")
    return folder


def call(*arguments):
    return CliRunner().invoke(main, [str(part) for part in arguments], prog_name="legacy-nets")


def predicted(run, checkpoint, *options):
    done = call(
        "predict", "tiny", "--checkpoint", checkpoint, "--json", *options, run / "photo.png"
    )
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)[0]["probabilities"]


@pytest.fixture(scope="module")
def wanted(run):
    probabilities = predicted(run, run)
    assert tuple(probabilities) == NAMES and len(set(probabilities.values())) == 3
    return probabilities


@pytest.mark.parametrize("name", FILES)
@pytest.mark.slow
def test_every_target_is_used_as_its_net_was_trained(run, wanted, tmp_path, name):
    out = tmp_path / name
    done = call("port", run, "--net", "tiny", "--to", FILES[name], "--out", out)
    assert done.exit_code == 0, done.output
    assert predicted(run, out) == wanted
    assert resolve_settings(find_weights(out), "tiny") == TRAINED
    again = tmp_path / "again.npz"
    assert call("port", out, "--net", "tiny", "--to", "npz", "--out", again).exit_code == 0
    assert (
        read_recorded_settings(open_weights(again), get_net("tiny"))
        == read_recorded_settings(open_weights(out), get_net("tiny"))
        is not None
    )


def test_diff_builds_the_net_as_the_file_states_it(ported):
    assert call("diff", ported, "tiny").stdout.startswith("matches tiny\n")
    done = call("diff", ported, "tiny", "--num-classes", "7", "--option", "width=8", "--all")
    assert done.exit_code == 1
    assert "tiny/dense/bias (graph [7], checkpoint [4])" in done.stdout
    assert "tiny/conv2d/bias (graph [8], checkpoint [6])" in done.stdout
    offset = call("diff", ported, "tiny", "--num-classes", "3", "--label-offset", "1")
    assert offset.stdout.startswith("matches tiny\n")
    done = call("diff", ported, "tiny", "--option", "width=-1")
    assert done.exit_code == 2 and done.stderr.count("\n") == 1
    assert f"{ported}: tiny cannot be built at 40x48" in done.stderr


@pytest.fixture
def ported(run, tmp_path):
    out = tmp_path / "x.npz"
    more = {"label_offset": 1, "preprocessing": "vgg_whole", "class_names": NAMES}
    given = job(str(run / "tiny"), "tiny", "npz", out, (40, 48), {"width": 6}, 3, **more)
    assert port(given).passed
    return out


def test_the_command_line_and_its_class_indices_win(run, ported, tmp_path):
    path = str(ported)
    changes = SettingChanges(
        num_classes=4,
        label_offset=0,
        preprocessing="unit",
        image_size=(64, 48),
        options={"bare": True},
    )
    assert resolve_settings(path, "tiny", changes) == Settings(
        *("tiny", 4, (64, 48), ("0", "1", "2", "3")),
        preprocessing="unit",
        options={"width": 6, "bare": True},
    )
    assert len(predicted(run, path, "--label-offset", 0, "--num-classes", 4)) == 4
    write_class_indices(tmp_path / "class_indices.json", ["daisy", "roses"])  # a neighbour's
    assert resolve_settings(path, "tiny") == TRAINED
    with pytest.raises(BadInputError, match="names 2 classes .*, the checkpoint knows 3"):
        resolve_settings(
            path, "tiny", SettingChanges(class_indices=tmp_path / "class_indices.json")
        )


def test_the_file_itself_wins_over_its_folder(ported, tmp_path):
    dataclasses.replace(TRAINED, net="tiny_clips", num_classes=9).save(tmp_path)
    assert resolve_settings(str(ported), "tiny") == TRAINED
    with pytest.raises(BadInputError, match="is a checkpoint of tiny_clips, not of tiny_grey"):
        resolve_settings(str(ported), "tiny_grey")


def source(metadata, tensors=None):
    tensors = tensors or {"w": TensorSpec((1,), "float32")}
    return WeightFile("x.npz", tensors, np.zeros, metadata=metadata)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        *(("num_classes", value, "a whole number above 0") for value in (0, -3, 2.0, "3", 10**30)),
        *(("num_classes", value, "a whole number above 0") for value in (True, None, [3])),
        *(("label_offset", value, "a whole number") for value in (-1, 0.5, "1", 1 << 40)),
        *(("image_size", value, "2 sides that fit here") for value in (40, "40", [40], [4] * 3)),
        *(("image_size", value, "2 sides that fit here") for value in ([0, 4], [1 << 20] * 2)),
        *(
            ("preprocessing", value, "one of these: unit, inception, ")
            for value in ("", "nice", 3, ["unit"])
        ),
        *(("options", value, "a table") for value in (None, "width=6", [6])),
        *(
            ("class_names", value, "3 texts")
            for value in ("abc", ["a", "b"], [1, 2, 3], {"0": "a"})
        ),
    ],
)
def test_what_cannot_be_is_refused(name, value, expected):
    assert read_recorded_settings(source(RECORDED), get_net("tiny")) is not None
    with pytest.raises(BadInputError) as caught:
        read_recorded_settings(source({**RECORDED, name: value}), get_net("tiny"))
    message = str(caught.value)
    assert (
        message.startswith(f"x.npz: its metadata are damaged: {name} is ") and "\n" not in message
    )
    assert f"not {expected}" in message and message.endswith("; port it again")


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        ({"options": {"depth": 9}}, "takes no option|tiny cannot be built"),
        ({"options": {"num_classes": 9}}, "num_classes: that is set by the command itself"),
        ({"options": {"width": -1}}, "tiny cannot be built at"),
        ({"num_classes": 7}, "dense/bias"),
        ({"image_size": [4, 4]}, "tiny cannot be built at"),
        ({"class_names": "abc"}, "class_names is 'abc'"),
    ],
)
def test_the_command_refuses_in_a_line_that_names_the_file(run, ported, change, pattern):
    metadata = npz.read_npz(ported).metadata
    with zipfile.ZipFile(ported) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[npz.METADATA] = json.dumps({**RECORDED, **change}).encode()
    with zipfile.ZipFile(ported, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    assert (
        metadata["class_names"] == [*NAMES] and open_weights(ported).tensors
    )  # listed all the same
    done = call("predict", "tiny", "--checkpoint", ported, run / "photo.png")
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith(f"legacy-nets: {ported}") and done.stderr.count("\n") == 1
    assert re.search(pattern, done.stderr), done.stderr


def test_metadata_of_older_versions_call_the_preprocessing_pixels():
    metadata = {
        name: value for name, value in RECORDED.items() if name not in ("pixels", "preprocessing")
    }
    for name in ("pixels", "preprocessing"):
        settings = read_recorded_settings(source({**metadata, name: "vgg_whole"}), get_net("tiny"))
        assert settings.preprocessing == "vgg_whole"
        with pytest.raises(BadInputError, match=f"{name} is 'nice', not one of these: unit"):
            read_recorded_settings(source({**metadata, name: "nice"}), get_net("tiny"))


def test_the_size_of_a_clip_has_its_frames():
    metadata = {**RECORDED, "net": "tiny_clips"}
    settings = read_recorded_settings(
        source({**metadata, "image_size": [2, 16, 8]}), get_net("tiny_clips")
    )
    assert settings.image_size == (2, 16, 8) and settings.class_names == ()
    with pytest.raises(BadInputError, match="not 3 sides that fit here"):
        read_recorded_settings(source(metadata), get_net("tiny_clips"))


def test_metadata_of_other_writers_are_ignored(tmp_path):
    for change in ({"net": "tiny_grey"}, {"net": ["tiny"]}, {"writer": "me"}, {"writer": None}):
        assert read_recorded_settings(source({**RECORDED, **change}), get_net("tiny")) is None
    deep = "[" * 100_000
    for number, text in enumerate((deep, "[1]", "{", "\0", '"a"')):
        path = tmp_path / f"{number}.npz"
        np.savez(path, w=np.ones(2))
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(npz.METADATA, text)
        assert open_weights(path).metadata == {}
        with h5py.File(tmp_path / f"{number}.h5", "w") as root:
            root["w"] = np.ones(2)
            root.attrs["legacy_nets"] = np.ones(3) if number else 7
        assert open_weights(tmp_path / f"{number}.h5").metadata == {}
        header = json.dumps({"__metadata__": {"net": text, "options": text}}).encode()
        path = tmp_path / f"{number}.safetensors"
        path.write_bytes(struct.pack("<Q", len(header)) + header)
        assert read_recorded_settings(open_weights(path), get_net("tiny")) is None


@pytest.mark.parametrize("metadata", [{"variables": 3}, {"variables": [["w"], None, "w"]}, 7, ""])
def test_an_untrusted_list_of_variables_is_checked(tmp_path, metadata):
    graph = tf.GraphDef()
    for name in ("w", "axis"):
        node = graph.node.add(name=name, op="Const")
        node.attr["dtype"].type = tf.float32.as_datatype_enum
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(1.0))
    frozen.write_graph(tmp_path / "x.pb", graph, metadata)
    if metadata == "":  # a text without a value
        graph.node[-1].attr["value"].tensor.ClearField("string_val")
        (tmp_path / "x.pb").write_bytes(graph.SerializeToString())
    listed = metadata == {"variables": [["w"], None, "w"]}
    assert ("axis" in open_weights(tmp_path / "x.pb").tensors) != listed


def test_a_state_dict_says_what_its_weights_were_trained_with():
    """By its layout alone it would be one of PyTorch's, which pads otherwise."""
    parts = [part for entry in map_torch_names("resnet18") for part in entry.parts]
    tensors = dict.fromkeys(parts, TensorSpec((1,), "float32"))
    own = {**RECORDED, "net": "resnet18", "options": {"padding": "same"}, "preprocessing": "vgg"}
    ported = source({**own, "preprocessing": "inception"}, tensors)
    assert read_training_options(ported, get_net("resnet18")) == {
        "padding": "same",
        "preprocessing": "inception",
    }
    assert read_training_options(source(own, tensors), get_net("resnet18")) == {"padding": "same"}
    for other in ({}, {**own, "net": "resnet34"}):
        options = read_training_options(source(other, tensors), get_net("resnet18"))
        assert options == get_layout_options(source({}, tensors), get_net("resnet18"))
        assert options["padding"] == "torch" and options["preprocessing"] == "imagenet"
