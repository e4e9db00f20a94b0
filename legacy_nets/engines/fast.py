"""``legacy_nets.fast``: a net as a function that the fastest engine runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from legacy_nets.data.preprocessing import scale_pixels
from legacy_nets.data.splits import Split
from legacy_nets.engines.table import AUTO, PRECISIONS, list_engines
from legacy_nets.errors import BadInputError
from legacy_nets.processor import examine_processor
from legacy_nets.quiet import quiet_tensorflow
from legacy_nets.train.settings import SettingChanges, Settings, find_checkpoint_file
from legacy_nets.types import Array

if TYPE_CHECKING:
    from legacy_nets.engines.prepare import Run

BATCH = 8  # images that engines are measured with
COMPARED = 100  # images of a split whose classes are compared with fp32's


@dataclasses.dataclass(frozen=True)
class Agreement:
    """How near a net's probabilities are to those in float32."""

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
class Choice:
    """What is asked for: a precision, an engine or "auto", and int8's folder of examples."""

    precision: str = "fp32"
    engine: str = AUTO
    calibration: Path | None = None

    def list_engines(self) -> list[str]:
        """Lists the engines to choose from. Raises BadInputError for what cannot be had here."""
        precision, folder = self.precision, self.calibration
        if precision == "int8" and folder is None:
            raise BadInputError("int8 measures ranges on examples: add --calibrate FOLDER")
        if precision in PRECISIONS and precision != "int8" and folder is not None:
            raise BadInputError(f"--calibrate is for int8; {precision} needs no examples")
        if folder is not None and not folder.is_dir():
            raise BadInputError(f"--calibrate {folder} is no folder")
        if precision == "bf16" and not examine_processor().has_bfloat16:
            raise BadInputError(
                "bf16: this processor has neither AVX512-BF16 nor AMX, so it would be slower: "
                "use fp32"
            )
        return list_engines(self.engine, precision)


PLAIN = Choice(engine="tensorflow")  # not measured


@dataclasses.dataclass(frozen=True)
class FastNet:
    """A net with its weights in an engine; call it with images."""

    settings: Settings  # size and classes
    preprocessing: str
    averaged: bool  # the weights are moving averages
    engine: str
    precision: str
    threads: int  # operations that TensorFlow runs at the same time; 0 for another engine
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

    def score(self, images: Split, report: Callable[[int], object] = lambda count: None) -> Array:
        """Runs the net over a split of the net's size, in batches: [N, classes].

        ``report`` receives the number of images of each batch after it was run.
        """
        from legacy_nets.train.graph import score_split

        return score_split(self, images, self.settings.image_size, self.preprocessing, report)

    def compare(self, images: Array) -> Agreement:
        """Compares the outputs with TensorFlow's in float32, on images as in a call."""
        return _compare(self(images), self._run_fp32(np.ascontiguousarray(images, np.float32)))

    def compare_first(self, images: Split, probabilities: Array) -> Agreement:
        """Compares the probabilities of a split's first 100 images with those in float32."""
        first = np.arange(min(COMPARED, len(images.labels)))
        wanted = [
            self._run_fp32(self.scale(batch.pictures))
            for batch in images.read(np.array_split(first, -(-len(first) // BATCH)))
        ]
        return _compare(probabilities[first], np.concatenate(wanted))


def fast(
    net: str,
    checkpoint: str,
    precision: str = "fp32",
    engine: str = AUTO,
    *,
    calibrate: str | Path | None = None,
    batch: int = BATCH,
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
    choice = Choice(precision, engine, None if calibrate is None else Path(calibrate))
    choice.list_engines()  # before TensorFlow is imported
    quiet_tensorflow(uses_onednn=True)
    from legacy_nets.train.evaluate import resolve_settings

    path = find_checkpoint_file(checkpoint, best=False)
    settings = resolve_settings(path, net, SettingChanges())
    return load_fast(settings, path, None, choice, batch)


def load_fast(
    settings: Settings, checkpoint: str, ema: bool | None, choice: Choice, batch: int = BATCH
) -> FastNet:
    """Loads a net with given settings; see ``fast``."""
    from legacy_nets.engines import choose
    from legacy_nets.engines.prepare import prepare

    candidates = choose.list_candidates(choice.list_engines())
    net = prepare(settings, checkpoint, ema, choice.calibration)
    plain = choose.Candidate("tensorflow", 1)
    run_fp32 = choose.load(net, "fp32", plain)
    if choice == PLAIN:
        candidate, run = plain, run_fp32
    else:
        loaded = {plain: run_fp32} if choice.precision == "fp32" else {}
        candidate, run = choose.choose(
            net, choice.precision, candidates, run_fp32(net.inputs), batch, loaded
        )
    return FastNet(
        settings,
        net.preprocessing,
        net.averaged,
        candidate.engine,
        choice.precision,
        candidate.threads,
        run,
        run_fp32,
    )


def _compare(got: Array, wanted: Array) -> Agreement:
    same = got.argmax(1) == wanted.argmax(1)
    return Agreement(len(same), float(same.mean()), float(np.abs(got - wanted).max()))
