"""``legacy-nets run``: runs an unmodified TensorFlow 1 script on today's TensorFlow."""

from __future__ import annotations

import os

import click

from legacy_nets.errors import BadInputError
from legacy_nets.files import suggest_paths


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("-m", "module", metavar="MODULE", help="Run a module, as python -m does.")
@click.option("--strict", is_flag=True, help="Keep names that numpy and others removed missing.")
@click.option(
    "--data",
    metavar="synthetic|FOLDER",
    help="Use synthetic data where the script's MNIST or keras.datasets is missing, or the files "
    "of a folder.",
)
@click.option(
    "--tf2",
    is_flag=True,
    help="Run a script of TensorFlow 2.0 to 2.15: eager, with Keras 2, without TensorFlow 1.",
)
@click.option(
    "--also",
    multiple=True,
    metavar="NAME",
    help="Treat the installed library NAME as the script's own: it sees TensorFlow 1.",
)
@click.option("--report", is_flag=True, help="Print used names and times after the run.")
@click.argument("script", required=False, type=click.Path())
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(
    module: str | None,
    strict: bool,
    data: str | None,
    tf2: bool,
    also: tuple[str, ...],
    report: bool,
    script: str | None,
    arguments: tuple[str, ...],
) -> None:
    """Run SCRIPT, written for TensorFlow 1.4 to 1.15, unmodified. It gets ARGUMENTS.

    \b
    legacy-nets run train.py --epochs 3
    legacy-nets run -m slim.train_image_classifier --dataset_name=flowers
    legacy-nets run --tf2 train.py    (tf.function, GradientTape)
    """
    from legacy_nets import run_options
    from legacy_nets.runner import hook, launch, removed_names

    removed_names.strict = strict
    if data not in (None, run_options.SYNTHETIC) and not os.path.isdir(data):
        raise BadInputError(
            f"--data {data}: no such folder{suggest_paths(data)}, or say --data synthetic"
        )
    run_options.is_run, run_options.data = True, data
    run_options.tf2 = tf2
    if report:
        from legacy_nets.runner import report as reporting

        reporting.start_clock(hook.is_own_file)
    if module is not None:
        launch.run_module(module, [*([script] if script else []), *arguments], also)
    elif script is None:
        raise BadInputError("run needs a script: legacy-nets run SCRIPT [ARGUMENTS]")
    else:
        launch.run_script(script, arguments, also)
