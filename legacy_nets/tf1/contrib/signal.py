"""``tf.contrib.signal``, which became ``tf.signal``."""

from __future__ import annotations

from tensorflow.compat.v1.signal import frame
from tensorflow.compat.v1.signal import hamming_window
from tensorflow.compat.v1.signal import hann_window
from tensorflow.compat.v1.signal import inverse_stft
from tensorflow.compat.v1.signal import inverse_stft_window_fn
from tensorflow.compat.v1.signal import linear_to_mel_weight_matrix
from tensorflow.compat.v1.signal import mfccs_from_log_mel_spectrograms
from tensorflow.compat.v1.signal import overlap_and_add
from tensorflow.compat.v1.signal import stft

__all__ = [
    "frame",
    "hamming_window",
    "hann_window",
    "inverse_stft",
    "inverse_stft_window_fn",
    "linear_to_mel_weight_matrix",
    "mfccs_from_log_mel_spectrograms",
    "overlap_and_add",
    "stft",
]
