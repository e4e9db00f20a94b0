"""Held-out accuracy on few real photographs: from scratch, with augmentation, warm start.

``python scripts/bench/real_signs.py FOLDER_OR_H5 --warm-start CHECKPOINT`` trains every recipe on
75 %
of the images (stratified) for several seeds, which also draw the split, and prints mean and
spread of the accuracy on the rest, after the last step. Each run takes a few minutes.
"""

import argparse
import pathlib
import statistics
import tempfile
import time

from rich.console import Console
from rich.table import Table

from legacy_nets.checkpoints.formats.bundle import find_checkpoint
from legacy_nets.data.augmentation import Augmentation
from legacy_nets.data.signs import load_signs
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.train import loop
from legacy_nets.train.settings import Settings, WarmStart

# Dropout before so few units and the wide initial kernels keep so small a set from being learnt.
NET = {"keep_prob": 1.0, "initial_std": None, "momentum": 0.9}
AVERAGED = {"ema_decay": 0.98, "augment": Augmentation(rotate=15, zoom=0.1)}
RECIPES = {
    "from scratch": {"steps": 200, "warmup": 30, "learning_rate": 2e-4},
    "with augmentation and averaging": {
        "steps": 400,
        "warmup": 30,
        "learning_rate": 2e-4,
        **AVERAGED,
    },
    "warm start, augmentation, averaging": {
        "steps": 250,
        "learning_rate": 1e-4,
        "warm": True,
        **AVERAGED,
    },
}


def main() -> None:
    """Runs every recipe for every seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--warm-start", required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--recipe", choices=list(RECIPES), action="append")
    arguments = parser.parse_args()
    quiet_tensorflow()
    warm_start = WarmStart(find_checkpoint(arguments.warm_start), ema=True)
    table = Table("recipe", "steps", "mean", "spread", "each seed", "minutes a run")
    for name in arguments.recipe or RECIPES:
        recipe = dict(RECIPES[name])
        start = warm_start if recipe.pop("warm", False) else None
        accuracies, began = [], time.monotonic()
        for seed in range(arguments.seeds):
            data = load_signs(arguments.data, holdout=0.25, seed=seed)
            settings = Settings(
                "hand_signs",
                len(data.class_names),
                (64, 64),
                class_names=data.class_names,
                options=NET,
                cosine=True,
                seed=seed,
                save_every=10**9,
                evaluate_every=10**9,
                warm_start=start,
                **recipe,
            )
            with tempfile.TemporaryDirectory() as folder:
                result = loop.train(
                    settings,
                    data,
                    pathlib.Path(folder),
                    console=Console(quiet=True),
                )
            accuracies.append(result.test_accuracy)
            print(f"{name}, seed {seed}: {result.test_accuracy:.3f}", flush=True)
        table.add_row(
            name,
            str(recipe["steps"]),
            f"{statistics.mean(accuracies):.3f}",
            f"{statistics.stdev(accuracies):.3f}" if len(accuracies) > 1 else "-",
            " ".join(f"{accuracy:.3f}" for accuracy in accuracies),
            f"{(time.monotonic() - began) / 60 / arguments.seeds:.1f}",
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
