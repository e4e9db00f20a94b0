"""``legacy_nets.fast``: a net as a function that the fastest engine runs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from legacy_nets.engines.table import AUTO, BATCH, PRECISIONS, list_engines
from legacy_nets.errors import BadInputError
from legacy_nets.processor import require_bfloat16, uses_onednn
from legacy_nets.quiet import quiet_tensorflow

if TYPE_CHECKING:  # importing them at once would slow the start of every command
    from legacy_nets.engines.fast_net import FastNet
    from legacy_nets.train.settings import Settings


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
        if precision == "bf16":
            require_bfloat16("bf16", "use fp32")
        engines = list_engines(self.engine, precision)
        if precision == "bf16" and not uses_onednn():
            engines = [name for name in engines if name != "tensorflow"]
            if not engines:
                raise BadInputError(
                    "bf16 with TensorFlow needs oneDNN, which importing legacy_nets.tf1 turns off: "
                    "set TF_ENABLE_ONEDNN_OPTS=1 before, or choose another engine"
                )
        return engines


PLAIN = Choice(engine="tensorflow")  # not measured


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

    ``auto`` measures every installed engine for a second, by turns, and takes the fastest whose
    outputs agree with float32; the choice is kept in a cache file.

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
    from legacy_nets.train.settings import SettingChanges, find_checkpoint_file

    path = find_checkpoint_file(checkpoint, best=False)
    settings = resolve_settings(path, net, SettingChanges())
    return load_fast(settings, path, None, choice, batch)


def load_fast(
    settings: Settings, checkpoint: str, ema: bool | None, choice: Choice, batch: int = BATCH
) -> FastNet:
    """Loads a net with given settings; see ``fast``."""
    from legacy_nets.engines import choose
    from legacy_nets.engines.fast_net import FastNet
    from legacy_nets.engines.prepare import prepare

    candidates = choose.list_candidates(choice.list_engines())
    net = prepare(settings, checkpoint, ema, choice.calibration, batch=batch)
    plain = choose.Candidate("tensorflow", 1)
    run_fp32 = choose.load(net, "fp32", plain)
    if choice == PLAIN:
        candidate, run = plain, run_fp32
    else:
        loaded = {plain: run_fp32} if choice.precision == "fp32" else {}
        candidate, run = choose.choose(
            net, choice.precision, candidates, run_fp32(net.inputs), loaded
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
