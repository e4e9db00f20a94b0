"""Short scripts in the style of the five documents, with their errors fixed.

``legacy-nets run`` runs each unmodified. The scripts of 000 to 003 and the Keras script without
eager mode are TensorFlow 1, and ran on 1.15.5 too. The training loops of 004 are TensorFlow 2.
"""

CNN_LSTM = """
import numpy as np
import tensorflow as tf

def conv2d_layer(inputs, filters, kernel_size, strides, padding):
    return tf.layers.conv2d(inputs=inputs, filters=filters, kernel_size=kernel_size,
                            strides=strides, padding=padding, activation=tf.nn.relu)

def residual_block(inputs, filters, kernel_size, strides, padding):
    conv1 = conv2d_layer(inputs, filters, kernel_size, strides, padding)
    conv2 = conv2d_layer(conv1, filters, kernel_size, strides, padding)
    return tf.add(conv2, inputs)

def lstm_layer(inputs, hidden_size, num_layers):
    cells = [tf.nn.rnn_cell.LSTMCell(hidden_size) for _ in range(num_layers)]
    stacked_lstm = tf.nn.rnn_cell.MultiRNNCell(cells)
    outputs, state = tf.nn.dynamic_rnn(stacked_lstm, inputs, dtype=tf.float32)
    return outputs

tf.set_random_seed(1)
inputs = tf.placeholder(tf.float32, shape=[None, 28, 28, 1])
labels = tf.placeholder(tf.int64, shape=[None])
net = inputs
for filters in (4, 8, 16):
    net = conv2d_layer(net, filters, 3, 1, 'same')
    net = residual_block(net, filters, 3, 1, 'same')
    net = tf.layers.max_pooling2d(inputs=net, pool_size=2, strides=2, padding='same')
lstm_output = lstm_layer(tf.reshape(net, [-1, 4, 4 * 16]), 32, 1)
residual5 = residual_block(tf.reshape(lstm_output, [-1, 4, 1, 32]), 32, 3, 1, 'same')
with tf.variable_scope('second'):
    lstm_output2 = lstm_layer(tf.reshape(residual5, [-1, 4, 32]), 32, 1)
logits = tf.layers.dense(lstm_output2[:, -1], 10)
loss = tf.losses.sparse_softmax_cross_entropy(labels=labels, logits=logits)
train_op = tf.train.AdamOptimizer(1e-3).minimize(loss)
print(logits.shape, len(tf.trainable_variables()))
rng = np.random.RandomState(0)
feed_dict = {inputs: rng.rand(8, 28, 28, 1), labels: np.arange(8)}
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for i in range(3):
        _, value = sess.run([train_op, loss], feed_dict=feed_dict)
        print('step %d loss %.4f' % (i, value))
"""

RESNET_2PLUS1D = """
import numpy as np
import tensorflow as tf

def conv3d_layer(inputs, filters, kernel_size, strides, padding):
    return tf.layers.conv3d(inputs=inputs, filters=filters, kernel_size=kernel_size,
                            strides=strides, padding=padding, activation=tf.nn.relu)

def residual_2plus1d_block(inputs, filters, kernel_size):
    conv1 = conv3d_layer(inputs, filters, (1, kernel_size, kernel_size), 1, 'same')
    conv2 = conv3d_layer(conv1, filters, (kernel_size, 1, 1), 1, 'same')
    conv3 = tf.layers.conv3d(inputs=conv2, filters=filters, kernel_size=1, padding='same')
    return tf.add(conv3, inputs)

tf.set_random_seed(2)
clips = tf.placeholder(tf.float32, shape=[None, 4, 16, 16, 3])
net = conv3d_layer(clips, 8, 3, 1, 'same')
net = conv3d_layer(net, 16, 3, 2, 'same')
net = residual_2plus1d_block(residual_2plus1d_block(net, 16, 3), 16, 3)
net = tf.layers.average_pooling3d(net, pool_size=(2, 8, 8), strides=1)
logits = tf.layers.dense(tf.layers.flatten(net), 10)
print(logits.shape, len(tf.trainable_variables()))
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    values = sess.run(logits, {clips: np.random.RandomState(0).rand(2, 4, 16, 16, 3)})
    print('sum %.4f' % np.abs(values).sum())
"""

