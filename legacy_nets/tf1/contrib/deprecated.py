"""``tf.contrib.deprecated``: summaries as they were before 1.0, with tags for names."""

from __future__ import annotations

from tensorflow.compat.v1.summary import audio as audio_summary
from tensorflow.compat.v1.summary import histogram as histogram_summary
from tensorflow.compat.v1.summary import image as image_summary
from tensorflow.compat.v1.summary import merge as merge_summary
from tensorflow.compat.v1.summary import merge_all as merge_all_summaries
from tensorflow.compat.v1.summary import scalar as scalar_summary

__all__ = [
    "audio_summary",
    "histogram_summary",
    "image_summary",
    "merge_all_summaries",
    "merge_summary",
    "scalar_summary",
]
