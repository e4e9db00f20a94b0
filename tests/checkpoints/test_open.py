"""Every readable format by one door: told by its bytes, restored strictly, refused in one line."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import tiny
from rich.console import Console

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.checkpoints import assign
from legacy_nets.checkpoints.open import find_weights, list_weight_files, open_weights
from legacy_nets.checkpoints.restore import match
from legacy_nets.checkpoints.translate import CONV, DENSE, Entry, Translated
from legacy_nets.errors import BadInputError, CheckpointError
from legacy_nets.nets.weights.families import FAMILIES
from legacy_nets.nets.weights.layouts import FamilyWeights, WeightLayout
from legacy_nets.nets.weights.translate_for_net import translate_for_net
from legacy_nets.registry import get_net
from legacy_nets.train.evaluate import restore_net
from legacy_nets.train.graph import build_net, build_training
from legacy_nets.train.settings import Settings, WarmStart
from legacy_nets.train.warm_start import apply_warm_start

WEIGHTS = {
    "net/conv/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "net/half": np.float16([1, 2]),
    "net/bool": np.array([True, False]),
    "net/step": np.array(7),
    "net/empty": np.zeros((0, 2), np.float32),
}


def _reason(call, *arguments) -> str:
    with pytest.raises(CheckpointError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _assert_holds(path: Path, want: dict[str, np.ndarray]) -> None:
    source = open_weights(path)
    assert set(source.tensors) == set(want)
    for name, array in want.items():
        assert tuple(source.tensors[name]) == (array.shape, array.dtype.name)
        got = source.read(name)
        assert got.dtype == array.dtype and got.shape == array.shape
        assert got.tobytes() == array.tobytes(), name


def _npz(path: Path, arrays: dict[str, np.ndarray], save=np.savez) -> Path:
    with open(path, "wb") as file:
        save(file, **arrays)
    return path


# Formats


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path, save):
    path = _npz(tmp_path / "no_ending", WEIGHTS, save)
    _assert_holds(path, WEIGHTS)
    np.save(tmp_path / "one.npy", np.arange(6.0).reshape(2, 3).T)
    _assert_holds(tmp_path / "one.npy", {"one": np.arange(6.0).reshape(2, 3).T})
    _npz(path, {"swapped": np.array([1, 2], ">f4")})
    _assert_holds(path, {"swapped": np.float32([1, 2])})
    import ml_dtypes

    _npz(path, {"b": np.array([1, 2], ml_dtypes.bfloat16)})
    _assert_holds(path, {"b": np.array([1, 2], ml_dtypes.bfloat16)})


class _Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


def test_pickles_in_npz_are_not_executed(tmp_path):
    array = np.array([_Evil(tmp_path / "marker")], object)
    source = open_weights(_npz(tmp_path / "w.npz", {"w": array, "good": np.ones(2)}))
    assert "w: a pickle that names io.open, which is not executed" in _reason(source.read, "w")
    assert source.read("good").tolist() == [1, 1]
    assert not (tmp_path / "marker").exists()
    np.load(tmp_path / "w.npz", allow_pickle=True)["w"]  # it would have been
    assert (tmp_path / "marker").exists()


def test_damaged_npz(tmp_path):
    path = _npz(tmp_path / "w.npz", WEIGHTS)
    whole = path.read_bytes()
    at = whole.index(WEIGHTS["net/conv/kernel"].tobytes())
    path.write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])
    assert "Bad CRC-32" in _reason(lambda: open_weights(path).read("net/conv/kernel"))
    for size in range(1, len(whole), 23):
        path.write_bytes(whole[:size])
        assert str(path) in _reason(open_weights, path)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (1 << 50,)}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w.npy", header.getvalue() + bytes(8))
    assert f"w float32 [{1 << 50}] does not fill its" in _reason(open_weights, path)


def test_safetensors(tmp_path):
    path = tmp_path / "w.safetensors"
    safetensors.numpy.save_file(WEIGHTS, path, metadata={"format": "np"})
    _assert_holds(path, WEIGHTS)
    whole = path.read_bytes()
    for size in range(1, len(whole), 11):
        path.write_bytes(whole[:size])
        assert str(path) in _reason(open_weights, path)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}, "w float32 [2] has 4 bytes"),
        ({"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}, "begins at byte 4 where 0"),
        ({"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "8 bytes of tensors, 4 in"),
        ({"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}, "w has sizes [-2]"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}, "w has the data_offsets [8, 0]"),
        ({"dtype": "F32", "shape": [1 << 62], "data_offsets": [0, 8]}, "w has sizes"),
        ({"dtype": "F32", "shape": [2]}, "w lacks dtype, shape or data_offsets"),
        ([], "w is not a JSON object"),
    ],
)
def test_lying_safetensors(tmp_path, entry, reason):
    header = json.dumps({"w": entry}).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    assert reason in _reason(open_weights, path)


def test_frozen_graph(tmp_path):
    with tf.Graph().as_default() as graph, tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 5])
        old = tf.Variable(tf.random_normal([5, 4]), name="net/old", use_resource=False)
        new = tf.Variable(tf.random_normal([4]), name="net/new", use_resource=True)
        tf.reshape(tf.matmul(images, old) + new, [-1, 2, 2], name="out")
        session.run(tf.global_variables_initializer())
        want = dict(zip(("net/old", "net/new"), session.run([old, new]), strict=True))
        freeze = tf.graph_util.convert_variables_to_constants
        frozen = freeze(session, graph.as_graph_def(), ["out"])
        live = graph.as_graph_def()
    path = tmp_path / "frozen.pb"
    path.write_bytes(frozen.SerializeToString())
    _assert_holds(path, want)
    source = open_weights(path)
    assert source.read("out/shape").tolist() == [-1, 2, 2] and "out/shape" in source.other_tensors
    for node in live.node:
        if node.op == "Const":
            node.op = "NoOp"
    path.write_bytes(live.SerializeToString())
    assert "a graph without constants" in _reason(open_weights, path)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "complex64"])
@pytest.mark.parametrize("values", [[[1, -2], [3, 4]], [[5, 5], [5, 5]], 7])
def test_constants_of_a_graph(tmp_path, dtype, values):
    _check_constant(tmp_path, np.array(values).astype(tf.as_dtype(dtype).as_numpy_dtype))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64", "uint64", "bool"])
def test_whole_numbers_of_a_graph(tmp_path, dtype):
    _check_constant(tmp_path, np.array([[1, -2], [3, 4]]).astype(dtype))
    _check_constant(tmp_path, np.array(-1).astype(dtype))


def _check_constant(folder: Path, value: np.ndarray) -> None:
    """Twice: the values in full, then one value that fills the shape."""
    filled = np.full_like(value, value.ravel()[0])
    first = value.ravel().tolist()[0]
    for array, proto in (
        (value, tf.make_tensor_proto(value)),
        (filled, tf.make_tensor_proto(first, value.dtype, value.shape)),
    ):
        graph = tf.GraphDef()
        graph.node.add(name="c", op="Const").attr["value"].tensor.CopyFrom(proto)
        (folder / "graph.pb").write_bytes(graph.SerializeToString())
        got = open_weights(folder / "graph.pb").read("c")
        assert got.dtype == array.dtype and got.tobytes() == array.tobytes()


def test_saved_model(tmp_path):
    folder = tmp_path / "model"
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [2])
        w = tf.Variable([1.0, 2.0], name="net/w")
        session.run(w.initializer)
        tf.saved_model.simple_save(session, str(folder), {"x": x}, {"y": x * w})
    for path in (folder, folder / "saved_model.pb", folder / "variables"):
        _assert_holds_w(path)
    lone = tmp_path / "lone.pb"
    lone.write_bytes((folder / "saved_model.pb").read_bytes())
    assert "of a SavedModel, name its folder" in _reason(open_weights, lone)
    shutil.rmtree(folder / "variables")
    for path in (folder, folder / "saved_model.pb"):
        assert f"{folder} is a SavedModel without variables" in _reason(find_weights, path)


def _assert_holds_w(path: Path) -> None:
    assert open_weights(path).read("net/w").tolist() == [1.0, 2.0]


# Other files and destinations


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git-LFS pointer"),
        (b"\n<!DOCTYPE html><html>404</html>", "HTML"),
        (b"\x1f\x8b\x08" + bytes(90), "gzip archive: unpack it"),
        (b"node {\n  name: 'x'\n}", "a graph in text"),
        (b"", "the file is empty"),
        (bytes(90), "not a known weight file; readable are a TensorFlow checkpoint"),
    ],
)
@pytest.mark.parametrize("name", ["w.h5", "w.pth", "w.pb", "model.ckpt"])
def test_other_files(tmp_path, content, reason, name):
    (tmp_path / name).write_bytes(content)
    if name == "w.pb" and reason.startswith("not a known"):
        reason = "damaged"
    assert reason in _reason(open_weights, tmp_path / name)


def test_a_zip_of_something_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.zip", "w") as archive:
        archive.writestr("photo.jpg", b"")
    assert "without weights (it holds photo.jpg): unpack it" in _reason(
        open_weights, tmp_path / "w.zip"
    )


def test_find_weights(tmp_path):
    assert "no checkpoint in this folder" in _reason(find_weights, tmp_path)
    one = _npz(tmp_path / "one.npz", WEIGHTS)
    assert find_weights(tmp_path) == find_weights(one) == str(one)
    _npz(tmp_path / "two.npz", WEIGHTS)
    assert "holds 2 weight files; name one of one.npz, two.npz" in _reason(find_weights, tmp_path)
    (tmp_path / "model.meta").write_bytes(b"graph")
    assert ".index is missing" in _reason(find_weights, tmp_path / "model.meta")
    three = tmp_path / "three.npz"
    assert _reason(find_weights, three).startswith(f"{three}: no such checkpoint or weight file; n")


def test_the_files_of_a_checkpoint(tmp_path):
    names = [
        *("a[1]-1.index", "a[1]-1.meta", "a[1]-1.data-00000-of-00001", "a[1]-10.index"),
        *("v1-00000-of-00002", "v1-00001-of-00002", "v1.meta", "v1.txt", "one.npz"),
    ]
    for name in names:
        (tmp_path / name).touch()
    for prefix, count in (("a[1]-1", 3), ("v1", 3), ("one.npz", 1)):
        found = [path.name for path in list_weight_files(tmp_path / prefix)]
        assert found == sorted(name for name in names if name.startswith(prefix))[:count]


# Restoring


def test_apply_is_strict_bounded_and_adds_nothing(tmp_path, monkeypatch):
    path = _npz(tmp_path / "w.npz", WEIGHTS)
    runs = []
    monkeypatch.setattr(assign, "_BYTES_PER_RUN", 100)
    with tf.Graph().as_default() as graph, tf.Session() as session:
        zero = tf.zeros([2, 3, 4])  # two variables of one initial value
        whole = [
            tf.get_variable("net/conv/kernel", initializer=zero),
            *(tf.Variable(np.zeros_like(WEIGHTS[name]), name=name) for name in list(WEIGHTS)[1:]),
        ]
        twin = tf.Variable(zero, name="twin")
        plan = match([*whole, twin], path, rename=(("twin", "net/conv/kernel"),))
        assert plan.savers == []
        plan.check()
        graph.finalize()
        run = session.run
        monkeypatch.setattr(session, "run", lambda *a: runs.append(len(a[0])) or run(*a))
        plan.apply(session)
        assert runs == [2, 3, 1]  # 100, 10 and 96 bytes
        for variable, name in zip([*whole, twin], [*WEIGHTS, "net/conv/kernel"], strict=True):
            assert np.array_equal(run(variable), WEIGHTS[name])
    with tf.Graph().as_default(), tf.Session() as session:
        plan = match([tf.Variable(np.zeros(2, np.float32), name="net/half")], path)
        reason = _reason(plan.apply, session)
    assert "net/half (graph float32 [2], checkpoint float16 [2])" in reason
    assert "4 only in the checkpoint" in reason


def test_partitioned_variables_and_label_offset(tmp_path):
    rows = np.arange(28, dtype=np.float32).reshape(7, 4)
    path = _npz(tmp_path / "w.npz", {"rows": rows, "head": np.float32([9, 1, 2])})
    with tf.Graph().as_default(), tf.Session() as session:
        cut = tf.fixed_size_partitioner(3)
        whole = tf.convert_to_tensor(tf.get_variable("rows", [7, 4], partitioner=cut))
        head = tf.get_variable("head", [2])
        plan = match(tf.global_variables(), path, label_offset=1)
        plan.apply(session)
        assert np.array_equal(session.run(whole), rows)
        assert session.run(head).tolist() == [1, 2]


# Nets


@pytest.fixture
def registered():
    undo = tiny.register()
    yield
    undo()


def test_evaluate_and_warm_start_from_any_format(registered, tmp_path):
    settings = Settings("tiny", 6, (64, 64))
    with tf.Graph().as_default(), tf.Session() as session:
        net = build_net(settings)
        session.run(tf.global_variables_initializer())
        values = dict(
            zip([v.op.name for v in net.variables], session.run(net.variables), strict=True)
        )
    path = tmp_path / "tiny.safetensors"
    safetensors.numpy.save_file(values, path)
    pictures = np.arange(2 * 64 * 64 * 3, dtype=np.uint8).reshape(2, 64, 64, 3)
    with restore_net(settings, str(path)) as (net, session, averaged):
        assert not averaged
        want = net.score(session, pictures)
    with tf.Graph().as_default(), tf.Session() as session:
        net = build_training(settings)
        session.run(tf.global_variables_initializer())
        start = WarmStart(find_weights(tmp_path), exclude=("tiny/dense",))
        apply_warm_start(start, settings, net, session, Console(quiet=True))
        got = dict(zip(values, session.run(net.variables), strict=True))
        assert [name for name in values if not np.array_equal(got[name], values[name])] == [
            "tiny/dense/kernel"  # the bias of either starts at zero
        ]
        apply_warm_start(WarmStart(str(path)), settings, net, session, Console(quiet=True))
        assert np.array_equal(net.score(session, pictures), want)


@pytest.fixture
def foreign(monkeypatch):
    """A net whose weights have two layouts of other frameworks."""

    def map_torch_names(name: str) -> tuple[Entry, ...]:
        assert name == "foreign"
        return (
            Entry("net/conv/kernel", "conv.weight", CONV),
            Entry("net/dense/kernel", "fc.weight", DENSE),
            Entry("net/dense/bias", "fc.bias"),
        )

    def map_npz_names(name: str) -> tuple[Entry, ...]:
        return tuple(Entry(entry.name, f"params/{entry.name}") for entry in map_torch_names(name))

    layouts = (WeightLayout("torch", map_torch_names), WeightLayout("npz", map_npz_names))
    monkeypatch.setitem(FAMILIES, "foreign", FamilyWeights(layouts))
    record = registry.dataclasses.replace(
        tiny.RECORD, name="foreign", module="foreign", layouts=("torch", "npz")
    )
    monkeypatch.setattr(registry, "_NETS", (*registry._NETS, record))


def test_for_net(foreign, tmp_path):
    torch = {
        "conv.weight": np.arange(54, dtype=np.float32).reshape(2, 3, 3, 3),
        "fc.weight": np.arange(8, dtype=np.float32).reshape(4, 2),
        "fc.bias": np.zeros(4, np.float32),
    }
    source = translate_for_net(open_weights(_npz(tmp_path / "t.npz", torch)), get_net("foreign"))
    assert isinstance(source, Translated)
    assert source.tensors["net/conv/kernel"].shape == (3, 3, 3, 2)
    with tf.Graph().as_default(), tf.Session() as session:
        shapes = {
            "net/conv/kernel": (3, 3, 3, 2),
            "net/dense/kernel": (2, 4),
            "net/dense/bias": (4,),
        }
        variables = [tf.Variable(tf.zeros(shape), name=name) for name, shape in shapes.items()]
        plan = match(variables, source)
        plan.apply(session)
        kernel = session.run(variables[0])
    assert np.array_equal(kernel, torch["conv.weight"].transpose(2, 3, 1, 0))
    own = {"net/conv/kernel": np.zeros(1), "net/dense/bias": np.zeros(1)}
    plain = open_weights(_npz(tmp_path / "own.npz", own))
    assert translate_for_net(plain, get_net("foreign")) is plain
    flax = open_weights(_npz(tmp_path / "f.npz", {f"params/{name}": own[name] for name in own}))
    assert set(translate_for_net(flax, get_net("foreign")).tensors) == set(own)
    other = open_weights(_npz(tmp_path / "x.npz", {"fc.bias": np.zeros(4)}))
    assert (
        translate_for_net(other, get_net("foreign")) is other
    )  # one of three names is not most of them
    with pytest.raises(BadInputError, match="no net is called 'foreing'"):
        translate_for_net(other, get_net("foreing"))
