"""Names of ``tf.contrib`` that are not offered, with what to use instead."""

from __future__ import annotations

# Names inside of packages that are offered.
_NAMES = {
    "cudnn_rnn": {
        f"CudnnParamsFormatConverter{cell}": f"the variables of Cudnn{saveable} in a checkpoint"
        for cell, saveable in (("LSTM", "LSTMSaveable"), ("GRU", "GRUSaveable"))
        + (("Tanh", "RNNTanhSaveable"), ("Relu", "RNNReluSaveable"))
    },
    "distribute": {
        "CollectiveAllReduceStrategy": "tf.contrib.distribute.MirroredStrategy",
        "Monitor": "tf.train.MonitoredSession",
        "MultiWorkerAllReduce": "tf.contrib.distribute.AllReduceCrossDeviceOps",
        "ParameterServerStrategy": "tf.contrib.distribute.MirroredStrategy",
        "TPUStrategy": "tf.contrib.distribute.OneDeviceStrategy",
        "get_loss_reduction": "tf.distribute.get_loss_reduction",
        "initialize_tpu_system": "tf.tpu.initialize_system",
        "run_standard_tensorflow_server": "tf.train.Server",
    },
    "estimator": {
        "DNNClassifierWithLayerAnnotations": "tf.estimator.DNNClassifier",
        "DNNRegressorWithLayerAnnotations": "tf.estimator.DNNRegressor",
        "RNNClassifier": "tf.nn.dynamic_rnn in a model function for tf.estimator.Estimator",
        "RNNEstimator": "tf.nn.dynamic_rnn in a model function for tf.estimator.Estimator",
        "SavedModelEstimator": "tf.contrib.predictor.from_saved_model",
        "TowerOptimizer": "tf.estimator.RunConfig(train_distribute=...)",
        "boosted_trees_classifier_train_in_memory": "sklearn.ensemble.GradientBoostingClassifier",
        "boosted_trees_regressor_train_in_memory": "sklearn.ensemble.GradientBoostingRegressor",
        "build_supervised_input_receiver_fn_from_input_fn": "tf.contrib.estimator"
        ".build_raw_supervised_input_receiver_fn",
        "replicate_model_fn": "tf.estimator.RunConfig(train_distribute=...)",
    },
    "factorization": {
        "GMM": "sklearn.mixture.GaussianMixture",
        "GmmAlgorithm": "sklearn.mixture.GaussianMixture",
        "gmm": "sklearn.mixture.GaussianMixture",
        "WALSMatrixFactorization": "sklearn.decomposition.NMF",
        "WALSModel": "sklearn.decomposition.NMF",
    },
    "framework": {
        "fuse_op": "nothing (no package has it today)",
        "load_and_remap_matrix_initializer": "tf.train.load_variable",
        "load_embedding_initializer": "tf.train.load_variable",
        "load_linear_multiclass_bias_initializer": "tf.train.load_variable",
        "load_variable_slot_initializer": "tf.train.load_variable",
    },
    "image": {
        "interpolate_spline": "scipy.interpolate.RBFInterpolator",
        "sparse_image_warp": "tf.contrib.image.dense_image_warp",
        "connected_components": "scipy.ndimage.label",
        "single_image_random_dot_stereograms": "nothing (no package has it today)",
    },
    "layers": {
        "input_from_feature_columns": "tf.feature_column.input_layer",
        "joint_weighted_sum_from_feature_columns": "tf.feature_column.linear_model",
        "multi_class_target": "tf.estimator's heads",
        "parse_feature_columns_from_examples": "tf.parse_example",
        "regression_target": "tf.estimator's heads",
        "scattered_embedding_column": "tf.feature_column.embedding_column",
        "sequence_input_from_feature_columns": "tf.keras.layers.Embedding",
        "weighted_sum_from_feature_columns": "tf.feature_column.linear_model",
    },
    "legacy_seq2seq": {
        "one2many_rnn_seq2seq": "several calls of tf.contrib.legacy_seq2seq.embedding_rnn_decoder",
    },
    "nn": {
        "rank_sampled_softmax_loss": "tf.nn.sampled_softmax_loss",
        "sampled_sparse_softmax_loss": "tf.nn.sampled_softmax_loss",
    },
    "opt": {
        "AGNOptimizer": "tf.train.SyncReplicasOptimizer",
        "AdamGSOptimizer": "tf.train.AdamOptimizer",
        "DropStaleGradientOptimizer": "tf.train.SyncReplicasOptimizer",
        "ElasticAverageOptimizer": "tf.train.SyncReplicasOptimizer",
        "LazyAdamGSOptimizer": "tf.contrib.opt.LazyAdamOptimizer",
        "ModelAverageOptimizer": "tf.contrib.opt.MovingAverageOptimizer",
        "MultitaskOptimizerWrapper": "one optimizer for each task",
        "ShampooOptimizer": "tf.contrib.opt.GGTOptimizer",
        "VariableClippingOptimizer": "the constraint of tf.get_variable",
    },
    "recurrent": {"Recurrent": "tf.while_loop, or tf.nn.dynamic_rnn"},
    "rnn": {
        "BidirectionalGridLSTMCell": "tf.contrib.rnn.LSTMBlockCell",
        "CompiledWrapper": "the cell itself (XLA: tf.function(jit_compile=True))",
        "GLSTMCell": "tf.contrib.rnn.LSTMCell",
        "GridLSTMCell": "tf.contrib.rnn.LSTMBlockCell",
        "IntersectionRNNCell": "tf.contrib.rnn.UGRNNCell",
        "LSTMBlockWrapper": "tf.contrib.rnn.LSTMBlockFusedCell",
        "TimeFreqLSTMCell": "tf.contrib.rnn.LSTMBlockCell",
        "best_effort_input_batch_size": "tf.shape",
    },
    "tfprof": {"ProfileContext": "tf.train.ProfilerHook"},
    "timeseries": {
        "LSTMAutoRegressor": "TimeSeriesRegressor of a model.SequentialTimeSeriesModel",
        "OneShotPredictionHead": "predict_continuation_input_fn",
        "StructuralEnsembleRegressor": "the package statsmodels, or tensorflow_probability.sts",
        "saved_model_utils": "predict_continuation_input_fn",
        "state_space_models": "the package statsmodels, or tensorflow_probability.sts",
    },
}

