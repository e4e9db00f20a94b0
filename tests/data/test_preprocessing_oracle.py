"""Evaluation pixels equal what slim's preprocessing computed under TensorFlow 1.15.5."""

import subprocess

import numpy as np

from legacy_nets.data.preprocessing import crop_and_resize, scale_pixels

ASK = """
import sys
import numpy as np
import tensorflow as tf
picture = np.load(sys.argv[1])
image = tf.image.convert_image_dtype(tf.constant(picture), tf.float32)
image = tf.image.central_crop(image, central_fraction=0.875)
image = tf.image.resize_bilinear(tf.expand_dims(image, 0), [37, 53], align_corners=False)
image = tf.multiply(tf.subtract(image[0], 0.5), 2.0)
with tf.Session() as session:
    np.save(sys.argv[2], session.run(image))
"""


def test_inception_pixels(oracle, tmp_path):
    picture = np.random.RandomState(0).randint(0, 256, (61, 90, 3)).astype(np.uint8)
    np.save(tmp_path / "in.npy", picture)
    paths = [str(tmp_path / "in.npy"), str(tmp_path / "out.npy")]
    subprocess.run([oracle, "-c", ASK, *paths], check=True, capture_output=True)
    got = scale_pixels(crop_and_resize(picture, "inception", 37, 53), "inception")
    np.testing.assert_allclose(got, np.load(tmp_path / "out.npy"), atol=1e-5)
