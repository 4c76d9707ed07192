"""Sums that must add up, and the arithmetic of shares: arrays in, arrays out."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from numbers import Real
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import numpy.typing as npt
from scipy import special

from crmvalue.errors import ConservationError, InputError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
NumberArray: TypeAlias = "npt.NDArray[np.floating[Any] | np.integer[Any]]"
"""Numbers as a column holds them: `floats` reads a block of them."""
Random: TypeAlias = np.random.Generator | int
"""What draws random numbers, or the seed of one that does."""

TOLERANCE = 0.005
"""Half a cent: the most by which parts of money may differ from their whole."""

UNITS: dict[str, float] = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}
"""Units of ages and horizons, in days."""

PERIODS: dict[str, float] = {**UNITS, "Q": 365.25 / 4}
"""Calendar periods in which opportunities to buy are counted, by their mean length in days."""


def is_number(
    value: object, least: float = -sys.float_info.max, most: float = sys.float_info.max
) -> TypeGuard[float]:
    """Whether a value is a number, of Python or NumPy, within these limits; no bool, never NaN."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return least <= float(value) <= most
    except OverflowError:  # a whole number that no float can hold
        return False


def is_whole(value: object, least: int, most: float = math.inf) -> TypeGuard[int]:
    """Whether a value is a whole number by its type, of Python or NumPy, within these limits."""
    return isinstance(value, int | np.integer) and is_number(value, least, most)


def safe_sum(values: Iterable[float] | FloatArray) -> float:
    """Correctly rounded sum, the same in any order of the values."""
    return math.fsum(np.asarray(values, dtype=np.float64).ravel().tolist())


def check_conserved(stage: str, whole: float, parts: Iterable[float] | FloatArray) -> None:
    """Raise `ConservationError` unless `parts` add up to `whole` within half a cent.

    Beyond about 10^12 a double can't hold half a cent after millions of additions, so the bound
    grows with the size of the parts there.
    """
    array = np.asarray(parts, dtype=np.float64).ravel()
    total = safe_sum(array)
    bound = max(TOLERANCE, 1e-13 * safe_sum(np.abs(array)))
    if not abs(total - whole) <= bound:
        raise ConservationError(
            f"{stage}: the parts add up to {total!r} but the whole is {whole!r} "
            f"(difference {total - whole:.6g}, allowed {bound:.3g})"
        )


def snap_zero(values: FloatArray, gross: FloatArray, noise: float = 1e-12) -> FloatArray:
    """Set sums to exactly 0 that differ from it only by rounding, at most `noise` of `gross`.

    `gross` is the sum of the absolute terms: 10.10 + 20.20 - 30.30 leaves 4e-15 in binary, and a
    customer with that "spend" must not count as a buyer with a positive one.
    """
    return np.where(np.abs(values) <= noise * gross, 0.0, values)


def positive_total(values: FloatArray, total: float | None = None) -> float:
    """The sum where it is positive, otherwise NaN: there are no shares of nothing or of a loss.

    Give the `total` where it is known already. One that is only rounding counts as 0.
    """
    whole = np.array(safe_sum(values) if total is None else total)
    return float(whole) if snap_zero(whole, np.abs(values).sum()) > 0 else math.nan


def dot(a: FloatArray, b: FloatArray) -> Any:
    """``a @ b`` over the last axis of both, with the same last digits on any machine.

    Those of a linear algebra library hang on the number of its threads.
    """
    return (a * b).sum(axis=-1)


def group_sum(codes: npt.NDArray[Any], weights: FloatArray, size: int) -> FloatArray:
    """Sum of `weights` for each code 0..size-1."""
    return np.bincount(codes, weights=weights, minlength=size).astype(np.float64, copy=False)


def exact_group_sum(codes: IntArray, values: FloatArray, size: int) -> FloatArray:
    """Correctly rounded sum of `values` for each code 0..size-1, the same in any order of rows."""
    order = np.argsort(codes.astype(np.min_scalar_type(size)), kind="stable")  # small: no compares
    ends = np.cumsum(np.bincount(codes, minlength=size))[:-1]
    return np.array([safe_sum(part) for part in np.split(values[order], ends)])


def floats(values: NumberArray) -> FloatArray:
    """Numbers as float64; the same array where they are."""
    return values.astype(np.float64, copy=False)


def running_sum(values: FloatArray) -> FloatArray:
    """Cumulative sums, each about as exact as if it were summed in twice the precision.

    A plain cumulative sum of ten million prices is off by up to 1e-10 of itself, more than a
    threshold on a share may be. What each addition rounds off is exact (Knuth's two-sum), so it is
    summed beside (Ogita, Rump and Oishi 2005, algorithm 4.4).
    """
    sums: FloatArray = np.cumsum(values, dtype=np.float64)
    before, term, after = sums[:-1], values[1:], sums[1:]
    part = after - before
    sums[1:] += np.cumsum((before - (after - part)) + (term - part))
    return sums


def round_to_cents(values: FloatArray, digits: int = 2) -> FloatArray:
    """Round to `digits` decimals so that the rounded figures add up to the rounded total.

    Largest-remainder rounding: floor every figure, then give the missing cents to the largest
    remainders, the first ones where remainders are equal.
    """
    scaled = np.asarray(values, dtype=np.float64) * 10.0**digits
    # A figure that is a whole number of cents but for binary noise keeps its cent.
    near = np.rint(scaled)
    scaled = np.where(np.abs(scaled - near) <= 1e-6 + 4e-16 * np.abs(near), near, scaled)
    floor = np.floor(scaled)
    missing = round(safe_sum(scaled)) - round(safe_sum(floor))
    order = np.argsort(floor - scaled, kind="stable")
    floor[order[:missing]] += 1.0
    return floor / 10.0**digits


def wilson_interval(
    counts: npt.NDArray[Any], totals: npt.NDArray[Any], level: float = 0.95
) -> tuple[FloatArray, FloatArray]:
    """Lower and upper limits of the share counts / totals (Wilson 1927); NaN where a total is 0."""
    k, n = np.asarray(counts, dtype=np.float64), np.asarray(totals, dtype=np.float64)
    n = np.where(n > 0, n, np.nan)
    z = float(special.ndtri((1 + level) / 2))
    middle = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * np.sqrt(k * (n - k) / n + z * z / 4)
    # The limits of "none" and "all" are 0 and 1 but for rounding.
    lower = np.where(k == 0, 0.0 * n, np.clip(middle - half, 0.0, 1.0))
    upper = np.where(k == n, 1.0, np.clip(middle + half, 0.0, 1.0))
    return lower, upper


def generator(rng: object) -> np.random.Generator:
    """The generator of random numbers that the caller gave, or the one of their seed."""
    if isinstance(rng, np.random.Generator):
        return rng
    if is_whole(rng, 0):
        return np.random.default_rng(int(rng))
    raise InputError(
        "rng must be a numpy Generator, such as numpy.random.default_rng(1), or a whole number of "
        f"at least 0 as its seed; got {rng!r}"
    )


def check_draws(n: object, name: str = "n") -> None:
    """Refuse a number of draws that is none."""
    if not is_whole(n, 2):
        raise InputError(f"{name} must be a whole number of at least 2 draws; got {n!r}")


def drawn(size: int, rng: np.random.Generator) -> FloatArray:
    """How often each of `size` customers comes among as many drawn with replacement."""
    return np.bincount(rng.integers(0, size, size), minlength=size).astype(np.float64)
