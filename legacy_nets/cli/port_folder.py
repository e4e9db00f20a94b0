"""The options of ``legacy-nets port``, and ``port FOLDER``: ports every model below a folder."""

from __future__ import annotations

import contextlib
import pathlib
import re
from collections.abc import Sequence
from typing import TypedDict

import click
from click.core import ParameterSource

from legacy_nets.errors import BadInputError
from legacy_nets.language.lines import say
from legacy_nets.port.folder.run import port_folder
from legacy_nets.port.folder.unit import PortSettings
from legacy_nets.port.jobs import (
    FLOAT32,
    SAVED_MODEL,
    TOLERANCES,
    WEIGHTS_TARGETS,
    Precision,
    Rename,
    check_precision,
)
from legacy_nets.port.targets import TARGETS
from legacy_nets.ray_data.run import choose_cluster, open_cluster

_OPTIONS = {  # parameters that hold for every model of a folder, or for the folder
    *("checkpoint", "target", "out", "ema", "trust", "renames", "tolerance", "jobs", "retry"),
    *("precision", "ray_address"),
}


class PortOptions(TypedDict):
    """The options of ``port`` besides its files, as click gives them; None is not given."""

    ema: bool | None
    label_offset: int | None
    num_classes: int | None
    image_size: tuple[int, int] | None
    frames: int | None
    preprocessing: str | None
    options: dict[str, object]  # of the net
    inputs: str | None
    outputs: str | None
    shapes: tuple[str, ...]
    settings: tuple[str, ...]
    renames: tuple[str, ...]
    tags: str | None
    inference: bool
    trust: bool
    precision: str | None
    calibrate: pathlib.Path | None
    tolerance: float | None
    jobs: int
    ray_address: str | None
    retry: bool


def choose_precision(given: PortOptions) -> Precision:
    """Chooses the precision: integers where there is a folder of examples."""
    examples = given["calibrate"]
    return Precision(given["precision"] or ("int8" if examples else FLOAT32.dtype), examples)


def choose_tolerance(given: PortOptions) -> float:
    """Chooses the tolerance: that of the precision where none is given."""
    if given["tolerance"] is not None:
        return given["tolerance"]
    return TOLERANCES[choose_precision(given).dtype]


def parse_renames(texts: Sequence[str], target: str) -> tuple[Rename, ...]:
    """Parses --rename.

    Raises BadInputError for a pattern that is none, or a target of a graph.
    """
    renames = []
    for text in texts:
        pattern, equals, replacement = text.partition("=")
        if not (pattern and equals):
            raise BadInputError(f"--rename {text}: write PATTERN=NEW; NEW may be empty")
        if target not in WEIGHTS_TARGETS:
            raise BadInputError(
                f"--rename is for weights alone ({', '.join(WEIGHTS_TARGETS)}), not {target}"
            )
        try:
            re.compile(pattern).sub(replacement, "")
            renames.append(Rename(re.compile(pattern), replacement))
        except re.error as error:
            raise BadInputError(f"--rename {text}: no regular expression ({error})") from None
    return tuple(renames)


def is_folder_of_models(
    checkpoint: str,
    net: str | None,
    meta: pathlib.Path | None,
    target: str,
    out: pathlib.Path,
) -> bool:
    """Whether a folder is ported model by model, and not as one model.

    It is no SavedModel, no option says which net is in it, and --out names no file of the target.
    """
    if net or meta or not pathlib.Path(checkpoint).is_dir():
        return False
    if pathlib.Path(checkpoint, SAVED_MODEL).is_file():
        return False
    return out.is_dir() or not out.suffix or out.suffix != TARGETS[target].ending


def port_models(folder: pathlib.Path, target: str, out: pathlib.Path, given: PortOptions) -> int:
    """Ports the models below a folder and prints a line for each; returns the exit code.

    Raises BadInputError for options of one model.
    """
    context = click.get_current_context()
    for option in context.command.params:
        is_given = context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE
        if is_given and option.name not in _OPTIONS:
            raise BadInputError(
                f"{option.opts[0]} is for one model, and {folder} is a folder of models: leave it "
                "out, or name one model"
            )
    settings = PortSettings(
        target,
        given["ema"],
        choose_tolerance(given),
        given["trust"],
        parse_renames(given["renames"], target),
        choose_precision(given),
    )
    if settings.precision.dtype == "int8":
        raise BadInputError(
            f"--precision int8 is for one model, whose inputs its examples are, and {folder} is a "
            "folder of models: use float16, or name one model"
        )
    check_precision(target, settings.precision)
    address, jobs = given["ray_address"], given["jobs"]
    if address is not None:
        choose_cluster(jobs, address)
    with contextlib.nullcontext() if address is None else open_cluster(address, jobs):
        table = port_folder(
            folder,
            out,
            settings,
            jobs=jobs,
            retries=given["retry"],
            on_ray=address is not None,
            announce=say,
        )
    say(f"{table.summary}; table: {out / 'ports.html'}, {out / 'ports.json'}")
    return 0 if set(table.counts) <= {"verified"} else 1
