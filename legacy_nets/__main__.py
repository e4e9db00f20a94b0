"""``python -m legacy_nets`` is the same as ``legacy-nets``."""

from legacy_nets.cli import main

main(prog_name="legacy-nets")