HAND_SIGNS = """
import tempfile
import numpy as np
import tensorflow as tf

class ResNet(object):
    model_save_path = './model/resnet'

    def weight_variable(self, shape):
        return tf.Variable(tf.truncated_normal(shape, stddev=0.1))

    def identity_block(self, X_input, kernel_size, in_filter, out_filters, stage, block, training):
        f1, f2, f3 = out_filters
        with tf.variable_scope('res' + str(stage) + block):
            X = X_input
            for size, before, after in ((1, in_filter, f1), (kernel_size, f1, f2), (1, f2, f3)):
                W_conv = self.weight_variable([size, size, before, after])
                X = tf.nn.conv2d(X, W_conv, strides=[1, 1, 1, 1], padding='SAME')
                X = tf.layers.batch_normalization(X, axis=3, training=training)
                X = tf.nn.relu(X) if after != f3 else X
            return tf.nn.relu(tf.add(X, X_input))

    def deepnn(self, x_input, classes=6):
        x = tf.pad(x_input, tf.constant([[0, 0], [3, 3], [3, 3], [0, 0]]), "CONSTANT")
        with tf.variable_scope('reference'):
            training = tf.placeholder(tf.bool, name='training')
            w_conv1 = self.weight_variable([7, 7, 3, 16])
            x = tf.nn.conv2d(x, w_conv1, strides=[1, 2, 2, 1], padding='VALID')
            x = tf.layers.batch_normalization(x, axis=3, training=training)
            x = tf.nn.relu(x)
            x = tf.nn.max_pool(x, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding='VALID')
            assert (x.get_shape() == (x.get_shape()[0], 15, 15, 16))
            x = self.identity_block(x, 3, 16, [4, 4, 16], stage=2, block='b', training=training)
            x = tf.nn.avg_pool(x, [1, 2, 2, 1], strides=[1, 1, 1, 1], padding='VALID')
            x = tf.layers.dense(tf.layers.flatten(x), units=50, activation=tf.nn.relu)
            with tf.name_scope('dropout'):
                keep_prob = tf.placeholder(tf.float32)
                x = tf.nn.dropout(x, keep_prob)
            logits = tf.layers.dense(x, units=classes)
        return logits, keep_prob, training

    def train(self, X_train, Y_train):
        features = tf.placeholder(tf.float32, [None, 64, 64, 3])
        labels = tf.placeholder(tf.int64, [None, 6])
        logits, keep_prob, train_mode = self.deepnn(features)
        with tf.name_scope('loss'):
            cost = tf.reduce_mean(
                tf.losses.softmax_cross_entropy(onehot_labels=labels, logits=logits))
        with tf.name_scope('adam_optimizer'):
            update_ops = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
            with tf.control_dependencies(update_ops):
                train_step = tf.train.AdamOptimizer(1e-3).minimize(cost)
        train_writer = tf.summary.FileWriter(tempfile.mkdtemp())
        train_writer.add_graph(tf.get_default_graph())
        saver = tf.train.Saver()
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            for i in range(30):
                feed = {features: X_train, labels: Y_train, keep_prob: 1.0}
                train_step.run(feed_dict={**feed, train_mode: True})
                if i % 10 == 0:
                    train_cost = sess.run(cost, feed_dict={**feed, train_mode: True})
                    print('step %d, training cost %.3f' % (i, train_cost))
            saver.save(sess, self.model_save_path)

    def evaluate(self, test_features, test_labels):
        tf.reset_default_graph()
        x = tf.placeholder(tf.float32, [None, 64, 64, 3])
        logits, keep_prob, train_mode = self.deepnn(x)
        right = tf.equal(tf.argmax(logits, 1), tf.argmax(test_labels, 1))
        accuracy = tf.reduce_mean(tf.cast(right, tf.float32))
        saver = tf.train.Saver()
        with tf.Session() as sess:
            saver.restore(sess, self.model_save_path)
            feed = {x: test_features, keep_prob: 1.0, train_mode: True}
            print('accuracy %g' % sess.run(accuracy, feed_dict=feed))

tf.set_random_seed(3)
shades = np.linspace(0, 1, 6)[:, None, None, None] * np.ones([6, 64, 64, 3])
shades = shades + np.random.RandomState(0).rand(6, 64, 64, 3) * 0.1
net = ResNet()
net.train(shades, np.eye(6))
net.evaluate(shades, np.eye(6))
"""

