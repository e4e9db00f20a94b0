"""A split of TFRecords."""

from __future__ import annotations

import dataclasses

from legacy_nets.data.splits import FileSplit


@dataclasses.dataclass(frozen=True)
class RecordSplit(FileSplit):
    """A split of records. The path of a picture is that of its file and the number of its record.

    ``train.record_pipeline`` reads it by tf.data.
    """
