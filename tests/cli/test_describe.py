"""``legacy-nets describe``: tables, JSON, files, and errors of one line."""

import dataclasses
import json
import re
import subprocess
import sys
from fractions import Fraction

import pytest
from click.testing import CliRunner

from legacy_nets import sandbox
from legacy_nets import tf1 as tf
from legacy_nets.anatomy import Anatomy, timing
from legacy_nets.anatomy.layers import make_empty_layer
from legacy_nets.anatomy.receptive import ReceptiveField
from legacy_nets.cli import main
from legacy_nets.cli.describe import Screen, _format_table
from legacy_nets.cli.tables import number_to_json


@pytest.fixture(autouse=True)
def in_one_process(monkeypatch):
    """Runs the subprocess's work in this process, so that TensorFlow is imported once."""
    monkeypatch.setattr(
        sandbox, "run_sandboxed", lambda function, *arguments, **_: function(*arguments)
    )


def describe(*arguments):
    return CliRunner().invoke(main, ["describe", *map(str, arguments)])


def failed(*arguments):
    """The one line on stderr of a call that must exit with 2."""
    done = describe(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small net as net.meta, trained.meta and frozen.pb."""
    folder = tmp_path_factory.mktemp("graphs")
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 9, 9, 3], name="images")
        y = tf.layers.conv2d(x, 4, 3, name="conv")
        y = tf.layers.batch_normalization(y, name="bn")
        y = tf.layers.dense(tf.layers.flatten(tf.nn.relu(y)), 2, name="dense")
        tf.identity(y, name="logits")
        session.run(tf.global_variables_initializer())
        saver = tf.train.Saver()
        saver.export_meta_graph(str(folder / "net.meta"))
        constants = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), ["logits"]
        )
        (folder / "frozen.pb").write_bytes(constants.SerializeToString())
        tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_mean(y))
        tf.train.export_meta_graph(str(folder / "trained.meta"))
    return folder


def test_table_of_a_net():
    done = describe("hand_signs", "--depth", "2")
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == (
        "hand_signs: 23,648,548 parameters, 23,603,108 of them trainable; "
        "308,269,356 multiply-adds for one image"
    )
    row = next(line for line in lines if "reference/res2a" in line)
    cells = [cell.strip() for cell in row.strip("│┃").split("│")]
    assert cells[:3] == ["reference/res2a", "5 layers", "(?, 15, 15, 256)"]
    assert cells[6:] == ["75,264", "16,588,800", "19x19", "4x4", "7x7"]


def test_json_size_classes_and_options():
    done = describe(
        "hand_signs", "--size", "32x40", "--num-classes", 9, "--json",
        "--option", "shortcut_batch_norm=true",
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["layers"][0]["output"] == [None, 32, 40, 3]
    assert found["layers"][-1]["output"] == [None, 9]
    assert found["unused_variables"] == []
    assert found["parameters"] == sum(layer["parameters"] for layer in found["layers"])
    assert found["layers"][1]["receptive_field"] == {
        "size": [7, 7],
        "stride": [2, 2],
        "padding": [3, 3],
        "aligned": True,
    }


@pytest.mark.parametrize("name", ["net.meta", "trained.meta", "frozen.pb"])
def test_files_give_the_same_layers(folder, name):
    found = json.loads(describe(folder / name, "--json").stdout)
    rows = [(row["layer_type"], row["output"], row["parameters"]) for row in found["layers"]]
    assert rows == [
        ("input", [None, 9, 9, 3], 0),
        ("convolution", [None, 7, 7, 4], 3 * 3 * 3 * 4 + 4 + 16),
        ("dense", [None, 2], 7 * 7 * 4 * 2 + 2),
    ]
    assert [row["name"] for row in found["layers"]] == ["images", "conv", "dense"]
    assert found["trainable"] == found["parameters"] - 8
    assert found["multiply_adds"] == 49 * 108 + 392
    frozen = "the graph has no variables: its constants are counted as parameters"
    assert found["notes"] == ([frozen] if name == "frozen.pb" else [])


def test_a_loop_of_tf1_in_a_file(tmp_path):
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 5, 6], name="x")
        enabled = tf.control_flow_v2_enabled()
        tf.disable_control_flow_v2()
        try:
            cell = tf.nn.rnn_cell.LSTMCell(4)
            tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)
        finally:
            if enabled:
                tf.enable_control_flow_v2()
        assert any(op.type == "Enter" for op in graph.get_operations())
        tf.train.export_meta_graph(str(tmp_path / "loop.meta"))
    found = json.loads(describe(tmp_path / "loop.meta", "--json").stdout)
    loop = next(row for row in found["layers"] if row["layer_type"] == "lstm")
    assert loop["parameters"] == 4 * 4 * (6 + 4 + 1)
    assert loop["notes"] == ["loop: 5 rounds"]
    assert loop["multiply_adds"] == 5 * 10 * 16


def test_bad_names_and_options():
    assert "no net is called 'resnet_v2_51'; nearest: resnet_v2_50" in failed("resnet_v2_51")
    assert "--image-size '9y9': write 224" in failed("hand_signs", "--size", "9y9")
    assert "takes a size of height and width" in failed("hand_signs", "--size", "2x3x4")
    assert "takes no option 'depth'" in failed("hand_signs", "--option", "depth=3")
    assert "no such file" in failed("missing.meta")


def test_weights_are_no_graph(tmp_path):
    path = tmp_path / "weights.npz"
    path.write_bytes(b"PK")
    assert f"{path} holds weights, not a graph: legacy-nets inspect {path}" in failed(path)


@pytest.mark.parametrize("name", ["dir.pb", "served"])
def test_a_folder_is_no_graph(tmp_path, name):
    (tmp_path / name).mkdir()
    message = f"{tmp_path / name} is a folder: give the .meta, .pb or .onnx in it"
    assert message in failed(tmp_path / name)


@pytest.mark.parametrize(
    "name, data, expected",
    [
        ("x.meta", b"version https://git-lfs.github.com/spec/v1\n", "this is a git-LFS pointer"),
        ("x.pb", b"node {\n  name: 1", "this is a graph in text (.pbtxt): with that ending, "),
        ("x.pbtxt", b"node {\n  name: 1", "is damaged or no GraphDef (2:9 : "),
        ("x.pbtxt", b"<!doctype html>", "this is an HTML or XML page"),
    ],
)
def test_a_file_of_another_format_is_named(tmp_path, name, data, expected):
    path = tmp_path / name
    path.write_bytes(data)
    message = failed(path)
    assert f"legacy-nets: {path}: {expected}" in message or f"{path} {expected}" in message
    assert ("damaged" in message) == (expected.startswith("is damaged"))
    assert ("not read" in message) == ("not read" in expected)


def test_images_without_a_batch_are_one(tmp_path):
    with tf.Graph().as_default():
        image = tf.placeholder(tf.float32, [16, 16, 3], name="image")
        tf.layers.conv2d(image[None], 2, 3, use_bias=False, padding="same", name="conv")
        tf.train.export_meta_graph(str(tmp_path / "net.meta"))
    found = json.loads(describe(tmp_path / "net.meta", "--json").stdout)
    assert (found["batch"], found["multiply_adds"]) == (1, 256 * 3 * 3 * 3 * 2)


def test_files_that_cannot_be_read(folder, tmp_path):
    complete = (folder / "net.meta").read_bytes()
    cut = tmp_path / "cut.meta"
    cut.write_bytes(complete[: len(complete) // 2])
    assert f"{cut} is damaged or no MetaGraphDef" in failed(cut)
    empty = tmp_path / "empty.pb"
    empty.write_bytes(b"")
    assert f"{empty} holds no operations" in failed(empty)
    assert "takes no --size" in failed(folder / "net.meta", "--size", "8")
    definition = tf.GraphDef()
    definition.node.add(name="a", op="Relu", input=["b"])
    lost = tmp_path / "lost.pb"
    lost.write_bytes(definition.SerializeToString())
    assert f"{lost} is no graph that can be built" in failed(lost)


def test_contrib_operations_are_named(tmp_path):
    meta = tf.MetaGraphDef()
    for name in ("KmeansPlusPlusInitialization2", "BytesInUse2", "NoOp"):
        meta.graph_def.node.add(name=name, op=name)
    path = tmp_path / "contrib.meta"
    path.write_bytes(meta.SerializeToString())
    message = failed(path)
    assert "does not have: BytesInUse2, KmeansPlusPlusInitialization2 (tf.contrib's" in message


def test_a_fixed_batch_is_said_and_notes_are_gathered(tmp_path):
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [4, 5, 5, 3], name="x")
        training = tf.placeholder(tf.bool, [], name="training")
        for number in range(6):
            name = f"conv{number}"
            x = tf.layers.conv2d(x, 3, 1, use_bias=False, name=name)
            x = tf.cond(training, lambda x=x: x * 2.0, lambda x=x: x + 0.0)
        tf.train.export_meta_graph(str(tmp_path / "net.meta"))
    done = describe(tmp_path / "net.meta")
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    multiply_adds = 4 * 6 * 25 * 9
    assert f"{multiply_adds:,} multiply-adds for the 4 of its fixed batch" in lines[-3]
    names = "conv0, conv1, conv2, ..., conv5"
    assert lines[-1] == f"{names}: branch: the graph chooses the path when it runs"
    assert json.loads(describe(tmp_path / "net.meta", "--json").stdout)["batch"] == 4


def test_an_lstm_of_one_operation_is_a_row_that_is_counted(tmp_path):
    steps, width, cells = 7, 5, 4
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [steps, 1, width], name="x")
        kernel = tf.get_variable("lstm/kernel", [width + cells, 4 * cells])
        state, peep, bias = tf.zeros([1, cells]), tf.zeros([cells]), tf.zeros([4 * cells])
        tf.raw_ops.BlockLSTM(
            seq_len_max=tf.constant(7, tf.int64), x=x, cs_prev=state, h_prev=state, w=kernel,
            wci=peep, wcf=peep, wco=peep, b=bias, name="lstm/BlockLSTM",
        )  # fmt: skip
        tf.train.export_meta_graph(str(tmp_path / "net.meta"))
    rows = json.loads(describe(tmp_path / "net.meta", "--json").stdout)["layers"]
    assert [(row["layer_type"], row["parameters"], row["notes"]) for row in rows] == [
        ("input", 0, []),
        ("lstm", (width + cells) * 4 * cells, []),
    ]
    assert rows[1]["multiply_adds"] == steps * (width + cells) * 4 * cells


def save_export(folder, *tags):
    """Exports one graph for each of some tags; that of the n-th has n outputs."""
    builder = tf.saved_model.Builder(str(folder))
    for number, tag in enumerate(tags, 1):
        with tf.Graph().as_default(), tf.Session() as session:
            x = tf.placeholder(tf.float32, [None, 5], name="x")
            tf.layers.dense(x, number, name="dense")
            session.run(tf.global_variables_initializer())
            if number == 1:
                builder.add_meta_graph_and_variables(session, [tag])
            else:
                builder.add_meta_graph([tag])
    builder.save()


def test_a_saved_model_by_its_folder_and_by_its_file(tmp_path):
    save_export(tmp_path / "1699", "serve")
    by_folder = describe(tmp_path / "1699")
    assert by_folder.exit_code == 0, by_folder.stderr
    assert "1699: 6 parameters, 6 of them trainable; 5 multiply-adds" in by_folder.stdout
    assert describe(tmp_path / "1699" / "saved_model.pb").stdout == by_folder.stdout
    message = failed(tmp_path)
    assert "holds numbered SavedModels (1), as Estimators export them; name the newest" in message


def test_tags_choose_a_graph_of_a_saved_model(tmp_path):
    save_export(tmp_path / "m", "train", "serve")
    served, trained = (describe(tmp_path / "m", *tags) for tags in ((), ("--tags", "train")))
    assert "m: 12 parameters" in served.stdout and "m: 6 parameters" in trained.stdout
    assert (
        "the graph with the tag set serve is taken, not that with the tag set train: --tags"
        in served.stdout
    )
    assert "has no graph with the tag set gpu" in failed(tmp_path / "m", "--tags", "gpu")
    assert "--tags: hand_signs is no SavedModel: leave it out" in failed("hand_signs", "--tags", "")


def test_damaged_and_empty_saved_models(tmp_path):
    path = tmp_path / "saved_model.pb"
    path.write_bytes(b"\x08\x01")
    assert f"{path} holds no graph: export or copy it again" in failed(path)


def test_a_complete_keras_model(tmp_path):
    layers = tf.keras.layers
    with tf.Graph().as_default(), tf.Session() as session:
        tf.keras.backend.set_session(session)
        x = tf.keras.Input((8, 8, 3))
        y = layers.BatchNormalization()(layers.Conv2D(4, 3, strides=2)(x))
        model = tf.keras.Model(x, layers.Dense(2)(layers.Flatten()(y)))
        model.save(tmp_path / "m.h5")
        model.save_weights(tmp_path / "w.h5")
        tf.keras.Sequential([layers.Lambda(lambda x: x, input_shape=(3,), name="code")]).save(
            tmp_path / "lambda.h5"
        )
    table = json.loads(describe(tmp_path / "m.h5", "--json").stdout)
    rows = [(row["layer_type"], row["parameters"]) for row in table["layers"]]
    assert rows == [("input", 0), ("convolution", 112 + 16), ("dense", 36 * 2 + 2)]
    assert (table["parameters"], table["trainable"]) == (202, 202 - 8)
    assert table["multiply_adds"] == 9 * 4 * 27 + 72
    assert "w.h5 holds weights, not a graph: legacy-nets inspect" in failed(tmp_path / "w.h5")
    assert "the layer code is a Lambda, Python code in the file" in failed(tmp_path / "lambda.h5")


IN_SUBPROCESS = """
import sys
from legacy_nets.cli import main
main(["describe", *sys.argv[1:]], standalone_mode=False)
print("tensorflow" in sys.modules, "google.protobuf" in sys.modules)
"""


@pytest.mark.slow
def test_a_file_is_read_in_a_subprocess(folder):
    command = [sys.executable, "-c", IN_SUBPROCESS, str(folder / "net.meta"), "--depth", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    in_process = describe(folder / "net.meta", "--depth", "1").stdout
    assert done.stdout == in_process + "False False\n"
    assert "net.meta: 522 parameters" in in_process


def test_fractions_of_receptive_fields_are_numbers_in_json():
    fields = {"stride": Fraction(1, 2), "size": Fraction(7, 1)}
    assert json.loads(json.dumps(fields, default=number_to_json)) == {"stride": 0.5, "size": 7.0}
    with pytest.raises(TypeError):
        json.dumps(object(), default=number_to_json)


def test_time_and_memory_of_layers():
    found = json.loads(describe("demo_cnn", "--time", "--json").stdout)
    rows = {row["name"]: row for row in found["layers"]}
    conv, dense = rows["my_model/conv2d"], rows["my_model/dense"]
    assert conv["allocated"] >= 26 * 26 * 32 * 4  # its output alone
    assert dense["allocated"] >= 128 * 4
    assert conv["seconds"] > 0 and dense["seconds"] > 0
    assert conv["output"] == [None, 26, 26, 32]
    lines = describe("demo_cnn", "--time", "--depth", 1, "--num-classes", 3).stdout.splitlines()
    assert [cell.strip() for cell in lines[1].strip("┃").split("┃")][-2:] == ["time", "memory"]
    assert "ms" in lines[4] and "KiB" in lines[4]
    assert "time" not in describe("demo_cnn").stdout


def test_time_of_a_loop_is_that_of_the_operations_in_it():
    owners = {"net/conv": 0, "net/while": 1}
    numbers = {"net/conv/kernel/read": 1, "net/while/body/_1/MatMul": 20, "net/other": 300}
    numbers |= {"Func/net/while/body/_1/input/_7": 4000, "_arg_images_0_0": 50_000}
    assert timing._add_by_layer(numbers, owners) == {0: 1, 1: 4020}


def test_what_has_no_time(folder):
    assert "it takes no --size, classes, options or --time" in failed(folder / "net.meta", "--time")
    assert "give all sides in --size" in failed("demo_cnn", "--time", "--size", "?x28")


@pytest.mark.parametrize(
    ("width", "left_out"),
    {200: None, 140: "pad, step", 100: "pad, step, padding, field, stride, kernel"}.items(),
)
def test_numbers_are_whole_on_any_terminal(width, left_out):
    name = "net/" + "block/" * 6 + "conv"
    layers = [
        dataclasses.replace(
            make_empty_layer(name, "depthwise convolution", (None, 7, 7, 9)),
            kernel=(3, 3), stride=(2, 2), dilation=(2, 2), padding="SAME",
            parameters=12_345_678, multiply_adds=1_234_567_890,
            receptive_field=ReceptiveField((123, 123), (16, 16), (61, 61)),
        )
    ]  # fmt: skip
    text = _format_table(Anatomy("net", tuple(layers)), layers, Screen(True, width))
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert "…" not in text
    assert "12,345,678" in text and "1,234,567,890" in text and "(?, 7, 7, 9)" in text
    lines = text.splitlines()
    notes = [line for line in lines if line.startswith("left out")]
    expected = f"left out for a terminal of {width} columns: {left_out} (--json)"
    assert notes == ([] if left_out is None else [expected])
    assert max(len(line) for line in lines if line not in notes) <= width
