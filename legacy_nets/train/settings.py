"""The settings of a training run, saved as JSON next to the checkpoints. No TensorFlow."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import json
import math
import os
import pathlib
from typing import TypedDict

from legacy_nets.checkpoints.formats.bundle import find_checkpoint
from legacy_nets.checkpoints.open import find_readable_weights
from legacy_nets.data.augmentation import Augmentation
from legacy_nets.data.class_indices import FILE as CLASS_INDICES
from legacy_nets.data.class_indices import write_class_indices
from legacy_nets.errors import BadInputError, make_printable
from legacy_nets.files import replace_on_success
from legacy_nets.registry import get_net
from legacy_nets.types import Shape

FILE = "training.json"
BEST_FILE = "best.json"
MAX_STEPS = 10**9
CHECKPOINT = "model.ckpt"  # name of a checkpoint without its step
# Fields of Settings because of which a net may not be built, or not be trained.
GRAPH_FIELDS = (
    "image_size",
    "num_classes",
    "label_offset",
    "options",
    "trainable",
    "batch_norm_decay",
)


@dataclasses.dataclass(frozen=True)
class WarmStart:
    """A checkpoint whose weights a run starts from."""

    checkpoint: str  # weight file, checkpoint prefix or model folder
    exclude: tuple[str, ...] = ()  # scopes that keep their initial values
    ema: bool = False  # take the moving averages
    rename: tuple[tuple[str, str], ...] = ()  # (scope in the graph, scope in the checkpoint)


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of one training run. The defaults are those of document 001."""

    net: str
    num_classes: int
    image_size: Shape  # (height, width); of video clips (frames, height, width)
    class_names: tuple[str, ...] = ()
    data: str = ""  # name of the data set
    data_path: str = ""  # "" is the synthetic set that is generated on first use
    strict: bool = False  # an unreadable picture is refused, not skipped
    holdout: float | None = None  # share that was held out, where one split was missing
    images: tuple[int, int] | None = None  # to train on, held out; older versions: not recorded
    label_offset: int = 0  # logits before the first class of the data: 1 for a "background"
    preprocessing: str = ""  # "" is the registry's
    options: dict[str, object] = dataclasses.field(default_factory=dict)  # of the net's function
    steps: int = 1000
    batch_size: int = 32
    learning_rate: float = 1e-4
    cosine: bool = False  # lower the learning rate to zero along half a cosine
    warmup: int = 0  # steps over which the learning rate rises to its value
    ema_decay: float | None = None
    weight_decay: bool = True  # add the regularization losses that slim nets collect
    aux_weight: float = 0.4  # of an auxiliary head's loss, where the net has one
    trainable: tuple[str, ...] = ()  # scopes to train; all where empty
    seed: int = 0
    save_every: int = 100
    evaluate_every: int = 100
    augment: Augmentation | None = None
    warm_start: WarmStart | None = None
    batch_norm_decay: float | None = None  # of slim's batch norm; None is the net's own
    bf16: bool = False  # compute in bfloat16; weights and their updates stay in float32

    def save(self, folder: pathlib.Path) -> None:
        """Writes ``training.json`` and ``class_indices.json`` into a model folder."""
        with replace_on_success(folder / FILE) as unfinished:
            unfinished.write_text(json.dumps(dataclasses.asdict(self), indent=1) + "\n")
        write_class_indices(folder / CLASS_INDICES, self.class_names)


@dataclasses.dataclass(frozen=True)
class SettingChanges:
    """Settings that replace those of a checkpoint. None, or {}, keeps the checkpoint's."""

    num_classes: int | None = None
    label_offset: int | None = None
    preprocessing: str | None = None
    frames: int | None = None
    image_size: tuple[int, int] | None = None  # (height, width)
    options: dict[str, object] = dataclasses.field(default_factory=dict)
    class_indices: pathlib.Path | None = None  # the file that names the classes


class GivenSettings(TypedDict):
    """Settings as the options of a training give them; None, or (), is not given."""

    num_classes: int | None
    label_offset: int | None
    preprocessing: str | None
    steps: int | None
    batch_size: int | None
    learning_rate: float | None
    cosine: bool | None
    warmup: int | None
    ema_decay: float | None
    weight_decay: bool | None
    aux_weight: float | None
    trainable: tuple[str, ...]
    save_every: int | None
    evaluate_every: int | None
    batch_norm_decay: float | None
    bf16: bool | None


def replace_given(before: Settings, given: GivenSettings) -> Settings:
    """Replaces the settings that are given."""
    changes = {name: value for name, value in given.items() if value not in (None, ())}
    return dataclasses.replace(before, **changes)  # type: ignore[arg-type]  # as GivenSettings says


