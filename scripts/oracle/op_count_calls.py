"""What ``op_counts.py`` calls: modules, arguments by their names, and calls of classes."""

MODULES = (
    ["tf"]
    + ["tf." + name for name in (
        "audio bitwise data debugging distributions dtypes feature_column graph_util "
        "image initializers io layers linalg losses manip math metrics nest nn "
        "nn.rnn_cell python_io quantization queue ragged random "
        "sets signal sparse spectral strings summary train "
        "keras.activations keras.backend keras.losses keras.metrics keras.initializers").split()]
    + ["tf.contrib." + name for name in (
        "layers slim slim.losses framework losses metrics rnn seq2seq crf image training nn "
        "legacy_seq2seq opt util lookup").split()]
)  # fmt: skip

FLOAT = ["f(4, 8)", "f(4, 8, 8, 3)", "f(4)", "f()", "f(4, 5, 6)", "f(4, 4)"]
INT = ["i(4)", "l(4)", "i()", "l()", "i(4, 8)", "l(4, 8)"]
GENERIC = FLOAT + INT + ["s(4)", "s()", "1", "[4]", "tf.float32", "sp()", "b(4)", "'a'"]
IMAGES = ["f(4, 8, 8, 3)", "f(8, 8, 3)", "u(8, 8, 3)"]
ARGUMENTS = {
    "x": FLOAT + ["l(4)", "i(4)", "b(4)", "c(4)", "s(4)"],
    "y": FLOAT + ["l(4)", "i(4)", "b(4)"],
    "a": ["f(4, 4)", "f(4, 8)", "i(4)", "sp()"],
    "b": ["f(4, 4)", "f(8, 4)", "i(4)"],
    "input": FLOAT + INT + ["b(4)", "c(4, 8)", "s(4)"],
    "input_tensor": FLOAT + ["b(4)", "s(4)"],
    "inputs": FLOAT + ["[f(4, 8), f(4, 8)]", "[f(4, 4)]", "f(4, 8, 8, 8, 3)", "s(4)"],
    "tensor": FLOAT + ["b(4)", "i(4)", "l(4)"],
    "tensors": ["[f(4), f(4)]", "f(4)"],
    "values": ["[f(4, 8), f(4, 8)]", "f(4)", "f(4, 8)"],
    "value": FLOAT + ["2.0"],
    "image": IMAGES, "images": IMAGES,
    "image1": IMAGES, "image2": IMAGES, "img1": IMAGES, "img2": IMAGES,
    "labels": ["f(4, 8)", "f(4)", "l(4)", "i(4)", "l(4, 1)", "b(4)", "b(4, 8)", "f(4, 8, 3)"],
    "label": ["f(4, 8)", "f(4)"],
    "logits": ["f(4, 8)", "f(4)", "f(4, 5, 6)"],
    "predictions": ["f(4, 8)", "f(4)", "l(4)", "b(4)"],
    "targets": ["f(4, 8)", "l(4)", "i(4)", "l(4, 5)"],
    "weights": ["f(4)", "f(4, 8)", "f(8, 3)", "1.0", "f(4, 5)"],
    "biases": ["f(3)", "f(8)", "f(10)"],
    "bias": ["f(8)", "f(3)"],
    "axis": ["0", "1", "-1"], "dim": ["0", "1"], "dims": ["[4, 2]", "[1]"],
    "shape": ["[4, 8]", "[4]", "i(2)"], "new_shape": ["[2, 16]", "[32]"],
    "size": ["[6, 6]", "4", "[2, 2]"], "begin": ["[0, 0]", "[0]"],
    "dtype": ["tf.float32", "tf.int32"], "out_type": ["tf.float32", "tf.int64"],
    "num_classes": ["6"], "depth": ["6"], "num": ["5", "3"],
    "num_outputs": ["5"], "units": ["5"], "filters": ["f(3, 3, 3, 2)", "5"],
    "filter": ["f(3, 3, 3, 2)", "f(3, 8, 2)", "f(3, 3, 3)"],
    "kernel_size": ["3", "[3, 3]"], "pool_size": ["2"], "ksize": ["[1, 2, 2, 1]", "2"],
    "strides": ["[1, 1, 1, 1]", "1", "[1, 2, 2, 1]", "2"], "stride": ["1", "2"],
    "padding": ["'SAME'", "'VALID'", "'same'", "1", "[[1, 1], [1, 1]]"],
    "rates": ["[1, 1, 1, 1]"], "rate": ["0.5", "2", "[1, 1]"],
    "data_format": ["'channels_first'"],
    "learning_rate": [".1"], "global_step": ["tf.train.get_or_create_global_step()"],
    "decay_steps": ["10"], "decay_rate": [".5"], "first_decay_steps": ["10"],
    "boundaries": ["[1, 2]"], "alpha": [".5"], "beta": [".5"], "lam": ["2.0"],
    "params": ["f(10, 3)", "v(10, 3)", "[f(4, 8)]"], "ids": ["l(4)", "i(4)"],
    "sp_ids": ["si()"], "sp_weights": ["None", "sp()"], "combiner": ["'mean'", "'sum'"],
    "indices": ["i(4)", "l(4)", "i(4, 1)", "l(4, 2)", "i(4, 2)"],
    "segment_ids": ["i(4)"], "num_segments": ["3"],
    "sp_input": ["sp()", "si()", "ss()"], "sp_a": ["sp()"], "sp_b": ["sp()", "f(8, 4)"],
    "sp_inputs": ["[sp(), sp()]"],
    "serialized": ["s()", "s(4)"],
    "features": ["f(4, 8)", "{'a': tf.FixedLenFeature([], tf.int64)}", "{'a': f(4, 8)}"],
    "contents": ["s()"], "bytes": ["s(4)"], "record_defaults": ["[[1.0], [1]]"],
    "records": ["s(4)"], "channels": ["3", "1"],
    "num_or_size_splits": ["2"], "multiples": ["[2, 2]", "[2]"], "paddings": ["[[1, 1], [1, 1]]"],
    "perm": ["[1, 0]"], "repeats": ["2"],
    "clip_value_min": ["0.0"], "clip_value_max": ["1.0"], "clip_norm": ["1.0"], "t": ["f(4, 8)"],
    "t_list": ["[f(4, 8), f(4)]"], "use_norm": ["f()"],
    "condition": ["b(4)", "b()"], "pred": ["b()"],
    "true_fn": ["lambda: tf.constant(1.0)"], "false_fn": ["lambda: tf.constant(2.0)"],
    "cond": ["lambda n: n < 3"], "body": ["lambda n: n + 1"], "loop_vars": ["[tf.constant(0)]"],
    "fn": ["lambda x: x * 2.0", "lambda a, x: a + x"], "elems": ["f(4, 8)"],
    "minval": ["0.0", "0"], "maxval": ["2.0", "5"], "mean": ["f(8)", "f(3)", "1.0"],
    "stddev": ["2.0"], "variance": ["f(8)", "f(3)"], "offset": ["f(3)", "None"],
    "scale": ["f(3)", "None", "0.1"], "variance_epsilon": [".1"],
    "start": ["0.0", "0", "f()"], "stop": ["1.0"], "limit": ["5"], "delta": ["1"],
    "equation": ["'ab,bc->ac'"], "axes": ["1", "[0]", "[1]"],
    "keep_prob": ["0.5", "f()"], "noise_shape": ["[4, 1]"],
    "cell": ["tf.nn.rnn_cell.LSTMCell(3)", "tf.nn.rnn_cell.GRUCell(3)"],
    "cell_fw": ["tf.nn.rnn_cell.LSTMCell(3)"], "cell_bw": ["tf.nn.rnn_cell.LSTMCell(3)"],
    "sequence_length": ["i(4)", "[2, 3, 4, 5]"], "lengths": ["i(4)"], "maxlen": ["6"],
    "sequence_lengths": ["i(4)"], "tag_indices": ["i(4, 5)"], "transition_params": ["f(6, 6)"],
    "num_sampled": ["3"], "num_true": ["1"], "num_negative_samples": ["3"],
    "true_classes": ["l(4, 1)"], "unique": ["True"], "range_max": ["10"],
    "target": ["f(4, 8)"], "output": ["f(4, 8)"], "y_true": ["f(4, 8)", "f(4, 1)"],
    "y_pred": ["f(4, 8)"], "k": ["1", "2"], "class_id": ["1"], "thresholds": ["[.2, .5]"],
    "precision": [".5"], "recall": [".5"], "sensitivity": [".5"], "specificity": [".5"],
    "boxes": ["f(4, 4)", "f(1, 4, 4)"], "scores": ["f(4)"], "max_output_size": ["3"],
    "box_ind": ["i(4)"], "box_indices": ["i(4)"], "crop_size": ["[4, 4]"],
    "target_height": ["6", "10"], "target_width": ["6", "10"],
    "offset_height": ["1"], "offset_width": ["1"], "central_fraction": [".5"],
    "max_delta": [".2"], "lower": [".5"], "upper": ["1.5"], "contrast_factor": ["1.5"],
    "saturation_factor": ["1.5"], "gain": ["1"], "gamma": ["2.0"], "angle": ["30.0"],
    "min_jpeg_quality": ["30"], "max_jpeg_quality": ["60"], "jpeg_quality": ["50"],
    "bounding_boxes": ["f(1, 4, 4)"], "image_size": ["[8, 8, 3]"], "max_val": ["1.0"],
    "tensor_list": ["[f(4), f(4)]"], "tensor_in": ["f(4)"],
    "name": ["'a'"], "tag": ["'a'"], "data": ["f(4)", "[f(4)]"], "message": ["'a'"],
    "capacity": ["32"], "batch_size": ["2"], "min_after_dequeue": ["2"],
    "input_": ["s(4)"], "pattern": ["'a'"], "rewrite": ["'b'"], "delimiter": ["' '"],
    "source": ["s(4)"], "num_buckets": ["7"], "string_tensor": ["s(4)"], "len": ["1"], "pos": ["0"],
    "on_value": ["2.0"], "off_value": ["1.0"], "keepdims": ["True"], "keep_dims": ["True"],
    "weight_decay": [".1"], "half_window_size": ["2"],
    "num_units": ["3"], "n": ["3"], "diagonal": ["f(4)"], "num_rows": ["4"],
    "rhs": ["f(4, 2)"], "matrix": ["f(4, 4)"], "chol": ["f(4, 4)"], "num_lower": ["1"],
    "num_upper": ["1"], "ord": ["2"], "frame_length": ["4"], "frame_step": ["2"],
    "signals": ["f(4, 16)"], "window_length": ["8"], "signal": ["f(4, 16)"],
    "real": ["f(4)"], "imag": ["f(4)"], "bitcast_type": ["tf.int32"], "type": ["tf.int32"],
    "num_features": ["3"], "partitions": ["i(4)"], "num_partitions": ["2"], "ref": ["v(4, 8)"],
    "updates": ["f(4)", "f(4, 8)"], "concat_dim": ["0"], "ndims": ["2"],
    "vocab_size": ["10"], "embed_dim": ["3"],
    "regularizer": ["tf.contrib.layers.l2_regularizer(.1)"],
    "activation": ["tf.nn.relu"], "activation_fn": ["tf.nn.relu", "None"],
    "normalizer_fn": ["tf.contrib.layers.batch_norm"],
    "initializer": ["tf.zeros_initializer()"], "training": ["True", "b()"],
    "kernel_regularizer": ["tf.contrib.layers.l2_regularizer(.1)"],
    "is_training": ["False", "b()"], "mask": ["b(4)"], 
    "max_norm": ["1.0"], "validate_indices": ["False"], "reduction": ["'none'"],
    "label_smoothing": [".1"], "margin": ["1.0"], "epsilon": [".1"],
    "staircase": ["True"], "cycle": ["True"], "power": ["2.0"], "end_learning_rate": [".01"],
    "pooling_type": ["'MAX'", "'AVG'"], "window_shape": ["[2, 2]"],
    "block_size": ["2"], "block_shape": ["[2, 2]"], "crops": ["[[0, 0], [0, 0]]"],
    "output_shape": ["[4, 8, 8, 3]"], "depthwise_filter": ["f(3, 3, 3, 2)"],
    "pointwise_filter": ["f(1, 1, 6, 5)"], "depth_radius": ["2"], "depth_multiplier": ["2"],
    "zero_debias": ["True"], "decay": [".9"], "variable": ["v(4, 8)"],
}  # fmt: skip
# No functions of a graph, under any of their names: they have effects outside, or never end.
UNFIT = {"tf.enable_eager_execution", "tf.disable_eager_execution", "tf.enable_v2_behavior",
         "tf.disable_v2_behavior", "tf.set_random_seed", "tf.reset_default_graph",
         "tf.enable_control_flow_v2", "tf.disable_control_flow_v2", "tf.enable_resource_variables",
         "tf.disable_resource_variables", "tf.enable_tensor_equality", "tf.disable_tensor_equality",
         "tf.enable_v2_tensorshape", "tf.disable_v2_tensorshape", "tf.test.main",
         "tf.keras.backend.clear_session", "tf.keras.backend.manual_variable_initialization",
         "tf.train.summary_iterator", "tf.io.tf_record_iterator",
         "tf.debugging.set_log_device_placement"} | {
    "tf.keras.backend." + name for name in (
        "set_epsilon", "set_floatx", "set_image_data_format", "set_learning_phase", "set_session")
}  # fmt: skip
K = "tf.keras.layers."
CALLS = [
    "None", "f(4, 8)", "sp()", "fu(tf.float32)", "v(4, 8)",
    "tf.zeros([tf.shape(f(4, 3))[0], 3])", "tf.ones((2, tf.shape(f(4, 3))[0], i()))",
    "tf.zeros([200, 200])", "tf.fill([2, 3], 1.0)", "tf.zeros_like(f(None, 3))",
    "tf.nn.swish(f(4, 8))", "tf.einsum('ab,bc->ac', f(2, 3), f(3, 4))",
    "tf.einsum('abc,cd->abd', f(2, 3, 4), f(4, 5))", "tf.linspace(0.0, 1.0, 5)",
    "tf.random_gamma([3], 2.0)", "tf.expand_dims(f(4), 0)", "tf.slice(f(4, 8), [0, 0], [2, 2])",
    "tf.nn.dropout(f(4, 8), .5)", "tf.nn.conv2d(f(4, 8, 8, 3), f(3, 3, 3, 2), [1] * 4, 'SAME')",
    "tf.nn.conv2d_transpose(f(4, 4, 4, 3), f(3, 3, 2, 3), [4, 8, 8, 2], [1, 2, 2, 1])",
    "tf.cond(b(), lambda: f(), lambda: f())", "tf.case([(b(), lambda: 1.0)], lambda: 2.0)",
    "tf.meshgrid(f(4), f(5))", "tf.reverse(f(4, 8), [1])", "tf.count_nonzero(f(4, 8))",
    "tf.py_func(abs, [f(4)], tf.float32)", "tf.cross(f(4, 3), f(4, 3))",
    "tf.extract_image_patches(f(4, 8, 8, 3), [1, 2, 2, 1], [1, 1, 1, 1], [1, 1, 1, 1], 'SAME')",
    "tf.decode_raw(s(), tf.uint8)", "tf.string_join([s(), s()])", "tf.string_split(s(4))",
    "tf.sparse_to_dense(l(4, 2), [8, 8], f(4))", "tf.image.grayscale_to_rgb(f(8, 8, 1))",
    "tf.image.psnr(f(8, 8, 3), f(8, 8, 3), 1.0)", "tf.image.ssim(f(4, 16, 16, 3), f(4, 16, 16, 3), 1.0)",
    "tf.losses.cosine_distance(f(4, 8), f(4, 8), axis=1)",
    "tf.nn.nce_loss(f(10, 4), f(10), l(5, 1), f(5, 4), 3, 10)",
    "tf.nn.sampled_softmax_loss(f(10, 4), f(10), l(5, 1), f(5, 4), 3, 10)",
    "tf.nn.sigmoid_cross_entropy_with_logits(labels=f(4, 8), logits=f(4, 8))",
    "tf.nn.softmax_cross_entropy_with_logits(labels=f(4, 8), logits=f(4, 8))",
    "tf.nn.softmax_cross_entropy_with_logits_v2(labels=f(None, 8), logits=f(None, 8))",
    "tf.nn.sparse_softmax_cross_entropy_with_logits(labels=l(4), logits=f(4, 8))",
    "tf.nn.weighted_cross_entropy_with_logits(f(4, 8), f(4, 8), pos_weight=2.0)",
    "tf.nn.batch_normalization(f(4, 8), f(8), f(8), f(8), f(8), .1)",
    "tf.train.piecewise_constant(tf.train.get_or_create_global_step(), [1, 2], [.1, .2, .3])",
    "tf.train.Saver([v(4, 8)])", "tf.train.ExponentialMovingAverage(.9).apply([v(4, 8)])",
    "tf.summary.merge([tf.summary.scalar('a', f())])",     "tf.data.Dataset.range(5).batch(2).make_one_shot_iterator().get_next()",
    "tf.data.make_initializable_iterator(tf.data.Dataset.range(5))",
] + ["tf.get_variable('v', [4, 4], initializer=tf.%s)" % name for name in (
    "zeros_initializer() ones_initializer() constant_initializer(2.0) random_normal_initializer() "
    "random_uniform_initializer() truncated_normal_initializer() orthogonal_initializer() "
    "initializers.identity() glorot_uniform_initializer() glorot_normal_initializer() "
    "uniform_unit_scaling_initializer() variance_scaling_initializer() initializers.he_normal() "
    "initializers.lecun_uniform() keras.initializers.he_uniform() "
    "contrib.layers.xavier_initializer()").split()
] + [K + call for call in (
    "Dense(3)(f(None, 8))", "Dense(3, activation='relu')(f(4, 5, 8))", "Dropout(.5)(f(4, 8))",
    "Conv1D(4, 3)(f(None, 8, 3))", "Conv2D(4, 3, activation='relu')(f(None, 8, 8, 3))",
    "Conv3D(4, 3)(f(None, 8, 8, 8, 3))", "Conv2DTranspose(4, 3)(f(None, 8, 8, 3))",
    "SeparableConv2D(4, 3)(f(None, 8, 8, 3))", "DepthwiseConv2D(3)(f(None, 8, 8, 3))",
    "BatchNormalization()(f(None, 8))", "BatchNormalization()(f(None, 8, 8, 3))",
    "BatchNormalization()(f(None, 8, 8, 3), training=True)", "Embedding(10, 3)(i(4))",
    "Embedding(10, 3)(f(None, 5))", "LSTM(3)(f(4, 5, 6))", "LSTM(3)(f(None, 5, 6))",
    "LSTM(3, return_sequences=True)(f(None, 5, 6))", "GRU(3)(f(None, 5, 6))",
    "SimpleRNN(3)(f(None, 5, 6))", "Bidirectional(tf.keras.layers.LSTM(3))(f(None, 5, 6))",
    "TimeDistributed(tf.keras.layers.Dense(3))(f(None, 5, 6))", "Flatten()(f(None, 8, 8, 3))",
    "MaxPool2D()(f(None, 8, 8, 3))", "AveragePooling2D()(f(None, 8, 8, 3))",
    "GlobalAveragePooling2D()(f(None, 8, 8, 3))", "GlobalMaxPooling1D()(f(None, 5, 6))",
    "ZeroPadding2D()(f(None, 8, 8, 3))", "UpSampling2D()(f(None, 8, 8, 3))",
    "Cropping2D()(f(None, 8, 8, 3))", "Reshape((2, 4))(f(None, 8))", "Permute((2, 1))(f(None, 5, 6))",
    "RepeatVector(2)(f(None, 8))", "LeakyReLU()(f(None, 8))", "PReLU()(f(None, 8))",
    "ELU()(f(None, 8))", "Softmax()(f(None, 8))", "Activation('relu')(f(None, 8))",
    "add([f(None, 8), f(None, 8)])", "concatenate([f(None, 8), f(None, 8)])",
    "Input((8,))", "GaussianNoise(.1)(f(None, 8))", "Masking()(f(None, 5, 6))",
    "LayerNormalization()(f(None, 8))")
] + ["tf.nn.dynamic_rnn(tf.nn.rnn_cell.%s, f(None, 5, 6), dtype=tf.float32)" % cell for cell in (
    "BasicRNNCell(3)", "GRUCell(3)", "LSTMCell(3)", "BasicLSTMCell(3)", "LSTMCell(3, num_proj=2)",
    "MultiRNNCell([tf.nn.rnn_cell.GRUCell(3)] * 1)",
    "DropoutWrapper(tf.nn.rnn_cell.GRUCell(3), .5)")
] + ["tf.layers." + call for call in (
    "dense(f(None, 8), 3)", "dropout(f(None, 8), training=True)", "flatten(f(None, 8, 8, 3))",
    "conv2d(f(None, 8, 8, 3), 4, 3)", "conv1d(f(None, 8, 3), 4, 3)",
    "batch_normalization(f(None, 8))", "batch_normalization(f(None, 8), training=True)",
    "batch_normalization(f(None, 8, 8, 3), training=b())", "max_pooling2d(f(None, 8, 8, 3), 2, 2)",
    "conv2d_transpose(f(None, 8, 8, 3), 4, 3)", "separable_conv2d(f(None, 8, 8, 3), 4, 3)")
]  # fmt: skip
