"""Writes small weight files of every readable format, for ``damage.py`` to damage."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from legacy_nets import registry
from legacy_nets import tf1 as tf
from legacy_nets.port.formats import npz, safetensors
from legacy_nets.port.formats.torch import target
from legacy_nets.port.jobs import Job
from legacy_nets.port.weights import Weight

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # of PyTorch's files from before 1.6


def make(folder: Path) -> None:
    """Writes one folder for each format: those of ``damage.PATHS``."""
    save(folder / "bundle")
    save(folder / "v1", "model.ckpt", write_version=tf.train.SaverDef.V1)
    save(folder / "shards", devices=3, sharded=True)
    save(folder / "sliced", partitioner=tf.fixed_size_partitioner(3))
    _save_objects(folder / "objects")
    _save_keras(folder)
    values = _make_values().items()
    tensors = [_make_tensor(name, value) for name, value in values if value.dtype != object]
    net = registry.get_net("demo_cnn")
    for name, writer, file in (
        ("npz", npz, "model.npz"),
        ("safetensors", safetensors, "model.safetensors"),
        ("zip", target, "model.pth"),
    ):
        (folder / name).mkdir()
        out = folder / name / file
        job = Job("model.ckpt", net, name, out, 10, net.image_size, net.preprocessing)
        list(writer.write(out, tensors, job.build_metadata(False)))
    (folder / "legacy").mkdir()
    (folder / "legacy" / "model.pth").write_bytes(_encode_legacy_torch())
    _save_frozen(folder / "frozen")
    save_onnx(folder / "onnx")
    save_tflite(folder / "tflite")
    save_pickles(folder)


def _make_values() -> dict[str, np.ndarray]:
    values = {
        f"net/{dtype}": (np.arange(24).reshape(2, 3, 4) % 7).astype(dtype)
        for dtype in ("float32", "float16", "int64", "uint8", "bool")
    }
    values["net/scalar"] = np.array(7.5, np.float32)
    values["net/large"] = np.arange(600, dtype=np.float32).reshape(20, 30) / 7
    values["net/strings"] = np.array([b"a", b"", b"long" * 30], object)
    return values


def _make_tensor(name: str, value: np.ndarray) -> Weight:
    return Weight(name, value.shape, value.dtype.name, lambda: value, lambda: value)


def save(folder: Path, name: str = "model", devices: int = 1, partitioner=None, **saver) -> None:
    folder.mkdir()
    config = tf.ConfigProto(device_count={"CPU": devices})
    with tf.Graph().as_default(), tf.Session(config=config) as session:
        for number, (variable, value) in enumerate(_make_values().items()):
            with tf.device(f"/cpu:{number % devices}"):
                if partitioner and value.ndim > 1:
                    fill = tf.random_normal_initializer(seed=number)
                    tf.get_variable(variable, value.shape, None, fill, partitioner=partitioner)
                elif not (devices > 1 and value.dtype == object):
                    tf.Variable(value, name=variable)
        session.run(tf.global_variables_initializer())
        tf.train.Saver(**saver).save(session, str(folder / name), write_meta_graph=False)


def _save_objects(folder: Path) -> None:
    folder.mkdir()
    with tf.Graph().as_default(), tf.Session().as_default() as session:
        layer = tf.keras.layers.Dense(3)
        loss = tf.reduce_sum(layer(tf.ones([2, 5])) ** 2)
        adam = tf.train.AdamOptimizer()
        train = adam.minimize(loss)
        session.run(tf.global_variables_initializer())
        session.run(train)
        checkpoint = tf.train.Checkpoint(layer=layer, optimizer=adam)
        session.run(checkpoint.save_counter.initializer)
        checkpoint.save(str(folder / "ckpt"))


def _save_keras(folder: Path) -> None:
    (folder / "weights").mkdir()
    save_keras_model(folder / "model" / "model.h5", folder / "weights" / "model.h5")


def save_keras_model(path: Path, weights: Path | None = None) -> None:
    """Saves a trained model into a new folder, its weights alone into another file."""
    path.parent.mkdir()
    with tf.Graph().as_default(), tf.Session() as session:
        tf.keras.backend.set_session(session)
        layers = tf.keras.layers
        model = tf.keras.Sequential(
            [layers.Conv2D(2, 3, input_shape=(6, 6, 3)), layers.Flatten(), layers.Dense(3)]
        )
        model.compile("adam", "mse")
        model.train_on_batch(np.ones((2, 6, 6, 3)), np.ones((2, 3)))
        model.save(path)
        if weights:
            model.save_weights(weights)


def _save_frozen(folder: Path) -> None:
    folder.mkdir()
    with tf.Graph().as_default() as graph, tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 8], name="images")
        hidden = tf.layers.dense(images, 6, activation=tf.nn.relu)
        tf.layers.dense(hidden, 3, name="logits")
        session.run(tf.global_variables_initializer())
        frozen = tf.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), ["logits/BiasAdd"]
        )
    (folder / "model.pb").write_bytes(frozen.SerializeToString())


def save_pickles(folder: Path) -> None:
    """Saves a pickled dictionary as VGG16's vgg16.npy, and a list of arrays as tensorlayer's."""
    kernel = np.arange(54, dtype=np.float32).reshape(3, 3, 3, 2) / 7
    for name in ("pickle", "pickles"):
        (folder / name).mkdir()
    layers = {"conv1": [kernel, kernel[0, 0, 0]], b"fc": {"weights": kernel[0, 0], "step": 3}}
    np.save(folder / "pickle" / "model.npy", layers)
    params = np.empty(2, object)
    params[:] = [kernel, kernel[0, 0, 0]]
    np.savez(folder / "pickles" / "model.npz", params=params, plain=kernel)


def save_onnx(folder: Path) -> Path:
    """Writes a model with raw, typed and sparse tensors, a subgraph, and data in a file."""
    import onnx
    from onnx import helper

    folder.mkdir()
    raw = np.arange(24, dtype=np.float32).reshape(4, 2, 1, 3) / 7
    large = np.arange(600, dtype=np.float32).reshape(6, 100)
    (folder / "weights.bin").write_bytes(bytes(64) + large.tobytes())
    external = onnx.TensorProto(name="large", data_type=1, dims=large.shape, data_location=1)
    for key, value in {"location": "weights.bin", "offset": "64", "length": "2400"}.items():
        external.external_data.add(key=key, value=value)
    sparse = helper.make_sparse_tensor(
        helper.make_tensor("sparse", 1, [2], [5, 6]), helper.make_tensor("", 7, [2], [1, 4]), [6]
    )
    branch = helper.make_graph(
        [helper.make_node("Add", ["flat", "extra"], ["branch"])],
        "branch",
        [],
        [helper.make_tensor_value_info("branch", 1, None)],
        [helper.make_tensor("extra", 1, [6], range(6))],
    )
    shape = helper.make_tensor("", 7, [2], [-1, 6])
    nodes = [
        helper.make_node("Conv", ["images", "net/conv/weight", "net/conv/bias"], ["conv"]),
        helper.make_node("Constant", [], ["net/shape"], value=shape),
        helper.make_node("Reshape", ["conv", "net/shape"], ["flat"]),
        helper.make_node("If", ["yes"], ["chosen"], then_branch=branch, else_branch=branch),
        helper.make_node("Mul", ["chosen", "sparse"], ["scaled"]),
        helper.make_node("MatMul", ["scaled", "large"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("images", 1, ["N", 2, 1, 8])],
        [helper.make_tensor_value_info("logits", 1, ["N", 100])],
        [
            onnx.numpy_helper.from_array(raw, "net/conv/weight"),
            helper.make_tensor("net/conv/bias", 1, [4], [1, 2, 3, 4]),
            helper.make_tensor("yes", 9, [], [True]),
            external,
        ],
        sparse_initializer=[sparse],
    )
    model = helper.make_model(
        graph, producer_name="by_hand", opset_imports=[helper.make_opsetid("", 17)]
    )
    model.ir_version = 8
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    onnx.checker.check_model(str(path))
    return path


def save_tflite(folder: Path) -> None:
    """Weights of eight bits, which have scales."""
    folder.mkdir()
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [None, 64], name="images")
        logits = tf.matmul(images, tf.constant(np.arange(2048, dtype=np.float32).reshape(64, 32)))
        converter = tf.lite.TFLiteConverter.from_session(session, [images], [logits])
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        (folder / "model.tflite").write_bytes(converter.convert())


def _encode_legacy_torch() -> bytes:
    """A state_dict of two tensors as PyTorch wrote it before 1.6: a row of pickles, then bytes."""
    values = {"0": np.arange(12, dtype=np.float32), "1": np.arange(4, dtype=np.float32)}
    shapes = {"0": ("w", (3, 4), (4, 1)), "1": ("b", (4,), (1,))}
    state = b"\x80\x02}("
    for key, (name, shape, strides) in shapes.items():
        count = len(values[key])
        state += _encode_text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(("
        state += (
            _encode_text("storage")
            + b"ctorch\nFloatStorage\n"
            + _encode_text(key)
            + _encode_text("cpu")
        )
        state += (
            _encode_int(count)
            + b"NtQ"
            + _encode_int(0)
            + _encode_ints(shape)
            + _encode_ints(strides)
        )
        state += b"\x89ccollections\nOrderedDict\n)RtR"
    state += b"u."
    machine = {"protocol_version": PROTOCOL, "little_endian": True}
    head = [pickle.dumps(item, 2) for item in (MAGIC, PROTOCOL, machine)]
    body = [pickle.dumps(sorted(values), 2)]
    for value in values.values():
        body += [len(value).to_bytes(8, "little"), value.tobytes()]
    return b"".join([*head, state, *body])


def _encode_text(text: str) -> bytes:
    return b"X" + len(text).to_bytes(4, "little") + text.encode()


def _encode_int(number: int) -> bytes:
    return b"J" + number.to_bytes(4, "little")


def _encode_ints(numbers: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(map(_encode_int, numbers)) + b"t"
