"""Calls a session without the work that ``Session.run`` does for each feed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from legacy_nets.types import Array

_config: Any = importlib.import_module("tensorflow.core.protobuf.config_pb2")


def make_callable(session: Any, feed: str, fetch: str) -> Callable[[Array], Array]:
    """Makes a function of one feed and one fetch, both tensor names.

    The function takes the array as it is: of the placeholder's dtype, or it raises.
    """
    options = _config.CallableOptions(feed=[feed], fetch=[fetch])
    call = session._make_callable_from_options(options)

    def run(value: Array) -> Array:
        return call(value)[0]

    return run
