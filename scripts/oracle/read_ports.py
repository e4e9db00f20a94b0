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

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "matrix"))
from readers import run_frozen, run_saved_model, split  # noqa: E402


def main(folder):
    answer = {"unread": {}}
    for file in sorted(os.listdir(folder)):
        model, ending = os.path.splitext(os.path.join(folder, file))
        if ending != ".npz":
            continue
        inputs, wanted = split(np.load(model + ".npz"))
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
