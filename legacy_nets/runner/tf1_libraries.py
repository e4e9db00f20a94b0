"""Libraries written for TensorFlow 1, which ``pip`` installed: they see TensorFlow 1, too.

Other libraries keep today's TensorFlow. Where such a library fails, one line names the option
``run --also``.
"""

from __future__ import annotations

import functools
import importlib.machinery
import os
import re
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from legacy_nets.errors import BadInputError


class Library(NamedTuple):
    """A library for TensorFlow 1: its distribution, and the first release for TensorFlow 2."""

    distribution: str
    tf2_release: int | None = None  # the major version; None where there is none


TF1_LIBRARIES = {  # by the name that scripts import
    "adanet": Library("adanet"),
    "baselines": Library("baselines"),
    "bert": Library("bert-tensorflow"),
    "cleverhans": Library("cleverhans", 4),
    "darkflow": Library("darkflow"),
    "dltk": Library("dltk"),
    "edward": Library("edward"),
    "gpflow": Library("gpflow", 2),
    "keras_contrib": Library("keras-contrib"),
    "kfac": Library("kfac"),
    "lucid": Library("lucid"),
    "niftynet": Library("NiftyNet"),
    "prettytensor": Library("prettytensor"),
    "sonnet": Library("dm-sonnet", 2),
    "stable_baselines": Library("stable-baselines"),
    "tensor2tensor": Library("tensor2tensor"),
    "tensorlayer": Library("tensorlayer", 2),
    "tensorpack": Library("tensorpack"),
    "tflearn": Library("tflearn"),
    "trfl": Library("trfl"),
    "zhusuan": Library("zhusuan"),
}

_IMPORT = re.compile(rb"^\s*(?:import|from)\s+tensorflow\b", re.MULTILINE)
_TF2 = re.compile(rb"\bcompat\.v[12]\b|\bcompat import v[12]\b|\bGradientTape\b|\btf\.function\b")

_TENSORFLOW = ("tensorflow", "tf_keras", "tf_slim", "keras", "legacy_nets")  # with what is its own


def check_names(names: Sequence[str]) -> None:
    """Raises BadInputError where there is no module of such a name."""
    for name in names:
        if not name.isidentifier() or importlib.machinery.PathFinder.find_spec(name) is None:
            raise BadInputError(
                f"--also {name}: no such module: name the library as the script imports it"
            )


@functools.cache
def is_tf1_library(name: str) -> bool:
    """Whether the installed library that is imported by this name is one for TensorFlow 1."""
    library = TF1_LIBRARIES.get(name)
    if library is None or library.tf2_release is None:
        return library is not None
    from importlib import metadata  # takes 8 ms, which a start of "run" need not

    try:
        version = metadata.version(library.distribution)
    except metadata.PackageNotFoundError:
        return True  # a copy without its record: of scripts' time, as the script is
    major = version.partition(".")[0]
    return not major.isdigit() or int(major) < library.tf2_release


def explain_failure(
    error: BaseException, folders: Sequence[str], is_own_file: Callable[[str], bool]
) -> str | None:
    """Returns a line that names ``--also``, where a library for TensorFlow 1 failed; else None.

    Args:
      error: the exception that ended the script.
      folders: the folders of installed libraries.
      is_own_file: tells whether a file sees TensorFlow 1 already.
    """
    for file in reversed(list(_walk_files(error))):
        name = find_library_name(file, folders)
        if name and not name.startswith(_TENSORFLOW) and not is_own_file(file):
            sources = list(_read_loaded_sources(name, file))
            uses_tf1 = any(_IMPORT.search(source) for source in sources)
            if uses_tf1 and not any(_TF2.search(source) for source in sources):
                return (
                    f"{name} is an installed library, which sees today's TensorFlow: if it is "
                    f"for TensorFlow 1, run it again with --also {name}"
                )
    return None


def find_library_name(file: str, folders: Sequence[str]) -> str | None:
    """Returns the name by which the library with this file is imported; None outside of folders.

    The deepest folder that holds the file decides.
    """
    holding = [folder for folder in folders if file.startswith(folder + os.sep)]
    if not holding:
        return None
    first = file[len(max(holding, key=len)) + 1 :].partition(os.sep)[0]
    return first.partition(".")[0]


def _walk_files(error: BaseException | None) -> Iterator[str]:
    """Yields the files of a traceback, those of the causes before those of their effects."""
    if error is None:
        return
    yield from _walk_files(error.__cause__ or error.__context__)
    step: types.TracebackType | None = error.__traceback__
    while step is not None:
        yield os.path.realpath(step.tb_frame.f_code.co_filename)
        step = step.tb_next


def _read_loaded_sources(name: str, failed: str) -> Iterator[bytes]:
    """Yields the sources of a library's loaded modules, and of the file that failed."""
    files = {failed}
    for module_name, module in list(sys.modules.items()):
        if module_name == name or module_name.startswith(name + "."):
            files.add(getattr(module, "__file__", None) or "")
    for file in sorted(files):
        if file.endswith(".py") and os.path.isfile(file):
            with open(file, "rb") as stream:
                yield stream.read()
