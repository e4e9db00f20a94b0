"""``python -m legacy_nets.cli`` is ``legacy-nets``."""

from legacy_nets.cli import main

main(prog_name="legacy-nets")
