"""Reads and writes TFRecords with slim's code in TensorFlow 1.15.5.

    python slim_records.py PATTERN OUT

Reads every image of the files of PATTERN as slim's datasets/flowers.py does (one of each image, in
one epoch), writes them to the TFRecord OUT as slim's datasets/dataset_utils.py does
(image_to_tfexample, PNG), and prints [label, shape, sum of the pixels] of each as JSON.
"""

import glob
import json
import sys

import tensorflow as tf

slim = tf.contrib.slim


def int64_feature(value):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def bytes_feature(value):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def image_to_tfexample(image_data, image_format, height, width, class_id):
    features = {
        "image/encoded": bytes_feature(image_data),
        "image/format": bytes_feature(image_format),
        "image/class/label": int64_feature(class_id),
        "image/height": int64_feature(height),
        "image/width": int64_feature(width),
    }
    return tf.train.Example(features=tf.train.Features(feature=features))


def make_dataset(pattern, count):
    keys_to_features = {
        "image/encoded": tf.FixedLenFeature((), tf.string, default_value=""),
        "image/format": tf.FixedLenFeature((), tf.string, default_value="png"),
        "image/class/label": tf.FixedLenFeature(
            [], tf.int64, default_value=tf.zeros([], dtype=tf.int64)
        ),
    }
    items_to_handlers = {
        "image": slim.tfexample_decoder.Image(),
        "label": slim.tfexample_decoder.Tensor("image/class/label"),
    }
    decoder = slim.tfexample_decoder.TFExampleDecoder(keys_to_features, items_to_handlers)
    return slim.dataset.Dataset(
        data_sources=pattern,
        reader=tf.TFRecordReader,
        decoder=decoder,
        num_samples=count,
        items_to_descriptions={},
        num_classes=5,
    )


def main(pattern, out):
    count = sum(1 for file in glob.glob(pattern) for _ in tf.python_io.tf_record_iterator(file))
    provider = slim.dataset_data_provider.DatasetDataProvider(
        make_dataset(pattern, count), shuffle=False, num_readers=1, num_epochs=1
    )
    image, label = provider.get(["image", "label"])
    png = tf.image.encode_png(image)
    results = []
    with tf.Session() as session, tf.python_io.TFRecordWriter(out) as writer:
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        threads = tf.train.start_queue_runners(session, tf.train.Coordinator())
        assert threads
        for _ in range(count):
            picture, class_id, encoded = session.run([image, label, png])
            results.append([int(class_id), list(picture.shape), int(picture.sum())])
            example = image_to_tfexample(encoded, b"png", *picture.shape[:2], int(class_id))
            writer.write(example.SerializeToString())
    print(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
