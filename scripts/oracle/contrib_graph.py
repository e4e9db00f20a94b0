"""Cases of ``tf.contrib.factorization`` (k-means) and ``tf.contrib.graph_editor``."""

# ruff: noqa: D103 (a case is called what it is about)

from __future__ import annotations

import tempfile

import numpy as np

CENTERS = np.array([[4.0, 0.0, 1.0], [-3.0, 2.0, 0.0], [0.5, -4.0, -2.0]])


def points(count=60):
    """Float32 [count, 3] around three centres, shuffled."""
    rng = np.random.RandomState(11)
    spread = rng.uniform(-1, 1, [count, 3])
    return (CENTERS[np.arange(count) % 3] + spread).astype(np.float32)


def _graph(name, steps=4, **options):
    def case(tf):
        """Trains in a session of its own, on batches where they are asked for."""
        given = tf.placeholder(tf.float32, [None, 3])
        model = tf.contrib.factorization.KMeans(given, num_clusters=3, **options)
        scores, index, distance, ready, init, train = model.training_graph()
        batches = points().reshape(-1, 20, 3) if options.get("use_mini_batch") else [points()]
        centers = next(v for v in tf.global_variables() if v.op.name == "clusters")
        found = {}
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            session.run(init, {given: batches[0]})
            found["ready"] = session.run(ready)
            found["first"] = session.run(centers)
            for step in range(steps):
                session.run(train, {given: batches[step % len(batches)]})
            found["centers"] = session.run(centers)
            tensors = (scores[0], index[0], distance[0])
            values = session.run(tensors, {given: points()})
        found.update(zip(("scores", "index", "distance"), values))  # noqa: B905 (Python 3.7)
        return found

    case.__name__ = name
    return case


def _estimator(name, **options):
    def case(tf):
        def batches():
            return tf.train.limit_epochs(tf.constant(points()), num_epochs=1)

        folder = tempfile.mkdtemp()
        config = tf.estimator.RunConfig(folder, tf_random_seed=1)
        model = tf.contrib.factorization.KMeansClustering(3, config=config, **options)
        model.train(lambda: tf.constant(points()), steps=3)
        return {
            "centers": model.cluster_centers(),
            "score": np.array(model.score(batches)),
            "index": np.array(list(model.predict_cluster_index(batches))),
            "distances": np.array(list(model.transform(batches))),
            "step": np.array(model.get_variable_value("global_step")),
        }

    case.__name__ = name
    return case


def _net(tf):
    """Two layers, where some operations wait for others."""
    x = tf.constant(points(4), name="x")
    weights = tf.constant(np.arange(6.0).reshape(3, 2) / 5, tf.float32, name="w")
    with tf.name_scope("one"):
        y = tf.tanh(tf.matmul(x, weights), name="y")
    with tf.name_scope("two"), tf.control_dependencies([x.op]):
        z = tf.add(y, 1.0, name="z")
        out = tf.reduce_sum(z, name="out")
    tf.add_to_collection("mine", y)
    tf.add_to_collection("losses", out)
    return tf.get_default_graph(), x, y, z, out


def join_texts(names):
    """Names as one array of letters, which can be compared."""
    return np.frombuffer("\n".join(["names:"] + list(names)).encode(), np.uint8).astype(np.int64)


def _names(ops):
    return join_texts(sorted(op.name for op in ops))


def editor_select(tf):
    ge = tf.contrib.graph_editor
    graph, x, y, z, out = _net(tf)
    control = ge.util.ControlOutputs(graph)
    ops = ge.get_walks_intersection_ops(y, z)
    inputs, outputs, inside = ge.compute_boundary_ts(ge.get_name_scope_ops(graph, "one"))
    near = ge.get_within_boundary_ops(graph, [z.op], [out.op, x.op], control_ios=control)
    return {
        "forward": _names(ge.get_forward_walk_ops(y.op)),
        "forward_t": _names(ge.get_forward_walk_ops([y], inclusive=False)),
        "forward_control": _names(ge.get_forward_walk_ops(x.op, control_outputs=control)),
        "forward_stop": _names(ge.get_forward_walk_ops(x.op, stop_at_ts=[y])),
        "backward": _names(ge.get_backward_walk_ops(z, within_ops=graph.get_operations())),
        "backward_control": _names(ge.get_backward_walk_ops([z.op], False, control_inputs=True)),
        "between": _names(ops),
        "union": _names(ge.get_walks_union_ops([y.op], [y.op])),
        "regex": join_texts(t.name for t in ge.filter_ts_from_regex(graph, "one|x")),
        "ops": join_texts(op.name for op in ge.select_ops("^two/.*z", y.op, z, graph=graph)),
        "ts": join_texts(t.name for t in ge.select_ts("one", out, graph=graph)),
        "all": _names(ge.get_tensors(graph)),
        "neighbours": _names(ge.get_ops_ios(z.op, control_ios=control)),
        "near": _names(near),
        "inputs": join_texts(t.name for t in inputs),
        "outputs": join_texts(t.name for t in outputs),
        "inside": join_texts(t.name for t in inside),
        "consumers": _names(ge.get_consuming_ops([y, x])),
        "stand_in": join_texts([ge.placeholder_name(y), ge.placeholder_name(scope="a")]),
    }


