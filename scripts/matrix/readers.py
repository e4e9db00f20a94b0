"""Opens ported files with the library that reads them, without legacy_nets; runs under Python 3.7.

  python readers.py READER FOLDER ...

Each FOLDER holds ``files.json`` (target -> file), ``io.npz`` ("in:NAME" and "out:NAME": what the
original gets and computes; ``io_TARGET.npz`` is for that target), ``weights.npz`` (name -> array of
the original checkpoint; may be missing), ``initializer`` (the operation that fills the tables of a
frozen graph) and ``torch_net`` (folder of run.py, the net that it takes, number of logits).
For each target of the reader one line of JSON is printed: {"target", "folder", "version", and
"difference", the largest as a share of the largest value, or "error"}.
"""

import json
import os
import sys

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def split(arrays):
    """The inputs and the outputs in ``io.npz``."""
    inputs = {name[3:]: arrays[name] for name in arrays.files if name.startswith("in:")}
    return inputs, {name[4:]: arrays[name] for name in arrays.files if name.startswith("out:")}


def run_frozen(path, inputs, names):
    """Outputs of a frozen graph."""
    import tensorflow

    tf = tensorflow.compat.v1
    with tf.Graph().as_default(), tf.Session() as session:
        with open(path, "rb") as file:
            tf.import_graph_def(tf.GraphDef.FromString(file.read()), name="")
        initializer = os.path.join(os.path.dirname(path), "initializer")
        if os.path.exists(initializer):
            with open(initializer) as file:
                session.run(file.read())
        feeds = {name + ":0": value for name, value in inputs.items()}
        return session.run({name: name + ":0" for name in names}, feeds)


def run_saved_model(path, inputs, names):
    """Outputs of a SavedModel's serving signature; TensorFlow 2 loads it as TensorFlow 2 does."""
    import tensorflow

    if tensorflow.__version__.startswith("2."):
        signature = tensorflow.saved_model.load(path).signatures["serving_default"]
        given = {name: tensorflow.constant(value) for name, value in inputs.items()}
        return {name: value.numpy() for name, value in signature(**given).items()}
    tf = tensorflow.compat.v1
    with tf.Graph().as_default(), tf.Session() as session:
        meta = tf.saved_model.loader.load(session, ["serve"], path)
        signature = meta.signature_def["serving_default"]
        feeds = {signature.inputs[name].name: value for name, value in inputs.items()}
        return session.run({name: signature.outputs[name].name for name in names}, feeds)


def run_onnx(path, inputs, names):
    """Outputs of an ONNX file in ONNX Runtime, with its default optimisations."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = list(names)
    return dict(zip(names, session.run(names, inputs)))  # noqa: B905 (Python 3.7)


def run_tflite(path, inputs, names):
    """Outputs of a TensorFlow Lite file in the interpreter, in its order; a batch row by row."""
    import tensorflow

    interpreter = tensorflow.lite.Interpreter(path)
    details = interpreter.get_input_details()
    batch = max(len(value) for value in inputs.values())
    is_single = batch > 1 and all(item["shape_signature"][0] == 1 for item in details)
    runs = []
    for row in range(batch) if is_single else [slice(None)]:
        rows = slice(row, row + 1) if is_single else row
        for item, value in zip(details, inputs.values()):  # noqa: B905 (Python 3.7)
            interpreter.resize_tensor_input(item["index"], value[rows].shape)
        interpreter.allocate_tensors()
        for item, value in zip(details, inputs.values()):  # noqa: B905
            interpreter.set_tensor(item["index"], value[rows])
        interpreter.invoke()
        outputs = interpreter.get_output_details()
        runs.append([interpreter.get_tensor(item["index"]) for item in outputs])
    return dict(zip(names, [np.concatenate(parts) for parts in zip(*runs)]))  # noqa: B905


def run_openvino(path, inputs, names):
    """Outputs of an OpenVINO file on the CPU, in float32."""
    import openvino

    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(path, "CPU", exact)
    results = compiled(inputs)
    return {name: np.array(results[compiled.output(name)]) for name in names}


def run_keras(path, inputs, names):
    """Logits, or the only output, of a .keras model in Keras 3."""
    import keras

    [images] = inputs.values()
    [name] = [name for name in names if name == "logits"] or names
    return {name: keras.models.load_model(path).predict(images, verbose=0)}


def run_torch(path, inputs, names):
    """Logits in PyTorch: of the code next to the file, or of torchvision's net."""
    import torch

    folder = os.path.dirname(path)
    with open(os.path.join(folder, "torch_net")) as file:
        command = file.read().split()
    [images] = inputs.values()
    sys.path.insert(0, command[0])
    import run  # legacy_nets/port/formats/torch/modules/run.py, which is a program of its own

    given, computed = os.path.join(folder, "images.npy"), os.path.join(folder, "logits.npy")
    np.save(given, images)
    torch.set_num_threads(2)
    if run.main(command[1], path, given, computed, command[2]):
        raise ValueError("PyTorch did not run it")
    return {"logits": np.load(computed)}