# Whole packages.
_PACKAGES = {
    "all_reduce": "tf.distribute.MirroredStrategy",
    "autograph": "tf.autograph",
    "batching": "tf.nondifferentiable_batch_function",
    "bayesflow": "tensorflow_probability.mcmc",
    "bigtable": "the package google-cloud-bigtable",
    "boosted_trees": "sklearn.ensemble.GradientBoostingClassifier",
    "checkpoint": "tf.train.Checkpoint",
    "cloud": "tf.io.gfile on a mounted bucket",
    "constrained_optimization": "the package tensorflow-constrained-optimization",
    "copy_graph": "tf.import_graph_def",
    "decision_trees": "sklearn.tree",
    "ffmpeg": "tf.audio.decode_wav, or the package av",
    "fused_conv": "tf.nn.conv2d, tf.nn.bias_add and tf.nn.relu",
    "gan": "the package tensorflow-gan",
    "grid_rnn": "tf.contrib.rnn.MultiRNNCell",
    "hadoop": "tf.data.TFRecordDataset",
    "hooks": "tf.train.ProfilerHook",
    "hvx": "nothing (no package has it today)",
    "igfs": "nothing (no package has it today)",
    "input_pipeline": "tf.data",
    "integrate": "tensorflow_probability.math.ode, or scipy.integrate.odeint",
    "kafka": "the package tensorflow-io",
    "kernel_methods": "sklearn.kernel_approximation.RBFSampler",
    "kinesis": "the package tensorflow-io",
    "labeled_tensor": "the package xarray",
    "libsvm": "sklearn.datasets.load_svmlight_file",
    "linear_optimizer": "tf.train.FtrlOptimizer",
    "mixed_precision": "tf.train.experimental.enable_mixed_precision_graph_rewrite",
    "model_pruning": "the package tensorflow-model-optimization",
    "mpi_collectives": "the package horovod",
    "nccl": "tf.distribute.MirroredStrategy",
    "optimizer_v2": "the optimizers of tf.train",
    "periodic_resample": "tf.depth_to_space",
    "pi_examples": "nothing (no package has it today)",
    "proto": "tf.io.decode_proto and tf.io.encode_proto",
    "quantization": "tf.quantization and tf.raw_ops",
    "receptive_field": "legacy_nets.anatomy",
    "reduce_slice_ops": "tf.math.segment_sum",
    "remote_fused_graph": "nothing (no package has it today)",
    "resampler": "tf.contrib.image.dense_image_warp",
    "rpc": "the package grpcio",
    "saved_model": "tf.keras.models.save_model",
    "session_bundle": "tf.saved_model",
    "solvers": "tf.linalg",
    "specs": "tf.layers",
    "stat_summarizer": "tf.profiler",
    "tensorrt": "tf.experimental.tensorrt",
    "testing": "tf.test",
    "text": "the package tensorflow-text",
    "tfgan": "the package tensorflow-gan",
    "verbs": "tf.distribute",
}


def make_error(package: str, name: str) -> AttributeError:
    """Makes the error for a name that ``tf.contrib.<package>`` does not have."""
    path = f"tf.contrib.{package}.{name}" if package else f"tf.contrib.{name}"
    instead = _NAMES.get(package, {}).get(name) if package else _PACKAGES.get(name)
    if instead is None:
        return AttributeError(f"{path} is not offered by legacy_nets")
    return AttributeError(f"{path} is not offered by legacy_nets; use instead: {instead}")
