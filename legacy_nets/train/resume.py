"""Whether a folder holds a run or is in use, what a resumed run may change. No TensorFlow."""

from __future__ import annotations

import pathlib

from legacy_nets.checkpoints.formats.bundle import list_complete_checkpoints
from legacy_nets.errors import BadInputError
from legacy_nets.files import lock
from legacy_nets.train.settings import Settings

HOLDER = ".training"  # names the process that trains in the folder

# Every field of Settings: whether a resumed run may change it. Those that it may not change make
# the graph, the data, the order of the batches, or the beginning of the run.
MAY_CHANGE = {
    "net": False,
    "num_classes": False,
    "image_size": False,
    "class_names": False,
    "data": False,
    "data_path": True,  # a folder that was moved; its name and classes stay
    "strict": True,
    "holdout": False,
    "images": True,  # pictures were added or removed
    "label_offset": False,
    "preprocessing": False,
    "options": False,
    "steps": True,
    "batch_size": False,
    "learning_rate": True,
    "cosine": True,
    "warmup": True,
    "ema_decay": False,
    "weight_decay": True,
    "aux_weight": True,
    "trainable": False,
    "seed": False,
    "save_every": True,
    "evaluate_every": True,
    "augment": True,
    "warm_start": False,
    "batch_norm_decay": True,
    "bf16": True,
}


def refuse_busy(folder: pathlib.Path) -> None:
    """Raises BadInputError where another process trains in a folder.

    One that begins later is found by the lock of the training itself.
    """
    if (folder / HOLDER).is_file():
        with lock(folder) as state:
            if state == "held":
                raise make_busy_error(folder)


def make_busy_error(folder: pathlib.Path) -> BadInputError:
    """Makes the error of a folder in which another process trains, and names that process."""
    try:
        holder = (folder / HOLDER).read_text(encoding="utf-8") or "another process"
    except (OSError, ValueError):
        holder = "another process"
    return BadInputError(
        f"{holder} is training in {folder}: wait for its end, or choose another --model-dir"
    )


def refuse_run(folder: pathlib.Path) -> None:
    """Raises BadInputError for a folder that holds a run already."""
    complete = list_complete_checkpoints(folder)
    if complete:
        raise BadInputError(
            f"{folder} holds a run already (step {complete[-1][0]}): continue it with --resume, or "
            "choose another --model-dir"
        )


def describe_changes(saved: Settings, settings: Settings, folder: pathlib.Path) -> str:
    """Describes in one line what ``settings`` change of the run in the folder; "" for nothing.

    Raises BadInputError where they change what a resumed run may not change.
    """
    before, now = vars(saved), vars(settings)
    changed = [
        name
        for name in MAY_CHANGE
        if before[name] != now[name] and not (name == "images" and saved.images is None)
    ]
    fixed = [name for name in changed if not MAY_CHANGE[name]]
    if fixed:
        changes = ", ".join(f"{name} = {before[name]!r} (now {now[name]!r})" for name in fixed)
        raise BadInputError(
            f"{folder} was trained with {changes}: resume it with the same options, or choose "
            "another --model-dir"
        )
    changes = ", ".join(f"{name} {before[name]!r} -> {now[name]!r}" for name in changed)
    return f"changed from here on: {changes}" if changes else ""


def describe_new_holdout(saved: Settings, settings: Settings) -> str:
    """Says that other pictures of the same data are held out than in a training; "" where not.

    Args:
      saved: the settings of the training.
      settings: what is opened: data, holdout, seed, images.
    """
    before, now = ((s.images, s.holdout, s.seed) for s in (saved, settings))
    is_held_out = saved.holdout is not None and settings.holdout is not None
    if saved.images is None or not is_held_out or saved.data != settings.data or before == now:
        return ""
    return (
        f"the training held out {saved.holdout} of {sum(saved.images)} pictures with --seed "
        f"{saved.seed}: some of those that are held out now were trained on, and accuracy is too "
        "high"
    )
