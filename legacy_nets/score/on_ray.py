"""Scores shards on Ray Data: each worker loads the net once, and scores one shard after another."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from legacy_nets.errors import LegacyNetsError
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.ray_data.run import RETRIES, run_on_ray
from legacy_nets.score.net import Network, ScoreJob, open_network
from legacy_nets.score.shard import Report, ShardResult, score_shard
from legacy_nets.score.shards import Shard


class ShardWorker:
    """A function of a shard that can be pickled; the net is loaded where it is first called."""

    def __init__(self, job: ScoreJob) -> None:
        self._job = job
        self._network: Network | None = None
        self._stack: contextlib.ExitStack | None = None

    def __call__(self, shard: Shard) -> ShardResult:
        """Scores a shard, or says why it has no output."""
        try:
            return score_shard(self._job, self._network or self._load(), shard)
        except LegacyNetsError as error:
            return ShardResult(shard.name, failure=str(error))

    def _load(self) -> Network:
        quiet_tensorflow(uses_onednn=True)
        from legacy_nets.devices import use_device

        use_device("cpu")
        self._stack = contextlib.ExitStack()
        self._network = self._stack.enter_context(open_network(self._job))
        return self._network


class RayShards:
    """Scores shards in the cluster of ``open_cluster``; see ``run.Distribute``."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def __call__(
        self, job: ScoreJob, network: Network, shards: Sequence[Shard], report: Report
    ) -> Iterator[ShardResult]:
        """Yields the result of every shard; last of those whose workers were killed too often."""
        lost = {shard.name for shard in shards}
        for result in run_on_ray(ShardWorker(job), shards, self._workers):
            lost.discard(result.name)
            yield result
        for name in sorted(lost):
            reason = (
                f"its worker was killed {RETRIES + 1} times: look at its pictures, run it again"
            )
            yield ShardResult(name, failure=reason)
