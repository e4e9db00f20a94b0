"""What to train and how. Imports no TensorFlow; kept as JSON beside the checkpoints."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pathlib
from typing import Any

from legacy_nets.data.class_indices import FILE as CLASS_INDICES
from legacy_nets.data.class_indices import write_class_indices
from legacy_nets.data.dataset import Augment
from legacy_nets.errors import BadInputError
from legacy_nets.files import replace_on_success
from legacy_nets.registry import get_net

FILE = "training.json"
BEST_FILE = "best.json"
CHECKPOINT = "model.ckpt"  # name of a checkpoint without its step


@dataclasses.dataclass(frozen=True)
class Settings:
    """One training run. The defaults are those of document 001."""

    net: str
    num_classes: int
    image_size: tuple[int, ...]  # (height, width); of clips (frames, height, width)
    class_names: tuple[str, ...] = ()
    data: str = ""  # what the data call themselves
    holdout: float | None = None  # share that was split off, where one half was missing
    label_offset: int = 0  # logits before the first class of the data: 1 for a "background"
    pixels: str = ""  # preprocessing; "" is what the registry's record says
    options: dict[str, Any] = dataclasses.field(default_factory=dict)  # of the net's function
    steps: int = 1000
    batch_size: int = 32
    learning_rate: float = 1e-4
    cosine: bool = False  # let the learning rate fall to zero along half a cosine
    warmup: int = 0  # steps over which the learning rate rises to its value
    ema_decay: float | None = None
    weight_decay: bool = True  # add the regularization losses that slim nets collect
    aux_weight: float = 0.4  # of an auxiliary head's loss, where the net has one
    trainable: tuple[str, ...] = ()  # scopes to train; all where empty
    seed: int = 0
    save_every: int = 100
    evaluate_every: int = 100
    augment: Augment | None = None

    def save(self, folder: pathlib.Path) -> None:
        """Writes ``training.json`` and ``class_indices.json`` into a model folder."""
        with replace_on_success(folder / FILE) as unfinished:
            unfinished.write_text(json.dumps(dataclasses.asdict(self), indent=1) + "\n")
        write_class_indices(folder / CLASS_INDICES, self.class_names)


def resized(
    size: tuple[int, ...], frames: int | None, sides: tuple[int, int] | None
) -> tuple[int, ...]:
    """A net's size with other frames or sides: (H, W), or (T, H, W) of clips.

    Raises BadInputError for frames of a net that takes single images, and for a size of which one
    picture's pixels would fill a good part of the memory: that would kill the process.
    """
    if frames is not None and len(size) == 2:
        raise BadInputError("--frames is for nets that take clips: leave it out")
    found = (*(size[:-2] if frames is None else (frames,)), *(sides or size[-2:]))
    if (needed := 4 * 3 * math.prod(found)) > _memory() / 16:  # float32 RGB
        raise BadInputError(
            f"--image-size {'x'.join(map(str, found[-2:]))}: the pixels of one "
            f"{'clip' if len(found) > 2 else 'picture'} are {needed / 1e9:.1f} GB: make it smaller"
        )
    return found


def _memory() -> float:
    """Bytes of this machine's memory; without a limit where it does not say."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return math.inf


def read_best(folder: pathlib.Path) -> tuple[int, float] | None:
    """(step, held-out accuracy) of a folder's best checkpoint; None where none is recorded."""
    try:
        best = json.loads((folder / BEST_FILE).read_text())
        return int(best["step"]), float(best["test_accuracy"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def refuse_file(folder: pathlib.Path) -> None:
    """Raises BadInputError where a model folder, or what it should lie in, is a file."""
    file = next((place for place in (folder, *folder.parents) if place.is_file()), None)
    if file is not None:
        raise BadInputError(
            f"the model folder {folder} cannot be written ({file} is a file): give a folder, or "
            "the name of one to be made"
        )


def load_settings(folder: pathlib.Path) -> Settings | None:
    """Reads ``training.json`` of a model folder; None where there is none."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        values = json.loads(path.read_text())
        values["augment"] = Augment(**values["augment"]) if values["augment"] else None
        values.setdefault("pixels", get_net(values["net"]).pixels)  # not in older files
        for name in ("image_size", "class_names", "trainable"):
            values[name] = tuple(values[name])
        return Settings(**values)
    except (ValueError, TypeError, KeyError) as error:
        raise BadInputError(
            f"{path} is damaged ({error}): remove it, or train into another folder"
        ) from None
