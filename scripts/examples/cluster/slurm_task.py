"""Runs legacy-nets in a task of SLURM: TensorFlow's SlurmClusterResolver gives TF_CONFIG.

srun python slurm_task.py train hand_signs --data DATA --model-dir RUN
"""

import json
import os
import sys

from legacy_nets.quiet import quiet_tensorflow

quiet_tensorflow()

from legacy_nets import tf1 as tf  # noqa: E402

jobs = json.loads(os.environ["CLUSTER_JOBS"])  # job -> number of its tasks, the ps first
# It divides by the GPUs of a task: 1 here for nodes without, too; auto_set_gpu leaves them alone.
resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
    jobs, port_base=2222, gpus_per_node=1, gpus_per_task=1, auto_set_gpu=False
)
cluster = resolver.cluster_spec().as_dict()
job, index = resolver.get_task_info()
os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": {"type": job, "index": index}})
os.execv(sys.executable, [sys.executable, "-m", "legacy_nets", *sys.argv[1:]])
