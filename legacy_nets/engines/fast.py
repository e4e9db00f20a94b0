"""``legacy_nets.fast``: a net as a function that the fastest engine runs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from legacy_nets.data.preprocessing import scale_pixels
from legacy_nets.engines.table import AUTO, list_engines
from legacy_nets.errors import BadInputError
from legacy_nets.processor import examine_processor
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.train.settings import SettingChanges, Settings, find_checkpoint_file
from legacy_nets.types import Array

if TYPE_CHECKING:
    from legacy_nets.engines.prepare import Run


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How far a net's outputs are from those in float32."""

    images: int
    top1: float  # share of the images whose most probable class is the same
    largest_difference: float  # of a probability

    def describe(self) -> str:
        """Returns a line for people."""
        return (
            f"{self.top1:.1%} of {self.images} images have the class of fp32; the largest "
            f"difference of a probability is {self.largest_difference:.2g}"
        )


@dataclasses.dataclass(frozen=True)
class FastNet:
    """A net with its weights in an engine; call it with images."""

    settings: Settings  # preprocessing, size and classes
    engine: str
    precision: str
    threads: int  # operations that TensorFlow runs at the same time; 0 for another engine
    preprocessing: str
    _run: Run
    _run_fp32: Run

    def __call__(self, images: Array) -> Array:
        """Returns float32 probabilities [N, classes].

        ``images``: float32 [N, *image_size, channels], preprocessed (see ``scale``).
        """
        return self._run(np.ascontiguousarray(images, np.float32))

    def scale(self, pictures: Array) -> Array:
        """Preprocesses pictures of the net's size with values from 0 to 255."""
        return scale_pixels(pictures, self.preprocessing)

    def compare(self, images: Array) -> Agreement:
        """Compares the outputs with TensorFlow's in float32, on images as in a call."""
        got, wanted = self(images), self._run_fp32(np.ascontiguousarray(images, np.float32))
        same = got.argmax(1) == wanted.argmax(1)
        return Agreement(len(same), float(same.mean()), float(np.abs(got - wanted).max()))


def fast(
    net: str,
    checkpoint: str,
    precision: str = "fp32",
    engine: str = AUTO,
    *,
    calibrate: str | Path | None = None,
    batch: int = 8,
) -> FastNet:
    """Loads a net and its weights into the engine that is fastest on this machine.

    ``auto`` measures every installed engine for a second and takes the fastest whose outputs
    agree with float32; the choice is kept in a cache file.

    Args:
      net: a name of the registry.
      checkpoint: weight file, checkpoint prefix or model folder.
      precision: "fp32", "bf16" (processors with AVX512-BF16 or AMX) or "int8".
      engine: "auto", "tensorflow", "onnxruntime" or "openvino".
      calibrate: folder of pictures or clips that "int8" measures ranges on.
      batch: images of a batch that the engines are measured with.

    Raises BadInputError for what cannot be had here, and CheckpointError for weights that do not
    match the net.
    """
    quiet_tensorflow(uses_onednn=True)
    from legacy_nets.train.evaluate import resolve_settings

    path = find_checkpoint_file(checkpoint, best=False)
    settings = resolve_settings(path, net, SettingChanges())
    folder = None if calibrate is None else Path(calibrate)
    return load_fast(settings, path, None, precision, engine, folder, batch)


def check_choice(precision: str, engine: str, calibration: Path | None) -> list[str]:
    """Returns the engines to choose from. Raises BadInputError for what cannot be had here."""
    if precision == "int8" and calibration is None:
        raise BadInputError("int8 measures ranges on examples: add --calibrate FOLDER")
    if precision != "int8" and calibration is not None:
        raise BadInputError(f"--calibrate is for int8; {precision} needs no examples")
    if calibration is not None and not calibration.is_dir():
        raise BadInputError(f"--calibrate {calibration} is no folder")
    if precision == "bf16" and not examine_processor().has_bfloat16:
        raise BadInputError(
            "bf16: this processor has neither AVX512-BF16 nor AMX, and would be slower: use fp32"
        )
    return list_engines(engine, precision)


def load_fast(
    settings: Settings,
    checkpoint: str,
    ema: bool | None,
    precision: str,
    engine: str,
    calibration: Path | None,
    batch: int,
) -> FastNet:
    """Loads a net with given settings; see ``fast``."""
    engines = check_choice(precision, engine, calibration)
    from legacy_nets.engines import choose
    from legacy_nets.engines.prepare import prepare

    net = prepare(settings, checkpoint, ema, calibration)
    run_fp32 = choose.load(net, "fp32", choose.Candidate("tensorflow", 1))
    reference = run_fp32(net.inputs)
    candidates = choose.list_candidates(engines)
    candidate, run = choose.choose(net, precision, candidates, reference, batch)
    return FastNet(
        settings,
        candidate.engine,
        precision,
        candidate.threads,
        str(net.metadata["preprocessing"]),
        run,
        run_fp32,
    )
