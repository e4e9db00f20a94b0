"""TensorFlow 1.15.5 runs the frozen graph, fed through ``session.run``. Python 3.7."""

from __future__ import annotations

import json
import os

import numpy as np
import tensorflow as tf
from protocol import count_per_second, read_arguments, serve

arguments = read_arguments()
start = os.path.join(arguments["folder"], arguments["net"])
with open(start + ".json") as file:
    facts = json.load(file)
graph_def = tf.GraphDef()
with open(start + ".tf1.pb", "rb") as file:
    graph_def.ParseFromString(file.read())
tf.import_graph_def(graph_def, name="")
session = tf.Session()
measures = {}
for batch in arguments["batches"]:
    images = np.random.RandomState(0).uniform(-1, 1, [batch] + facts["shape"]).astype("f")

    def run(images=images):
        """One batch."""
        session.run(facts["output"], {facts["input"]: images})

    measures[f"batch {batch}", "TensorFlow 1.15.5 fp32"] = count_per_second(run, batch)
serve(measures, {"TensorFlow 1": tf.__version__})
