"""Times the answers of ``describe`` and ``facts``: seconds beyond TensorFlow's own import.

``python scripts/bench/answers.py [NET ...] [--command describe] [--repeats 3]``

Each answer is a process of its own, as a user starts it. Between any two of them
``import tensorflow`` alone is timed, so that a machine which is busy for a while, or slow, weighs
on both. Printed are CPU seconds (of all threads): the least of the repeats less that of the
imports beside them, and their ratio. What takes longer than 2 s is marked.
"""

from __future__ import annotations

import argparse
import fnmatch
import resource
import subprocess
import sys

from legacy_nets import registry

ALLOWED = 2.0  # seconds
TOO_LARGE = ("vit_large*", "vit_huge*")  # hundreds of millions of weights: no bar for them
IMPORT = ("-c", "import tensorflow")


def seconds(*arguments: str) -> float:
    """CPU seconds of one Python process. Raises CalledProcessError where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        (sys.executable, *arguments),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Prints one line per net and command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="*", help="patterns of names [default: all but ViT-L and H]")
    parser.add_argument("--command", choices=("describe", "facts"), action="append")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    nets = [
        name
        for name in registry.list_nets()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in arguments.nets)
        or (
            not arguments.nets
            and not any(fnmatch.fnmatchcase(name, pattern) for pattern in TOO_LARGE)
        )
    ]
    print(f"{'net':28} {'command':9} import  beyond   ratio")
    slow = 0
    for name in nets:
        for command in arguments.command or ("describe", "facts"):
            pairs = [
                (seconds(*IMPORT), seconds("-m", "legacy_nets", command, name))
                for _ in range(arguments.repeats)
            ]
            own, whole = (min(column) for column in zip(*pairs, strict=True))
            mark = " *" if whole - own > ALLOWED else ""
            slow += bool(mark)
            line = f"{name:28} {command:9} {own:6.2f}  {whole - own:6.2f}  {whole / own:6.2f}{mark}"
            print(line, flush=True)
    print(f"{slow} of {len(nets)} nets' answers took more than {ALLOWED:.0f} s beyond the import")


if __name__ == "__main__":
    main()
