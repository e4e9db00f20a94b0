"""Runs frozen graphs and SavedModels of this project with whichever TensorFlow runs the script.

python read_ports.py FOLDER: for each x.npz in it, runs the model x.pb or the SavedModel x with the
inputs "in:NAME", and compares the outputs "out:NAME". Prints one JSON object: model -> the largest
difference as a share of the largest value; "unread": model -> message, where it cannot be read.
TensorFlow 2 opens SavedModels by tf.saved_model.load.
"""

import json
import os
import sys

import numpy as np
import tensorflow

tf = tensorflow.compat.v1


def run_frozen(path, inputs, outputs):
    with tf.Graph().as_default(), tf.Session() as session:
        with open(path, "rb") as file:
            tf.import_graph_def(tf.GraphDef.FromString(file.read()), name="")
        feeds = {name + ":0": value for name, value in inputs.items()}
        return session.run({name: name + ":0" for name in outputs}, feeds)


def run_saved_model(path, inputs, outputs):
    if tensorflow.__version__.startswith("2."):
        signature = tensorflow.saved_model.load(path).signatures["serving_default"]
        given = {name: tensorflow.constant(value) for name, value in inputs.items()}
        return {name: value.numpy() for name, value in signature(**given).items()}
    with tf.Graph().as_default(), tf.Session() as session:
        meta = tf.saved_model.loader.load(session, ["serve"], path)
        signature = meta.signature_def["serving_default"]
        feeds = {signature.inputs[name].name: value for name, value in inputs.items()}
        return session.run({name: signature.outputs[name].name for name in outputs}, feeds)


def main(folder):
    answer = {"unread": {}}
    for file in sorted(os.listdir(folder)):
        model, ending = os.path.splitext(os.path.join(folder, file))
        if ending != ".npz":
            continue
        arrays = np.load(model + ".npz")
        inputs = {name[3:]: arrays[name] for name in arrays.files if name.startswith("in:")}
        wanted = {name[4:]: arrays[name] for name in arrays.files if name.startswith("out:")}
        for path, run in ((model + ".pb", run_frozen), (model, run_saved_model)):
            if not os.path.exists(path):
                continue
            try:
                got = run(path, inputs, wanted)
            except (ValueError, KeyError) as error:
                answer["unread"][os.path.basename(path)] = str(error)[:300]
                continue
            answer[os.path.basename(path)] = max(
                float(np.abs(got[name] - value).max() / np.abs(value).max())
                for name, value in wanted.items()
            )
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1])