INCEPTION = """
import numpy as np
import tensorflow as tf
import tensorflow.contrib.slim as slim
trunc_normal = lambda stddev: tf.truncated_normal_initializer(0.0, stddev)

def inception_v3_arg_scope(weight_decay=0.00004, stddev=0.1):
    params = {'decay': 0.9997, 'epsilon': 0.001, 'updates_collections': tf.GraphKeys.UPDATE_OPS}
    with slim.arg_scope([slim.conv2d], weights_regularizer=slim.l2_regularizer(weight_decay)):
        with slim.arg_scope([slim.conv2d], weights_initializer=trunc_normal(stddev),
                            activation_fn=tf.nn.relu, normalizer_fn=slim.batch_norm,
                            normalizer_params=params) as sc:
            return sc

def inception_base(inputs, scope=None):
    end_points = {}
    with tf.variable_scope(scope, 'InceptionV3', [inputs]):
        with slim.arg_scope([slim.conv2d, slim.max_pool2d, slim.avg_pool2d],
                            stride=1, padding='VALID'):
            net = slim.conv2d(inputs, 8, [3, 3], stride=2, scope='Conv2d_1a_3x3')
            net = slim.conv2d(net, 16, [3, 3], padding='SAME', scope='Conv2d_2b_3x3')
            net = slim.max_pool2d(net, [3, 3], stride=2, scope='MaxPool_3a_3x3')
        with slim.arg_scope([slim.conv2d, slim.max_pool2d, slim.avg_pool2d],
                            stride=1, padding='SAME'):
            with tf.variable_scope('Mixed_5b'):
                with tf.variable_scope('Branch_0'):
                    branch_0 = slim.conv2d(net, 8, [1, 1], scope='Conv2d_0a_1x1')
                with tf.variable_scope('Branch_1'):
                    branch_1 = slim.conv2d(net, 6, [1, 1], scope='Conv2d_0a_1x1')
                    branch_1 = slim.conv2d(branch_1, 8, [1, 7], scope='Conv2d_0b_1x7')
                    branch_1 = slim.conv2d(branch_1, 8, [7, 1], scope='Conv2d_0c_7x1')
                with tf.variable_scope('Branch_3'):
                    branch_3 = slim.avg_pool2d(net, [3, 3], scope='AvgPool_0a_3x3')
                    branch_3 = slim.conv2d(branch_3, 4, [1, 1], scope='Conv2d_0b_1x1')
                net = tf.concat(axis=3, values=[branch_0, branch_1, branch_3])
            end_points['Mixed_5b'] = net
    return net, end_points

def inception(inputs, num_classes, is_training=True, dropout_keep_prob=0.8):
    with slim.arg_scope([slim.batch_norm, slim.dropout], is_training=is_training):
        net, end_points = inception_base(inputs)
        with tf.variable_scope('Logits'):
            net = slim.avg_pool2d(net, net.get_shape().as_list()[1:3], padding='VALID')
            net = slim.dropout(net, keep_prob=dropout_keep_prob, scope='Dropout_1b')
            logits = slim.conv2d(net, num_classes, [1, 1], activation_fn=None,
                                 normalizer_fn=None, scope='Conv2d_1c_1x1')
            logits = tf.squeeze(logits, [1, 2], name='SpatialSqueeze')
        end_points['Predictions'] = slim.softmax(logits, scope='Predictions')
    return logits, end_points

tf.set_random_seed(4)
inputs = tf.constant(np.random.RandomState(0).rand(2, 43, 43, 3), tf.float32)
with slim.arg_scope(inception_v3_arg_scope()):
    logits, end_points = inception(inputs, 5, is_training=False)
print(end_points['Mixed_5b'].shape, end_points['Predictions'].op.name)
print(sorted(v.op.name for v in slim.get_model_variables())[-2:])
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    predictions = sess.run(end_points['Predictions'])
    print('sum %.4f largest %.4f' % (predictions.sum(), predictions.max()))
    print('decay %.6f' % sess.run(tf.losses.get_regularization_loss()))
"""

