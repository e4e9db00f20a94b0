"""tf_slim's own net on this package's names of TensorFlow 1, fed through ``session.run``."""

from __future__ import annotations

import numpy as np
from protocol import count_per_second, read_arguments, serve

from legacy_nets.quiet import quiet_tensorflow

quiet_tensorflow()

from legacy_nets import tf1 as tf
from legacy_nets.packages import find_package

slim = tf.contrib.slim
arguments = read_arguments()
name = arguments["net"]
if name == "inception_v3":
    module, scope, side = slim.nets.inception, slim.nets.inception.inception_v3_arg_scope, 299
elif name.startswith("resnet_v2_"):
    module, scope, side = slim.nets.resnet_v2, slim.nets.resnet_v2.resnet_arg_scope, 224
else:
    raise SystemExit(f"tf_slim has no {name}")
tf.disable_eager_execution()
placeholder = tf.placeholder(tf.float32, [None, side, side, 3])
with slim.arg_scope(scope()):
    logits, _ = getattr(module, name)(placeholder, 1000, is_training=False)
probabilities = tf.nn.softmax(logits)
session = tf.Session()
session.run(tf.global_variables_initializer())
measures = {}
for batch in arguments["batches"]:
    images = np.random.default_rng(0).uniform(-1, 1, (batch, side, side, 3)).astype("f")
    measures[f"batch {batch}", "tf_slim fp32"] = count_per_second(
        lambda x=images: session.run(probabilities, {placeholder: x}), batch
    )
serve(measures, {"tf_slim": str(find_package("tf-slim").installed)})