def read_torch(path):
    """Weights of a state_dict with TensorFlow's names, which have dots there."""
    import torch

    state = torch.load(path, weights_only=True)
    return {name.replace(".", "/"): tensor.numpy() for name, tensor in state.items()}


def read_checkpoint(path):
    """Weights of a checkpoint, by TensorFlow's own reader."""
    import tensorflow

    reader = tensorflow.compat.v1.train.load_checkpoint(path)
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def read_npz(path):
    """Weights of a .npz."""
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


def read_safetensors(path):
    """Weights of a safetensors file."""
    from safetensors.numpy import load_file

    return load_file(path)


def read_h5(path):
    """Weights of a Keras 2 weight file, by the names that its groups list."""
    import h5py

    weights = {}

    def add(_, group):
        for attribute in sorted(name for name in group.attrs if name.startswith("weight_names")):
            for name in group.attrs[attribute]:
                weights[name.decode().replace(":0", "")] = group[name][()]

    with h5py.File(path, "r") as file:
        file.visititems(add)
    return weights


TENSORFLOW = {"frozen": run_frozen, "saved_model": run_saved_model, "ckpt": read_checkpoint}
READERS = {  # reader -> its library, and its function for each target
    "tf1": ("tensorflow", TENSORFLOW),
    "tf2": ("tensorflow", TENSORFLOW),
    "keras": ("keras", {"keras": run_keras}),
    "onnxruntime": ("onnxruntime", {"onnx": run_onnx}),
    "litert": ("tensorflow", {"tflite": run_tflite}),
    "openvino": ("openvino", {"openvino": run_openvino}),
    "torch": ("torch", {"torch": run_torch}),
    "numpy": ("numpy", {"npz": read_npz}),
    "safetensors": ("safetensors", {"safetensors": read_safetensors}),
    "h5py": ("h5py", {"h5": read_h5}),
}
WEIGHTS = (read_checkpoint, read_npz, read_safetensors, read_h5, read_torch)


def compare(wanted, got):
    """The largest difference of any array, as a share of its largest value."""
    largest = 0.0
    for name, value in got.items():
        if name not in wanted:
            continue
        want = wanted[name]
        if want.shape != value.shape:
            raise ValueError(f"{name} has the shape {value.shape}, not {want.shape}")
        if want.dtype.kind in "SUO":
            texts = [
                [item if isinstance(item, bytes) else str(item).encode() for item in array.ravel()]
                for array in (want, value)
            ]
            largest = max(largest, 0.0 if texts[0] == texts[1] else float("inf"))
        elif want.size:
            distance = np.abs(want.astype(np.float64) - value.astype(np.float64)).max()
            scale = np.abs(want).max()
            largest = max(largest, float(distance / scale if scale else distance))
    return largest


def check(target, function, path, folder):
    """Reads one file; returns the largest difference. Raises whatever the library raises."""
    if target == "torch" and not os.path.exists(os.path.join(folder, "torch_net")):
        function = read_torch
    if function in WEIGHTS:
        wanted = read_npz(os.path.join(folder, "weights.npz"))
        got = function(path)
    else:
        own = os.path.join(folder, f"io_{target}.npz")
        arrays = own if os.path.exists(own) else os.path.join(folder, "io.npz")
        inputs, wanted = split(np.load(arrays))
        got = function(path, inputs, list(wanted))
    if function in (run_keras, run_torch):
        wanted = {name: wanted[name] for name in got}
    if function is read_torch and not set(wanted) & set(got):
        raise ValueError("no net of this size is known to PyTorch; its names are PyTorch's")
    missing = set(wanted) - set(got)
    if missing:
        raise ValueError(f"{len(missing)} missing, the first {min(missing)}")
    return compare(wanted, got)


def main(reader, *folders):
    """Reads the files of some folders, and prints one line for each."""
    library, functions = READERS[reader]
    version = __import__(library).__version__.split("-")[0]
    for folder in folders:
        with open(os.path.join(folder, "files.json")) as file:
            files = json.load(file)
        for target, function in functions.items():
            if target not in files:
                continue
            answer = {"target": target, "folder": folder, "version": version}
            try:
                answer["difference"] = check(target, function, files[target], folder)
            except Exception as error:  # every library has its own
                cause = str(error).partition("[[node")[0]  # and not the lines that built it
                answer["error"] = " ".join(f"{type(error).__name__}: {cause}".split())[:200]
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