def load_settings(folder: pathlib.Path) -> Settings | None:
    """Reads ``training.json`` of a model folder; None where there is none.

    Raises BadInputError where the file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        return parse_settings(path.read_text())
    except (ValueError, TypeError, KeyError) as error:
        raise BadInputError(
            f"{path} is damaged ({error}): remove it, or train into another folder"
        ) from None


def parse_settings(text: str) -> Settings:
    """Parses settings in JSON. Raises ValueError, TypeError or KeyError where they are damaged."""
    values = json.loads(text)
    values["augment"] = Augmentation(**values["augment"]) if values["augment"] else None
    if "preprocessing" not in values:  # older versions wrote "pixels", or nothing
        values["preprocessing"] = values.pop("pixels", get_net(values["net"]).preprocessing)
    for name in ("image_size", "class_names", "trainable"):
        values[name] = tuple(values[name])
    if values.get("images"):
        values["images"] = tuple(values["images"])
    if values.get("warm_start"):
        values["warm_start"] = _read_warm_start(**values["warm_start"])
    return build_heads(Settings(**values))  # older versions do not record that option


def _read_warm_start(
    checkpoint: str, exclude: list[str], ema: bool, rename: list[list[str]]
) -> WarmStart:
    """Reads a warm start from JSON, which has lists for tuples."""
    return WarmStart(checkpoint, tuple(exclude), ema, tuple((new, old) for new, old in rename))


def build_heads(settings: Settings) -> Settings:
    """Adds the option that builds the net's auxiliary heads: a training has them by default."""
    option = get_net(settings.net).aux_option
    if not option or option in settings.options:
        return settings
    return dataclasses.replace(settings, options={option: True, **settings.options})


def parse_net_options(pairs: tuple[str, ...]) -> dict[str, object]:
    """Parses --option NAME=VALUE pairs; values are JSON, Python or text: true, None, .5, same."""
    options: dict[str, object] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise BadInputError(f"--option {pair!r}: write NAME=VALUE")
        options[name] = _parse_value(value)
    return options


def _parse_value(text: str) -> object:
    for parse in (json.loads, ast.literal_eval):
        with contextlib.suppress(ValueError, SyntaxError):
            return parse(text)
    return text


def resize_input(size: Shape, frames: int | None, sides: tuple[int, int] | None) -> Shape:
    """Changes the frames or the sides of a net's size: (H, W), or (T, H, W) of clips.

    Raises BadInputError for frames of a net that takes single images. Raises it too where one
    picture's pixels would take a large part of the memory, which would end the process.
    """
    if frames is not None and len(size) == 2:
        raise BadInputError("--frames is for nets that take clips: leave it out")
    new_size = (*(size[:-2] if frames is None else (frames,)), *(sides or size[-2:]))
    needed = 4 * 3 * math.prod(new_size)  # float32 RGB
    if needed > _read_memory_size() / 16:
        raise BadInputError(
            f"--image-size {'x'.join(map(str, new_size[-2:]))}: the pixels of one "
            f"{'clip' if len(new_size) > 2 else 'picture'} are {needed / 1e9:.1f} GB: make it "
            "smaller"
        )
    return new_size


def _read_memory_size() -> float:
    """Reads this machine's memory in bytes; infinite where it is unknown."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return math.inf


def read_best(folder: pathlib.Path) -> tuple[int, float] | None:
    """Reads (step, test accuracy) of a folder's best checkpoint; None where none is recorded."""
    try:
        best = json.loads((folder / BEST_FILE).read_text())
        return int(best["step"]), float(best["test_accuracy"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def find_checkpoint_file(path: str, best: bool) -> str:
    """Finds the weight file or checkpoint prefix of --checkpoint and --best.

    Raises BadInputError or CheckpointError where there is none.
    """
    if not best:
        return find_readable_weights(path)
    record = read_best(pathlib.Path(path))
    if record is None:
        raise BadInputError(f"{path} has no readable {BEST_FILE}: leave --best out")
    return find_checkpoint(str(pathlib.Path(path) / f"{CHECKPOINT}-{record[0]}"))


def write_best(folder: pathlib.Path, step: int, test_accuracy: float) -> None:
    """Records the step and the test accuracy of a folder's best checkpoint."""
    with replace_on_success(folder / BEST_FILE) as unfinished:
        best = {"step": step, "test_accuracy": test_accuracy}
        unfinished.write_text(json.dumps(best) + "\n")


def refuse_file(folder: pathlib.Path, label: str = "model folder") -> None:
    """Raises BadInputError where a folder cannot be written: it, or one above it, is a file.

    Raises it too for bytes that are no text: TensorFlow takes no such path.
    """
    if str(folder) != make_printable(str(folder)):
        raise BadInputError(f"the {label} {folder} has bytes that are no UTF-8: give another name")
    existing = next((path for path in (folder, *folder.parents) if path.exists()), None)
    if existing is None or (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        return
    problem = f"the {label} {folder} cannot be written"
    if existing.is_dir():
        raise BadInputError(f"{problem} (no permission for {existing}): give another folder")
    raise BadInputError(
        f"{problem} ({existing} is a file): give a folder, or the name of a new one"
    )