RESNET_V2 = """
import collections
import tensorflow as tf
slim = tf.contrib.slim

class Block(collections.namedtuple('Block', ['scope', 'unit_fn', 'args'])):
    'A named tuple describing a block.'

def subsample(inputs, factor, scope=None):
    return inputs if factor == 1 else slim.max_pool2d(inputs, [1, 1], stride=factor, scope=scope)

def conv2d_same(inputs, num_outputs, kernel_size, stride, scope=None):
    if stride == 1:
        return slim.conv2d(inputs, num_outputs, kernel_size, stride=1, padding='SAME', scope=scope)
    pad_beg = (kernel_size - 1) // 2
    pad_end = kernel_size - 1 - pad_beg
    inputs = tf.pad(inputs, [[0, 0], [pad_beg, pad_end], [pad_beg, pad_end], [0, 0]])
    return slim.conv2d(inputs, num_outputs, kernel_size, stride=stride, padding='VALID',
                       scope=scope)

@slim.add_arg_scope
def bottleneck(inputs, depth, depth_bottleneck, stride, outputs_collections=None, scope=None):
    with tf.variable_scope(scope, 'bottleneck_v2', [inputs]) as sc:
        depth_in = slim.utils.last_dimension(inputs.get_shape(), min_rank=4)
        preact = slim.batch_norm(inputs, activation_fn=tf.nn.relu, scope='preact')
        if depth == depth_in:
            shortcut = subsample(inputs, stride, 'shortcut')
        else:
            shortcut = slim.conv2d(preact, depth, [1, 1], stride=stride, normalizer_fn=None,
                                   activation_fn=None, scope='shortcut')
        residual = slim.conv2d(preact, depth_bottleneck, [1, 1], stride=1, scope='conv1')
        residual = conv2d_same(residual, depth_bottleneck, 3, stride, scope='conv2')
        residual = slim.conv2d(residual, depth, [1, 1], stride=1, normalizer_fn=None,
                               activation_fn=None, scope='conv3')
        output = shortcut + residual
        return slim.utils.collect_named_outputs(outputs_collections, sc.name, output)

@slim.add_arg_scope
def stack_blocks_dense(net, blocks, outputs_collections=None):
    for block in blocks:
        with tf.variable_scope(block.scope, 'block', [net]) as sc:
            for i, unit in enumerate(block.args):
                with tf.variable_scope('unit_%d' % (i + 1), values=[net]):
                    depth, depth_bottleneck, stride = unit
                    net = block.unit_fn(net, depth=depth, depth_bottleneck=depth_bottleneck,
                                        stride=stride)
            net = slim.utils.collect_named_outputs(outputs_collections, sc.name, net)
    return net

blocks = [Block('block1', bottleneck, [(32, 8, 1)] * 2 + [(32, 8, 2)]),
          Block('block2', bottleneck, [(64, 16, 1)] * 2)]
tf.set_random_seed(5)
inputs = tf.random_uniform([2, 33, 33, 3], seed=6)
with tf.variable_scope('resnet_v2', 'resnet_v2', [inputs]) as sc:
    end_points_collection = sc.original_name_scope + '_end_points'
    with slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm):
        with slim.arg_scope([bottleneck, stack_blocks_dense],
                            outputs_collections=end_points_collection):
            net = stack_blocks_dense(inputs, blocks)
    end_points = slim.utils.convert_collection_to_dict(end_points_collection)
print(net.shape, len(slim.get_variables()), len(end_points))
print(sorted(end_points)[0], tf.trainable_variables()[-1].op.name)
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    print('mean %.4f' % sess.run(tf.reduce_mean(tf.abs(net))))
"""

KERAS_FIT = """
import numpy as np
import tensorflow as tf
from tensorflow.keras import layers, models, Model, Sequential

def AlexNet(im_height=64, im_width=64, num_classes=5):
    input_image = layers.Input(shape=(im_height, im_width, 3), dtype="float32")
    x = layers.ZeroPadding2D(((1, 2), (1, 2)))(input_image)
    x = layers.Conv2D(8, kernel_size=11, strides=4, activation="relu")(x)
    x = layers.MaxPool2D(pool_size=3, strides=2)(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.2)(x)
    x = layers.Dense(num_classes)(x)
    return models.Model(inputs=input_image, outputs=layers.Softmax()(x))

def main():
    rng = np.random.RandomState(0)
    labels = np.eye(5)[np.arange(20) % 5]
    images = labels.argmax(1)[:, None, None, None] / 5. + rng.rand(20, 64, 64, 3) * 0.1
    model = AlexNet()
    model.summary()
    model.compile(optimizer=tf.keras.optimizers.Adam(learning_rate=0.005),
                  loss=tf.keras.losses.CategoricalCrossentropy(from_logits=False),
                  metrics=["accuracy"])
    callbacks = [tf.keras.callbacks.ModelCheckpoint(
        filepath='./myAlex.h5', save_best_only=True, save_weights_only=True, monitor='val_loss')]
    history = model.fit(x=images, y=labels, batch_size=10, epochs=3, verbose=0,
                        validation_data=(images, labels), callbacks=callbacks)
    print(sorted(history.history), len(history.history['loss']))
    again = AlexNet()
    again.load_weights('./myAlex.h5')
    print('sum %.3f' % again.predict(images).sum())
    print(np.argmin(history.history['val_loss']) >= 0, history.history['val_loss'][-1] < 3)

if __name__ == '__main__':
    main()
"""

