#!/usr/bin/env bash
# sbatch slurm.sh: one parameter server and three workers, one task a node.
#SBATCH --job-name=hand_signs
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --time=02:00:00
set -euo pipefail
export CLUSTER_JOBS='{"ps": 1, "worker": 3}'
srun --kill-on-bad-exit=1 python slurm_task.py train hand_signs \
  --data "$HOME/data" --model-dir "$HOME/runs/hand_signs"
