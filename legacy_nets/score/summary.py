"""The summary of scored shards, as a line and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from legacy_nets.files import replace_on_success
from legacy_nets.journal import Event
from legacy_nets.language import translate
from legacy_nets.language.lines import translate_line
from legacy_nets.score.shard import ShardResult
from legacy_nets.types import Json


class Summary(NamedTuple):
    """What became of the shards."""

    header: Event  # what they were scored with
    results: Mapping[str, ShardResult]  # by the name of the shard
    earlier: int  # shards that an earlier run finished
    pictures: int  # of this run
    seconds: float  # of this run

    @property
    def failures(self) -> dict[str, str]:
        """Name of a shard -> why it has no output."""
        return {name: row.failure for name, row in sorted(self.results.items()) if row.failure}

    @property
    def images(self) -> int:
        """Counts the rows of all outputs."""
        return sum(result.images for result in self.results.values())

    @property
    def bad(self) -> int:
        """Counts the pictures that could not be read."""
        return sum(result.bad for result in self.results.values())

    @property
    def rate(self) -> float:
        """Pictures a second, of this run."""
        return self.pictures / self.seconds if self.seconds else 0.0

    def describe(self) -> str:
        """Returns a line for people, in the chosen language."""
        finished = len(self.results) - len(self.failures)
        parts = [f"{self.images} pictures in {count_shards(finished)}"]
        if self.bad:
            parts.append(f"{self.bad} could not be read")
        if self.failures:
            parts.append(f"{count_shards(len(self.failures))} failed")
        if self.earlier:
            parts.append(f"{count_shards(self.earlier)} of an earlier run")
        if self.pictures:
            parts.append(f"{self.rate:.1f} pictures/s")
        return translate("; ").join(map(translate_line, parts))

    def save(self, path: Path) -> None:
        """Writes the summary as JSON."""
        fields: dict[str, Json] = {
            **self.header,
            "images": self.images,
            "bad": self.bad,
            "shards": [
                {"shard": name, "images": result.images, "bad": result.bad}
                for name, result in sorted(self.results.items())
                if not result.failure
            ],
            "failed": [{"shard": name, "reason": text} for name, text in self.failures.items()],
            "run": {
                "images": self.pictures,
                "seconds": round(self.seconds, 3),
                "images_per_second": round(self.rate, 3),
            },
        }
        with replace_on_success(path) as unfinished:
            unfinished.write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")


def count_shards(number: int) -> str:
    """Formats a number of shards: "1 shard", "2 shards"."""
    return f"{number} shard" if number == 1 else f"{number} shards"
