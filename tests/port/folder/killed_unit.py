"""A unit of a folder's port whose process dies. Imports no TensorFlow."""

import os
import signal

from legacy_nets.port.folder.unit import Result


def kill_on_b(unit):
    """Dies while it ports a model of the folder b; refuses any other."""
    if unit.model.name.startswith("b/"):
        os.kill(os.getpid(), signal.SIGKILL)
    return Result(unit.model.name, "refused", "tried")
