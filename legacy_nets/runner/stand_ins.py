"""The former name of ``shims``, with its modules: scripts that were upgraded earlier import them.

``small`` is today's ``shims.functions``.
"""

from __future__ import annotations

import sys

from legacy_nets.runner.shims import functions as small
from legacy_nets.runner.shims import imp, scipy_misc

__all__ = ["imp", "scipy_misc", "small"]
__path__: list[str] = []  # a package, so that Python imports modules "of" it

sys.modules[f"{__name__}.small"] = small
sys.modules[f"{__name__}.imp"] = imp
sys.modules[f"{__name__}.scipy_misc"] = scipy_misc
