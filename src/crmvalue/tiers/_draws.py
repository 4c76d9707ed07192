"""Customers drawn with replacement: how often each of them came."""

from __future__ import annotations

from typing import Any

import numpy as np

from crmvalue._stats import FloatArray
from crmvalue.errors import InputError


def generator(rng: Any) -> np.random.Generator:
    """The generator of random numbers that the caller gave, or the one of their seed."""
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool) and rng >= 0:
        return np.random.default_rng(int(rng))
    raise InputError(
        "rng must be a numpy Generator, such as numpy.random.default_rng(1), or a whole number of "
        f"at least 0 as its seed; got {rng!r}"
    )


def check_draws(n: object) -> None:
    """Refuse a number of draws that is none."""
    if not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 2:
        raise InputError(f"n must be a whole number of at least 2 draws; got {n!r}")


def drawn(size: int, rng: np.random.Generator) -> FloatArray:
    """How often each of `size` customers comes among as many drawn with replacement."""
    found: FloatArray = np.bincount(rng.integers(0, size, size), minlength=size).astype(np.float64)
    return found
