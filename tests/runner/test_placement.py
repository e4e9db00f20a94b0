"""State whose device names no task is where TensorFlow 1.15.5 has it: shared by all workers."""

import subprocess

import pytest
from scripts_of_users import run, write

# Two ps and two workers in one process; one and two are the sessions of the workers.
SCRIPT = """
import socket
import tensorflow as tf

sockets = [socket.socket() for _ in range(4)]
for each in sockets:
    each.bind(("127.0.0.1", 0))
a, b, c, d = ["127.0.0.1:%d" % each.getsockname()[1] for each in sockets]
for each in sockets:
    each.close()
cluster = tf.train.ClusterSpec({"ps": [a, b], "worker": [c, d]})
tasks = [("ps", 0), ("ps", 1), ("worker", 0), ("worker", 1)]
servers = {task: tf.train.Server(cluster, *task) for task in tasks}

variables = {}
for device in (None, "/cpu:0", "/job:worker", "/task:1", "/job:worker/task:1"):
    with tf.device(device):
        variables[device] = tf.Variable(0.0, use_resource=device == "/cpu:0")
queue = tf.FIFOQueue(9, [tf.float32], shared_name="queue")
enqueue, size = queue.enqueue([variables[None]]), queue.size()
table = tf.contrib.lookup.MutableHashTable(tf.string, tf.int64, -1)
insert, count = table.insert(tf.constant(["a"]), tf.constant([5], tf.int64)), table.size()
iterator = tf.data.make_initializable_iterator(tf.data.Dataset.range(3))
element = iterator.get_next()
adds = [tf.assign_add(each, 1.0) for each in variables.values()]
init = tf.global_variables_initializer()

one, two = [tf.Session(servers["worker", index].target) for index in (0, 1)]
one.run([init, iterator.initializer])
one.run([adds, enqueue, insert])
two.run(adds)
for device, variable in variables.items():
    print("variable", device, float(two.run(variable)))
print("queue", one.run(size), two.run(size), "table", two.run(count), "element", one.run(element))
later = tf.Variable(5.0)
one.run(later.initializer)
print("later", float(two.run(later)))
with tf.Graph().as_default():
    config = tf.ConfigProto(device_filters=["/job:ps/task:1", "/job:worker/task:1"])
    filtered = tf.Session(servers["worker", 1].target, config=config)
    own = tf.Variable(7.0)
    filtered.run(own.initializer)
    print("filtered", float(filtered.run(own)))
with tf.Graph().as_default(), tf.Session() as local:
    fresh = tf.Variable(3.0)
    local.run(fresh.initializer)
    print("local", float(local.run(fresh)), repr(fresh.device))
"""

PRINTED = """\
variable None 2.0
variable /cpu:0 2.0
variable /job:worker 2.0
variable /task:1 2.0
variable /job:worker/task:1 2.0
queue 1 1 table 1 element 0
later 5.0
filtered 7.0
local 3.0 ''
"""


@pytest.mark.slow
@pytest.mark.any_numpy
def test_workers_share_what_names_no_task(tmp_path):
    finished = run(write(tmp_path, script=SCRIPT), CUDA_VISIBLE_DEVICES="")
    assert finished.stdout == PRINTED, finished.stderr


@pytest.mark.slow
def test_tensorflow_1_prints_the_same(tmp_path, oracle):
    script = write(tmp_path, script=SCRIPT)
    finished = subprocess.run([oracle, script], capture_output=True, text=True, check=False)
    assert finished.stdout == PRINTED, finished.stderr
