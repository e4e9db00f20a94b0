"""TF_CONFIG: the roles it gives, and everything that can be wrong in it, in one line."""

import json
import re
import socket

import pytest

from legacy_nets.cluster import launch, network
from legacy_nets.cluster.task import read_task
from legacy_nets.errors import BadInputError

PS, W0, W1 = "127.0.0.1:1001", "127.0.0.1:1002", "127.0.0.1:1003"


def read(cluster, job, index=0):
    config = {"cluster": cluster, "task": {"type": job, "index": index}}
    return read_task({"TF_CONFIG": json.dumps(config)})


@pytest.mark.parametrize(
    ("cluster", "job", "index", "trainer", "is_chief"),
    [
        ({"ps": [PS], "worker": [W0, W1]}, "worker", 0, 0, True),
        ({"ps": [PS], "worker": [W0, W1]}, "worker", 1, 1, False),
        ({"ps": [PS], "chief": [W0], "worker": [W1]}, "worker", 0, 1, False),
        ({"ps": [PS], "chief": [W0], "worker": [W1]}, "chief", 0, 0, True),
        ({"ps": [PS], "master": [W0], "worker": [W1]}, "master", 0, 0, True),
        ({"ps": [PS], "worker": [W0, W1]}, "worker", "1", 1, False),
    ],
)
def test_roles(cluster, job, index, trainer, is_chief):
    task = read(cluster, job, index)
    assert (task.trainer_index, task.is_chief) == (trainer, is_chief)
    assert len(task.trainers) == 2 and task.parameter_servers == (PS,)


def test_evaluator_takes_no_part_in_the_training():
    cluster = {"ps": [PS], "chief": [W0], "evaluator": [W1]}
    assert read(cluster, "chief").has_evaluator
    assert "evaluator" not in read(cluster, "chief").cluster
    assert read({"chief": [W0]}, "evaluator").job == "evaluator"  # as TFJob writes it
    assert read({}, "evaluator").name == "evaluator 0"


@pytest.mark.parametrize("text", ["", " ", "{}", '{"cluster": {}}', '{"task": {"type": "worker"}}'])
def test_no_cluster(text):
    assert read_task({"TF_CONFIG": text}) is None
    assert read_task({}) is None
    assert read({"worker": [W0]}, "worker") is None  # trains alone
    assert read({"chief": [W0], "evaluator": [W1]}, "chief") is None


TWO = {"ps": [PS], "worker": [W0, W1]}
WRONG = {
    "{": "TF_CONFIG is no JSON (Expecting property name enclosed in double quotes at character 1)",
    "worker": "TF_CONFIG is no JSON (Expecting value at character 0): correct or unset it",
    "[]": "TF_CONFIG is no object",
    '{"cluster": []}': '"cluster" is no object',
    '{"cluster": {"ps": "a:1"}}': '"ps" is no list of addresses',
    '{"cluster": {"ps": ["a"]}}': "ps has the address 'a': write host:port",
    '{"cluster": {"ps": ["a:99999"]}}': "ps has the address 'a:99999'",
    '{"cluster": {"ps": [1]}}': "ps has the address 1: write host:port",
    '{"cluster": {"workers": ["a:1"]}}': "names the job 'workers'; nearest: worker",
    json.dumps({"cluster": TWO}): 'has a cluster and no "task"',
    json.dumps({"cluster": TWO, "task": 3}): '"task" is no object',
    json.dumps({"cluster": TWO, "task": {"type": "boss"}}): "names the job 'boss'",
    json.dumps({"cluster": TWO, "task": {"index": 0}}): "names the job None",
    json.dumps({"cluster": TWO, "task": {"type": "worker", "index": 2}}): (
        "this task is worker 2, but the cluster has 2 of worker: give an index from 0 to 1"
    ),
    json.dumps({"cluster": TWO, "task": {"type": "worker", "index": -1}}): "index is -1",
    json.dumps({"cluster": TWO, "task": {"type": "worker", "index": True}}): "index is True",
    json.dumps({"cluster": TWO, "task": {"type": "chief"}}): (
        "this task is chief 0, but the cluster has no chief: it has ps, worker"
    ),
    json.dumps({"cluster": {"ps": [PS], "chief": [W0, W1]}, "task": {"type": "ps"}}): (
        f"TF_CONFIG has 2 chiefs ({W0}, {W1}): keep one"
    ),
    json.dumps({"cluster": {"ps": [PS], "chief": [W0], "master": [W1]}, "task": {"type": "ps"}}): (
        "TF_CONFIG has 2 chiefs"
    ),
    json.dumps({"cluster": {"ps": [PS], "worker": [PS]}, "task": {"type": "ps"}}): (
        f"TF_CONFIG gives {PS} to ps 0 and worker 0"
    ),
    json.dumps({"cluster": {"worker": [W0, W1]}, "task": {"type": "worker"}}): (
        "TF_CONFIG has 2 tasks to train and no ps: add a ps"
    ),
    json.dumps({"cluster": {"ps": [PS]}, "task": {"type": "ps"}}): "has no chief and no worker",
}


@pytest.mark.parametrize("text", list(WRONG))
def test_wrong_configurations(text):
    with pytest.raises(BadInputError) as error:
        read_task({"TF_CONFIG": text})
    assert WRONG[text] in str(error.value) and "\n" not in str(error.value)


def test_port_in_use_and_port_that_is_free():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert network.answers(address)
        with pytest.raises(BadInputError, match=f"worker 1 cannot listen at {address} "):
            network.check_port(address, "worker 1")
        network.wait_for([address], "ps", 1, lambda line: pytest.fail(line))
    network.check_port(address, "worker 1")
    assert not network.answers(address)


def test_no_route_names_address_and_time():
    [port] = network.find_free_ports(1)
    lines = []
    with pytest.raises(BadInputError) as error:
        network.wait_for([f"127.0.0.1:{port}"], "ps", 0.2, lines.append)
    assert re.match(
        rf"no route to ps 0 at 127\.0\.0\.1:{port}: waited \d+ seconds; start it", str(error.value)
    )
    assert lines == [f"waiting for ps 0 at 127.0.0.1:{port} (0 seconds at most)"]


def test_tasks_of_a_plan_have_ports_of_their_own_and_flags_of_that_time():
    tasks = launch.assign_tasks(launch.Plan(2, 1, has_chief=True, has_evaluator=False))
    assert [task.name for task in tasks] == ["ps 0", "chief 0", "worker 0", "worker 1"]
    assert len({task.address for task in tasks}) == 4
    assert all(task.address.startswith("127.0.0.1:") for task in tasks)
    read_back = [read_task(launch.make_environment(task)) for task in tasks]
    assert read_back == tasks
    workers = ",".join(task.address for task in tasks[1:])
    expected = {"ps_hosts": tasks[0].address, "worker_hosts": workers}
    for task, job, index in zip(tasks, ["ps", *["worker"] * 3], "0012", strict=True):
        flags = {"job_name": job, "task_index": index, "task_id": index, **expected}
        assert launch.make_flags(task) == flags
