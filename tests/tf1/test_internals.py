"""Private modules of TensorFlow 1.15 that today's TensorFlow lacks; values are 1.15.5's."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from tensorflow.core.framework import dataset_options_pb2

from legacy_nets import tf1 as tf

PYTHON = "legacy_nets.tf1.python"


def get(module, name):
    return getattr(importlib.import_module(f"{PYTHON}.{module}"), name)


def test_a_data_set_with_threads_of_its_own():
    threads = importlib.import_module(f"{PYTHON}.data.experimental.ops.threadpool")
    with tf.Graph().as_default(), tf.Session() as session:
        numbers = tf.data.Dataset.range(4).map(lambda x: x * 2, num_parallel_calls=2)
        pool = threads.PrivateThreadPool(2, display_name="pool")
        batches = threads.override_threadpool(numbers, pool).batch(4)
        iterator = tf.data.make_initializable_iterator(batches)
        session.run(iterator.initializer)
        assert session.run(iterator.get_next()).tolist() == [0, 2, 4, 6]
        options = [op for op in batches._variant_tensor.graph.get_operations()
                   if op.type == "OptionsDataset"]  # fmt: skip
    proto = dataset_options_pb2.Options.FromString(options[0].get_attr("serialized_options"))
    assert proto.threading_options.private_threadpool_size == 2


def test_an_events_writer_writes_what_tensorboard_reads(tmp_path):
    from legacy_nets.tf1.core.util import event_pb2

    make = get("pywrap_tensorflow", "EventsWriter")
    writer = make(tf.compat.as_bytes(str(tmp_path / "events")))
    writer.InitWithSuffix(b".x")
    value = tf.Summary.Value(tag="loss", simple_value=0.5)
    writer.WriteEvent(event_pb2.Event(wall_time=1.0, step=3, summary=tf.Summary(value=[value])))
    writer.Flush()
    name = tf.compat.as_str(writer.FileName())
    writer.Close()
    assert [str(path) for path in tmp_path.iterdir()] == [name]
    assert name.startswith(f"{tmp_path}/events.out.tfevents.") and name.endswith(".x")
    events = list(tf.train.summary_iterator(name))
    assert [event.file_version for event in events] == ["brain.Event:2", ""]
    assert (events[1].step, events[1].summary.value[0].simple_value) == (3, 0.5)
    with pytest.raises(TypeError, match="Expected an event_pb2.Event proto"):
        writer.WriteEvent(3)


def test_a_profile_is_taken_and_written(tmp_path):
    profiler = importlib.import_module(f"{PYTHON}.eager.profiler")
    with pytest.raises(profiler.ProfilerNotRunningError):
        profiler.stop()
    with tf.Graph().as_default(), tf.Session() as session, profiler.Profiler(str(tmp_path)):
        with pytest.raises(profiler.ProfilerAlreadyRunningError):
            profiler.start()
        session.run(tf.matmul(tf.ones([8, 8]), tf.ones([8, 8])))
    (profile,) = tmp_path.glob("plugins/profile/*/local.xplane.pb")
    assert b"/host:CPU" in profile.read_bytes()
    assert len(list(tmp_path.glob("*.profile-empty"))) == 1


def test_graph_transforms_fold_and_remove():
    tools = importlib.import_module("legacy_nets.tf1.tools.graph_transforms")
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        weights = tf.constant(np.ones([4, 3], np.float32)) * tf.constant(2.0)
        tf.identity(tf.matmul(x, tf.identity(weights), name="product"), name="y")
        tf.identity(x, name="unused")
    transforms = ["strip_unused_nodes", "remove_nodes(op=Identity)", "fold_constants()"]
    done = tools.TransformGraph(graph.as_graph_def(), ["x"], ["product"], transforms)
    assert sorted(node.op for node in done.node) == ["Const", "MatMul", "Placeholder"]
    with pytest.raises(ValueError, match="'nonsense' not recognized"):
        tools.TransformGraph(graph.as_graph_def(), ["x"], ["y"], ["nonsense"])


def test_functions_that_moved_or_went():
    with tf.Graph().as_default(), tf.Session() as session:
        pair = tf.split(tf.zeros([2]), 2)[0].op
        shapes = get("framework.common_shapes", "unknown_shape")(pair)
        assert [shape.rank for shape in shapes] == [None, None]
        assert get("framework.ops", "RegisterShape")("MatMul")(len) is len
        with get("framework.ops", "default_session")(session):
            assert tf.get_default_session() is session
        variable = tf.get_variable("v", [2], use_resource=False)
        proto = get("ops.resource_variable_ops", "_to_proto_fn")(variable)
        again = get("ops.resource_variable_ops", "_from_proto_fn")(proto)
        assert again.name == "v:0"
        assert isinstance(variable, get("ops.variables", "VariableV1"))
    ops = get("framework.op_def_registry", "get_registered_ops")()
    assert ops["MatMul"].input_arg[0].name == "a"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("distribute.all_reduce", "build_ring_all_reduce"),
        ("distribute.distribution_strategy_context", "get_replica_context"),
        ("training.training_ops", "resource_apply_adam"),
        ("training.gen_training_ops", "apply_momentum"),
        ("util.deprecation_wrapper", "DeprecationWrapper"),
        ("pywrap_tensorflow_internal", "EventsWriter"),
        ("data.experimental.ops.threading_options", "ThreadingOptions"),
        ("tpu.tpu_config", "TPUConfig"),
        ("tpu.tpu_estimator", "TPUEstimatorSpec"),
        ("training.tracking.graph_view", "ObjectGraphView"),
        ("training.tracking.base", "Trackable"),
        ("training.tracking.data_structures", "NoDependency"),
        ("training.tracking.util", "Checkpoint"),
        ("training.tracking.tracking", "AutoTrackable"),
        ("keras.preprocessing.sequence", "pad_sequences"),
        ("keras.utils.generic_utils", "CustomObjectScope"),
    ],
)
def test_private_modules_that_moved(module, name):
    assert callable(get(module, name))


def test_a_tensor_like_class_needs_two_properties():
    register = get("framework.ops", "register_dense_tensor_like_type")

    class Whole:
        name = property(lambda self: "x")
        dtype = property(lambda self: tf.float32)

    class Half:
        name = property(lambda self: "x")
        dtype = tf.float32

    assert register(Whole) is None
    with pytest.raises(TypeError, match="^Type Half does not define a `dtype` property$"):
        register(Half)


def test_tensor_likes_are_tensors_slices_and_sparse_tensors():
    tensor_like = get("framework.ops", "_TensorLike")
    with tf.Graph().as_default():
        tensor = tf.zeros([2])
        assert isinstance(tensor, tensor_like)
        assert isinstance(tf.IndexedSlices(tensor, tf.constant([0, 1])), tensor_like)
        assert isinstance(tf.SparseTensor([[0], [1]], tensor, [2]), tensor_like)
        assert not isinstance(tf.get_variable("v", [2], use_resource=True), tensor_like)


def test_a_module_reached_as_an_attribute_is_the_imported_one():
    sequence = tf.python.keras.preprocessing.sequence
    assert sequence.pad_sequences([[1], [2, 3]]).tolist() == [[0, 1], [2, 3]]
    assert tf.python.keras.utils.generic_utils.CustomObjectScope is tf.keras.utils.CustomObjectScope


def test_compat_v2_has_the_estimators_of_its_api():
    assert tf.compat.v2.estimator.DNNClassifier is not tf.estimator.DNNClassifier
    assert issubclass(tf.compat.v2.estimator.DNNClassifier, tf.compat.v2.estimator.Estimator)
    assert tf.compat.v2.compat.v1 is tf


def test_dense_features_of_columns():
    for module in ("feature_column_lib", "dense_features", "feature_column_v2"):
        layer = get(f"feature_column.{module}", "DenseFeatures")(
            [tf.feature_column.numeric_column("a")]
        )
        with tf.Graph().as_default(), tf.Session() as session:
            found = session.run(layer({"a": tf.constant([[1.0], [2.0]])}))
        assert found.tolist() == [[1.0], [2.0]]


def test_private_functions_of_contrib_decoders():
    from legacy_nets.tf1.contrib.seq2seq.python.ops import decoder, helper

    with tf.Graph().as_default(), tf.Session() as session:
        assert decoder._transpose_batch_time(tf.zeros([2, 3, 4])).shape.as_list() == [3, 2, 4]
        zeros = decoder._create_zero_outputs((3, tf.TensorShape([])), (tf.int32, tf.float32), 2)
        assert [z.dtype for z in zeros] == [tf.int32, tf.float32]
        assert [z.tolist() for z in session.run(zeros)] == [[[0, 0, 0], [0, 0, 0]], [0, 0]]
        array = helper._unstack_ta(tf.constant([[1, 2], [3, 4]]))
        assert session.run([array.size(), array.read(1)])[1].tolist() == [3, 4]
