"""``python -m legacy_nets.cli`` is the same as ``python -m legacy_nets``."""

from legacy_nets.cli import main

main(prog_name="legacy-nets")
