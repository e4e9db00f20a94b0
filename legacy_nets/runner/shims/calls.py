"""What takes again the calls that Python 3.7 took and today's Python refuses (``CHANGED_CALLS``).

Each function gets today's function, and the arguments that it has refused. It returns
``NotImplemented`` where 3.7 refused them, too.
"""

from __future__ import annotations

import random
from collections.abc import Callable, MutableSequence, Sequence, Set
from typing import Any

Real = Callable[..., Any]


def sample(real: Real, self: random.Random, population: object, k: int) -> list[Any]:
    """Draws from a set, in the order of its tuple."""
    return real(self, tuple(population), k) if isinstance(population, Set) else NotImplemented


def seed(real: Real, self: random.Random, a: object = None, version: int = 2) -> None:
    """Seeds with the hash of any object: NumPy's numbers, dates, tuples."""
    real(self, hash(a) % 2**64)


def shuffle(
    real: Real, self: random.Random, x: MutableSequence[Any], random: Callable[[], float]
) -> None:
    """Shuffles in place, with a function that draws from [0, 1)."""
    for i in reversed(range(1, len(x))):
        j = int(random() * (i + 1))
        x[i], x[j] = x[j], x[i]


def randrange(real: Real, self: random.Random, *bounds: Any, **named: Any) -> int:
    """Draws between floats without a fraction."""
    integers = _to_integers([*bounds, *named.values()])
    if integers is None:
        return NotImplemented
    start = len(bounds)
    return real(self, *integers[:start], **dict(zip(named, integers[start:], strict=True)))


def loads(real: Real, s: str | bytes, *, encoding: object, **options: Any) -> Any:
    """Parses JSON; Python 3 never looked at ``encoding``."""
    return real(s, **options)


def factorial(real: Real, x: float) -> int:
    """Computes x! of a float without a fraction."""
    integers = _to_integers([x])
    return NotImplemented if integers is None else real(*integers)


def new(real: Real, key: bytes, msg: bytes | None = None) -> Any:
    """Makes an HMAC by MD5, which was the default."""
    return real(key, msg, "md5")


def _to_integers(values: Sequence[Any]) -> list[Any] | None:
    """Returns floats as integers; None where there is no float, or one has a fraction."""
    floats = [value for value in values if isinstance(value, float)]
    if not floats or not all(value.is_integer() for value in floats):
        return None
    return [int(value) if isinstance(value, float) else value for value in values]
