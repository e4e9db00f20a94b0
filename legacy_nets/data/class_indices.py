"""``class_indices.json``: the names of the classes, next to weights that hold only numbers.

Source:  document 004's train scripts write {"0": "daisy", "1": "dandelion", ...}, indented by 4;
         its predict scripts read it.
"""

from __future__ import annotations

import collections
import json
import pathlib
from collections.abc import Sequence

from legacy_nets.errors import BadInputError
from legacy_nets.files import replace_on_success, suggest_paths

FILE = "class_indices.json"
MAX_CLASSES = 1 << 20  # a larger numeric label is no class


def number_classes(num_classes: int) -> tuple[str, ...]:
    """Names classes by their numbers: "0", "1", ..."""
    return tuple(str(number) for number in range(num_classes))


def distinguish_names(names: Sequence[str]) -> tuple[str, ...]:
    """Adds the number to names that several classes have: ImageNet has two cranes."""
    counts = collections.Counter(names)
    return tuple(
        f"{name} ({number})" if counts[name] > 1 else name for number, name in enumerate(names)
    )


def name_labels(names: Sequence[str], last_label: int, num_classes: int) -> tuple[str, ...]:
    """Names the classes of labels 0 to ``last_label``: ``names`` where they are enough.

    Where they are not, ``num_classes`` classes are named by their numbers.
    """
    if last_label < len(names) or num_classes <= len(names):
        return tuple(names)
    return number_classes(num_classes)


def write_class_indices(path: str | pathlib.Path, names: Sequence[str]) -> None:
    """Writes the document's ``class_indices.json``: index (as text) to name."""
    with replace_on_success(path) as unfinished:
        text = json.dumps({str(index): name for index, name in enumerate(names)}, indent=4)
        unfinished.write_text(text)


def read_class_indices(path: str | pathlib.Path) -> tuple[str, ...]:
    """Reads the class names in order, from a file of ``write_class_indices`` or the document.

    Raises BadInputError for any other file.
    """
    try:
        names = json.loads(pathlib.Path(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise BadInputError(f"no such file: {path}{suggest_paths(path)}") from None
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path} is not JSON ({error}): write it again") from None
    if (
        not isinstance(names, dict)
        or not all(isinstance(name, str) for name in names.values())
        or set(names) != {str(index) for index in range(len(names))}
        or len(set(names.values())) != len(names)
    ):
        raise BadInputError(
            f'{path} must map "0", "1", ... to a name each, as {{"0": "daisy", "1": "roses"}}: '
            "write it again"
        )
    return tuple(names[str(index)] for index in range(len(names)))
