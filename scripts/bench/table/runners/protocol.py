"""What a runner says to the driver: lines of JSON on standard output. Runs under Python 3.7."""

from __future__ import annotations

import json
import sys
import time

SECONDS = 0.4  # that one value is measured at least


def read_arguments():
    """Returns the arguments that the driver gave."""
    return json.loads(sys.argv[1])


def serve(measures, versions, failed=None):
    """Says what can be measured, then measures what the driver asks for until it closes.

    ``measures``: {(case, column): function that returns a value, or a dict with "value" and
    details}. ``failed``: {column: why it cannot be measured}.
    """
    _print({"ready": list(measures), "versions": versions, "failed": failed or {}})
    for line in sys.stdin:
        try:
            value = measures[tuple(json.loads(line))]()
        except Exception as error:
            _print({"error": describe(error)})
            continue
        _print(value if isinstance(value, dict) else {"value": value})


def describe(error):
    """Returns an exception's type and the first line of its text."""
    text = str(error).strip().split("\n")[0][:200]
    return f"{type(error).__name__}: {text}"


def _print(answer):
    print("\n" + json.dumps(answer), flush=True)


def count_per_second(run, amount, seconds=SECONDS, free=None):
    """Makes a measure: how much of ``amount`` a second, the median of calls of ``run``.

    Each measure begins with a call that is not counted: other programs ran before it, and the
    caches hold their memory. ``free``: gives back the memory of the calls after each measure.
    """

    def measure():
        run()
        taken = []
        while not taken or sum(taken) < seconds:
            start = time.perf_counter()
            run()
            taken.append(time.perf_counter() - start)
        if free is not None:
            free()
        return amount / sorted(taken)[len(taken) // 2]

    return measure


def try_each(makers):
    """Calls {column: function that returns measures}; returns measures and what failed."""
    measures, failed = {}, {}
    for column, make in makers.items():
        try:
            measures.update(make())
        except Exception as error:
            failed[column] = describe(error)
    return measures, failed
