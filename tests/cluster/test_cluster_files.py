"""The files for TFJob, docker compose and SLURM, as far as they can be checked without those."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from legacy_nets.cluster.task import read_task

EXAMPLES = Path(__file__).parents[2] / "scripts" / "examples" / "cluster"
COMMAND = ["legacy-nets", "train", "hand_signs", "--data", "/data", "--model-dir"]


def load(name):
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((EXAMPLES / name).read_text())


def test_tfjob():
    """By the schema of kubeflow.org/v1: replicas of known types, a container called tensorflow."""
    job = load("tfjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("kubeflow.org/v1", "TFJob")
    specs = job["spec"]["tfReplicaSpecs"]
    counts = {name: spec["replicas"] for name, spec in specs.items()}
    assert counts == {"Chief": 1, "Worker": 2, "PS": 1, "Evaluator": 1}
    for spec in specs.values():
        assert spec["restartPolicy"] in ("Always", "OnFailure", "Never", "ExitCode")
        [container] = spec["template"]["spec"]["containers"]
        assert container["name"] == "tensorflow" and container["command"][:6] == COMMAND
        assert {"name": "tfjob-port", "containerPort": 2222} in container["ports"]
        volumes = {volume["name"] for volume in spec["template"]["spec"]["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def test_compose():
    services = load("compose.yaml")["services"]
    tasks = {name: read_task(service["environment"]) for name, service in services.items()}
    assert {name: task.address for name, task in tasks.items()} == {
        name: f"{name}:2222" for name in ("ps", "chief", "worker")
    }
    assert all(service["command"][:6] == COMMAND for service in services.values())


@pytest.mark.slow
def test_slurm():
    """SlurmClusterResolver reads the variables that srun sets; the task prints what it becomes."""
    subprocess.run(["bash", "-n", str(EXAMPLES / "slurm.sh")], check=True)
    variables = {
        "CLUSTER_JOBS": '{"ps": 1, "worker": 3}',
        "SLURM_STEP_NODELIST": "node[1-4]",
        "SLURM_STEP_TASKS_PER_NODE": "1(x4)",
        "SLURM_STEP_NUM_TASKS": "4",
        "SLURM_PROCID": "3",
    }
    script = (EXAMPLES / "slurm_task.py").read_text()
    script = script.replace("os.execv(", "print(os.environ['TF_CONFIG']); (lambda *_: None)(")
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    config = json.loads(done.stdout.splitlines()[-1])
    task = read_task({"TF_CONFIG": json.dumps(config)})
    assert task.cluster == {
        "ps": ("node1:2222",),
        "worker": ("node2:2222", "node3:2222", "node4:2222"),
    }
    assert (task.name, task.is_chief) == ("worker 2", False)
