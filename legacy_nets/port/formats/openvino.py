"""OpenVINO's intermediate representation: a graph (.xml) and its weights (.bin) next to it.

OpenVINO converts the frozen graph itself. The metadata are JSON in the file's runtime information,
under ``legacy_nets``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from legacy_nets.errors import BadInputError, join_lines
from legacy_nets.port.formats.frozen import freeze
from legacy_nets.port.jobs import INPUT, OUTPUTS, Metadata
from legacy_nets.port.restored_net import RestoredNet
from legacy_nets.port.verify import Run
from legacy_nets.types import Array, GraphDef

METADATA = "legacy_nets"
_EXACT = {"INFERENCE_PRECISION_HINT": "f32"}  # a CPU with bfloat16 would use that


def write(path: Path, net: RestoredNet, metadata: Metadata) -> tuple[str, ...]:
    """Writes both files; returns notes. Raises BadInputError for an operation that it lacks."""
    frozen = freeze(net)
    notes = convert(path, frozen.complete(), [INPUT], OUTPUTS, metadata, net.job.net.name)
    return (*notes, f"{frozen.folded} batch norms folded, {frozen.unfolded} not")


def convert(
    path: Path,
    graph: GraphDef,
    inputs: Sequence[str],
    outputs: Sequence[str],
    metadata: Metadata,
    label: str,
) -> tuple[str, ...]:
    """Writes a frozen GraphDef between nodes that keep their names; returns notes.

    ``label``: what errors call the graph.
    Raises BadInputError for an operation that OpenVINO lacks.
    """
    import openvino
    from openvino.frontend import FrontEndManager

    original = path.with_suffix(".pb")
    original.write_bytes(graph.SerializeToString())
    try:
        frontend = FrontEndManager().load_by_framework("tf")
        loaded = frontend.load(original)
        loaded.override_all_outputs(
            [loaded.get_place_by_tensor_name(f"{name}:0") for name in outputs]
        )
        model = frontend.convert(loaded)
        for port, name in (
            *((model.input(f"{name}:0"), name) for name in inputs),
            *((model.output(f"{name}:0"), name) for name in outputs),
        ):
            port.get_tensor().add_names({name})  # two may share a tensor
        model.set_rt_info(json.dumps(metadata), [METADATA])
        openvino.save_model(model, path, compress_to_fp16=False)
    except MemoryError:
        raise
    except Exception as error:  # OpenVINO's errors have no base class but this one
        cause = f"{type(error).__name__}: {join_lines(error)[:300]}"
        raise BadInputError(
            f"OpenVINO cannot convert {label} ({cause}): try --to onnx, or --outputs before it"
        ) from error
    finally:
        original.unlink()
    return (f"written by OpenVINO {openvino.__version__.split('-')[0]}; the weights are in a .bin",)


def run(path: Path, net: RestoredNet) -> Iterator[Run]:
    """Reads both files again and runs them on the CPU."""
    yield run_openvino(path, {INPUT: net.inputs}, OUTPUTS)


def run_openvino(path: Path, inputs: Mapping[str, Array], outputs: Sequence[str]) -> Run:
    """Reads both files and runs them on the CPU in float32.

    ``inputs``: name -> array of the input's shape.
    """
    import openvino

    compiled = openvino.Core().compile_model(path, "CPU", _EXACT)
    results = compiled(dict(inputs))
    return Run("", {name: np.array(results[compiled.output(name)]) for name in outputs})