KERAS_DEMO = """
from __future__ import absolute_import, division, print_function, unicode_literals
import numpy as np
import tensorflow as tf
from model import MyModel
tf.random.set_seed(1)

def main():
    labels = np.arange(64) % 10
    images = np.zeros([64, 28, 28])
    images[np.arange(64), labels * 2] = 255
    images = (images / 255.0)[..., tf.newaxis]
    train_ds = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(10000).batch(32)
    model = MyModel()
    loss_object = tf.keras.losses.SparseCategoricalCrossentropy()
    optimizer = tf.keras.optimizers.Adam()
    train_loss = tf.keras.metrics.Mean(name='train_loss')
    train_accuracy = tf.keras.metrics.SparseCategoricalAccuracy(name='train_accuracy')

    @tf.function
    def train_step(images, labels):
        with tf.GradientTape() as tape:
            predictions = model(images)
            loss = loss_object(labels, predictions)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables))
        train_loss(loss)
        train_accuracy(labels, predictions)

    for epoch in range(20):
        train_loss.reset_states()
        train_accuracy.reset_states()
        for images, labels in train_ds:
            train_step(images, labels)
    template = 'Epoch {}, parameters {}, accuracy {}, loss below 1: {}'
    print(template.format(epoch + 1, model.count_params(), train_accuracy.result() * 100,
                          train_loss.result() < 1))

if __name__ == '__main__':
    main()
"""

KERAS_DEMO_MODEL = """
from tensorflow.keras.layers import Dense, Flatten, Conv2D
from tensorflow.keras import Model

class MyModel(Model):
    def __init__(self):
        super(MyModel, self).__init__()
        self.conv1 = Conv2D(8, 3, activation='relu')
        self.flatten = Flatten()
        self.d1 = Dense(32, activation='relu')
        self.d2 = Dense(10, activation='softmax')

    def call(self, x, **kwargs):
        return self.d2(self.d1(self.flatten(self.conv1(x))))
"""

FLOWERS_MODEL = """
from tensorflow.keras import layers, models

def small(im_height=64, im_width=64, num_classes=5):
    input_image = layers.Input(shape=(im_height, im_width, 3), dtype="float32")
    x = layers.Conv2D(8, kernel_size=11, strides=4, activation="relu")(input_image)
    x = layers.GlobalAvgPool2D()(x)
    return models.Model(inputs=input_image, outputs=layers.Softmax()(layers.Dense(num_classes)(x)))
"""

FLOWERS_TRAIN = """
from tensorflow.keras.preprocessing.image import ImageDataGenerator
import matplotlib.pyplot as plt
from model import small
import tensorflow as tf
import json
import os

def main():
    image_path = os.path.join(os.path.abspath(os.path.join(os.getcwd(), "../..")), "flower_data")
    generator = ImageDataGenerator(rescale=1. / 255, horizontal_flip=True)
    data = {half: generator.flow_from_directory(
                directory=os.path.join(image_path, half), batch_size=5, shuffle=half == "train",
                target_size=(64, 64), class_mode='categorical')
            for half in ("train", "val")}
    with open('class_indices.json', 'w') as json_file:
        json_file.write(json.dumps({v: k for k, v in data["train"].class_indices.items()}))
    model = small()
    model.compile(optimizer=tf.keras.optimizers.Adam(learning_rate=0.0005),
                  loss=tf.keras.losses.CategoricalCrossentropy(from_logits=False),
                  metrics=["accuracy"])
    os.makedirs("save_weights")
    callbacks = [tf.keras.callbacks.ModelCheckpoint(
        filepath='./save_weights/small.h5', save_best_only=True, save_weights_only=True,
        monitor='val_loss')]
    history = model.fit(x=data["train"], steps_per_epoch=data["train"].n // 5, epochs=2, verbose=0,
                        validation_data=data["val"], validation_steps=data["val"].n // 5,
                        callbacks=callbacks)
    plt.plot(range(2), history.history["accuracy"], label='train_accuracy')
    plt.show()
    print(sorted(history.history))

if __name__ == '__main__':
    main()
"""

FLOWERS_PREDICT = """
import json
from PIL import Image
import numpy as np
import matplotlib.pyplot as plt
from model import small

def main():
    img = Image.open("../tulip.jpg").resize((64, 64))
    plt.imshow(img)
    img = np.expand_dims(np.array(img) / 255., 0)
    with open("class_indices.json", "r") as f:
        class_indict = json.load(f)
    model = small()
    model.load_weights("./save_weights/small.h5")
    result = np.squeeze(model.predict(img, verbose=0))
    for i in range(len(result)):
        print("class: {:10}   prob: {:.3}".format(class_indict[str(i)], result[i]))
    print('sum %.3f' % result.sum())
    plt.show()

if __name__ == '__main__':
    main()
"""
