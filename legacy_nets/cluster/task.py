"""The task that TF_CONFIG gives to this process. No TensorFlow."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping

from legacy_nets.errors import BadInputError, list_first, suggest_names

VARIABLE = "TF_CONFIG"
CHIEFS = ("chief", "master")  # names of a chief's job
JOBS = (*CHIEFS, "worker", "ps", "evaluator")
_ADDRESS = re.compile(r"(?P<host>[^\s:]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})")

Cluster = Mapping[str, tuple[str, ...]]  # job -> "host:port" of its tasks


@dataclasses.dataclass(frozen=True)
class Task:
    """A task of a cluster. Chief and workers are called trainers; the chief is the first."""

    job: str  # one of JOBS
    index: int
    cluster: Cluster  # without evaluators: they take no part in the training
    has_evaluator: bool = False  # TF_CONFIG names an evaluator

    @property
    def name(self) -> str:
        """How messages name it: "worker 1"."""
        return f"{self.job} {self.index}"

    @property
    def address(self) -> str:
        """Its own "host:port"."""
        return self.cluster[self.job][self.index]

    @property
    def trainers(self) -> list[str]:
        """The names of the chief and the workers, the chief first."""
        jobs = (*CHIEFS, "worker")
        return [f"{job} {i}" for job in jobs for i in range(len(self.cluster.get(job, ())))]

    @property
    def trainer_index(self) -> int:
        """The number of this trainer; 0 is the chief."""
        return self.trainers.index(self.name)

    @property
    def is_chief(self) -> bool:
        """Whether it writes checkpoints: the chief or master, or worker 0 where there is none."""
        return self.name == self.trainers[0]

    @property
    def parameter_servers(self) -> tuple[str, ...]:
        """The addresses of the ps."""
        return self.cluster.get("ps", ())


def read_task(environment: Mapping[str, str]) -> Task | None:
    """Reads the task of this process; None where it trains alone: without cluster or ps.

    Raises BadInputError, in one line, for everything that is wrong in it.
    """
    text = environment.get(VARIABLE, "").strip()
    if not text:
        return None
    values = _parse(text)
    addresses = _read_cluster(values.get("cluster", {}))
    task = values.get("task", {})
    if not isinstance(task, dict):
        raise BadInputError(f'{VARIABLE}: "task" is no object: write {{"type": …, "index": …}}')
    if not task:
        if not addresses:
            return None
        raise BadInputError(f'{VARIABLE} has a cluster and no "task": add its type and index')
    job, index = _read_role(task)
    if not addresses and job != "evaluator":
        return None  # one task alone trains as without TF_CONFIG
    _check_cluster(addresses)
    _check_role(job, index, addresses)
    if job != "evaluator" and not addresses.get("ps"):
        return None  # the only trainer keeps the variables itself
    has_evaluator = job == "evaluator" or bool(addresses.pop("evaluator", ()))
    addresses.pop("evaluator", None)
    return Task(job, index, addresses, has_evaluator)


def _parse(text: str) -> dict[str, object]:
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInputError(
            f"{VARIABLE} is no JSON ({error.msg} at character {error.pos}): correct or unset it"
        ) from None
    if not isinstance(values, dict):
        raise BadInputError(
            f'{VARIABLE} is no object: write {{"cluster": {{…}}, "task": {{…}}}}, or unset it'
        )
    return values


def _read_cluster(cluster: object) -> dict[str, tuple[str, ...]]:
    """Reads the addresses of each job."""
    if not isinstance(cluster, dict):
        raise BadInputError(f'{VARIABLE}: "cluster" is no object of jobs and addresses')
    for job, addresses in cluster.items():
        _check_job(job)
        if not isinstance(addresses, list):
            raise BadInputError(f'{VARIABLE}: "{job}" is no list of addresses: write ["host:port"]')
        for address in addresses:
            match = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
            if match is None or not 0 < int(match["port"]) < 65536:
                raise BadInputError(
                    f"{VARIABLE}: {job} has the address {address!r}: write host:port"
                )
    return {job: tuple(addresses) for job, addresses in cluster.items() if addresses}


def _check_job(job: object) -> None:
    if job not in JOBS:
        near = suggest_names(str(job), JOBS)
        raise BadInputError(f"{VARIABLE} names the job {job!r}{near}; jobs are {', '.join(JOBS)}")


def _read_role(task: Mapping[str, object]) -> tuple[str, int]:
    """Reads job and index of a task."""
    job, index = task.get("type"), task.get("index", 0)
    _check_job(job)
    if isinstance(index, str) and index.isdecimal():  # some launchers write "0"
        index = int(index)
    if not isinstance(index, int) or isinstance(index, bool) or index < 0:
        raise BadInputError(f"{VARIABLE}: the task's index is {index!r}: give a number from 0 on")
    return str(job), index


def _check_cluster(cluster: Cluster) -> None:
    """Raises BadInputError for a cluster that cannot train."""
    chiefs = [address for job in CHIEFS for address in cluster.get(job, ())]
    if len(chiefs) > 1:
        raise BadInputError(f"{VARIABLE} has {len(chiefs)} chiefs ({list_first(chiefs)}): keep one")
    owners: dict[str, str] = {}
    for job, addresses in cluster.items():
        for index, address in enumerate(addresses):
            owner = owners.setdefault(address, f"{job} {index}")
            if owner != f"{job} {index}":
                raise BadInputError(
                    f"{VARIABLE} gives {address} to {owner} and {job} {index}: give each its own"
                )
    trainers = len(chiefs) + len(cluster.get("worker", ()))
    if trainers > 1 and not cluster.get("ps"):
        raise BadInputError(f"{VARIABLE} has {trainers} tasks to train and no ps: add a ps")
    if cluster and not trainers:
        raise BadInputError(f"{VARIABLE} has no chief and no worker: add one")


def _check_role(job: str, index: int, cluster: Cluster) -> None:
    """Raises BadInputError for a task that its cluster does not have."""
    count = len(cluster.get(job, ())) or int(job == "evaluator")
    if not count:
        raise BadInputError(
            f"{VARIABLE}: this task is {job} {index}, but the cluster has no {job}: it has "
            f"{', '.join(cluster)}"
        )
    if index >= count:
        raise BadInputError(
            f"{VARIABLE}: this task is {job} {index}, but the cluster has {count} of {job}: "
            f"give an index from 0 to {count - 1}"
        )
