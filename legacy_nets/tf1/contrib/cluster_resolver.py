"""``tf.contrib.cluster_resolver``: TensorFlow's own, which went to ``tf.distribute``."""

from __future__ import annotations

import tensorflow.compat.v1 as tf

_here = tf.distribute.cluster_resolver
ClusterResolver = _here.ClusterResolver
GCEClusterResolver = _here.GCEClusterResolver
KubernetesClusterResolver = _here.KubernetesClusterResolver
SimpleClusterResolver = _here.SimpleClusterResolver
SlurmClusterResolver = _here.SlurmClusterResolver
TFConfigClusterResolver = _here.TFConfigClusterResolver
TPUClusterResolver = _here.TPUClusterResolver
UnionClusterResolver = _here.UnionResolver