def editor_view(tf):
    ge = tf.contrib.graph_editor
    graph, x, y, z, _ = _net(tf)
    view = ge.sgv("^one", z, graph=graph)
    plain = ge.sgv_scope("one", graph)
    return {
        "view": join_texts(str(view).split("\n")[1:]),
        "plain": join_texts(t.name for t in list(plain.inputs) + list(plain.outputs)),
        "moved": join_texts(t.name for t in plain.remap_inputs([1, x]).inputs),
        "taken": join_texts(t.name for t in plain.remap_outputs_to_consumers().outputs),
        "unused": _names(plain.remap_inputs([]).remove_unused_ops().ops),
        "users": _names(plain.consumers()),
        "index": np.array([plain.input_index(x), plain.output_index(y)]),
        "found": join_texts([plain.find_op_by_name("one/y").name]),
    }


def editor_reroute(tf):
    ge = tf.contrib.graph_editor
    a, b, c, d = (
        tf.constant(v, name=n) for v, n in ((1.0, "a"), (2.0, "b"), (4.0, "c"), (8.0, "d"))
    )
    one, two, both = tf.add(a, b), tf.multiply(c, d), tf.subtract(b, c)
    counts = [ge.swap_ts([b], [d]), ge.reroute_ts([a], [c], can_modify=both.op)]
    half, more = tf.identity(one, name="half"), tf.negative(two, name="more")
    ge.swap_outputs(one.op, two.op)
    ge.reroute_inputs(both.op, tf.subtract(d, b, name="late").op)
    ge.swap_ios(ge.sgv(half.op), ge.sgv(more.op))
    ge.add_control_inputs(half.op, [a.op, b.op])
    waits = _names(half.op.control_inputs)
    ge.remove_control_inputs(half.op, a.op)
    return {
        "counts": np.array(counts),
        "one": one,
        "two": two,
        "both": both,
        "half": half,
        "more": more,
        "late": tf.get_default_graph().get_tensor_by_name("late:0"),
        "waits": waits,
        "still": _names(half.op.control_inputs),
    }


def editor_edit(tf):
    ge = tf.contrib.graph_editor
    _, x, y, z, out = _net(tf)
    middle = tf.negative(y, name="middle")
    after = tf.exp(middle, name="after")
    _, fed = ge.bypass(middle.op)
    ge.connect(ge.sgv(tf.sin(x, name="sine").op), ge.sgv(tf.cos(x, name="cosine").op))
    control = ge.ControlOutputs(x.graph)
    _, inputs, outputs = ge.detach(ge.sgv(z.op), control_ios=control)
    return {
        "fed": join_texts(t.op.name for t in fed),
        "after": after,
        "cosine": tf.get_default_graph().get_tensor_by_name("cosine:0"),
        "inputs": join_texts(t.op.name for t in inputs),
        "outputs": join_texts(t.op.name for t in outputs),
        "waits": _names(z.op.control_inputs),
    }


def editor_copy(tf):
    ge = tf.contrib.graph_editor
    graph, x, y, _, out = _net(tf)
    other = x * 2.0
    view, info = ge.copy_with_input_replacements(ge.sgv("^one", graph=graph), {x: other})
    view2, info2 = ge.copy(ge.sgv("^one", graph=graph), dst_scope="more")
    with tf.Graph().as_default() as there:
        ge.copy(ge.sgv(graph), there)
        copied = tf.Session().run(there.get_tensor_by_name("two/out:0"))
    return {
        "replaced": ge.graph_replace({"y": y, "out": [out]}, {x: other}, dst_scope="new")["out"][0],
        "kept": ge.graph_replace([y, x], {x: other})[0],
        "copy": info.transformed(y),
        "view": join_texts(t.name for t in list(view.inputs) + list(view.outputs)),
        "view2": join_texts(t.name for t in list(view2.inputs) + list(view2.outputs)),
        "back": join_texts([info2.original(view2.outputs[0]).name]),
        "all": _names(graph.get_operations()),
        "mine": join_texts(sorted(graph.get_all_collection_keys())),
        "there": np.array(copied),
    }


def editor_loop(tf):
    x = tf.constant(points(4), name="x")
    loop = tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.sin(a) + x), [0, x * 2.0])
    ge = tf.contrib.graph_editor
    return {"loop": ge.graph_replace(loop[1], {x: x + 1.0})}


CASES = [
    _graph("kmeans"),
    _graph("kmeans_cosine", distance_metric="cosine", random_seed=5),
    _graph("kmeans_spread", initial_clusters="kmeans_plus_plus"),
    _graph("kmeans_given", initial_clusters=CENTERS.astype(np.float32)),
    # Steps of mini-batches race in 1.15.5 too (counts are read while they are added to).
    _graph("kmeans_mini", steps=0, use_mini_batch=True),
    _graph("kmeans_mini_cosine", steps=0, use_mini_batch=True, distance_metric="cosine"),
    _graph("kmeans_mini_steps", steps=0, use_mini_batch=True, mini_batch_steps_per_iteration=2),
    _estimator("clustering", use_mini_batch=False),
    _estimator("clustering_seed", use_mini_batch=False, random_seed=3),
    _estimator(
        "clustering_spread",
        use_mini_batch=False,
        initial_clusters="kmeans_plus_plus",
        distance_metric="cosine",
    ),
    editor_select,
    editor_view,
    editor_reroute,
    editor_edit,
    editor_copy,
    editor_loop,
]
