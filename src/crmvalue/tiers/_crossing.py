"""Where the sum of many values, taken from the top or from the bottom, reaches a target."""

from __future__ import annotations

import math

import numpy as np

from crmvalue._sample import is_worth_it, sample_of
from crmvalue._stats import FloatArray
from crmvalue._threads import by_blocks

TOLERANCE = 1e-12
"""Relative tolerance by which a sum of values, or a number of customers, reaches a share."""

MARGIN = 0.01
"""How far around the crossing of a sample that of all values is looked for, in ranks."""


def reaching(positive: FloatArray, share: float) -> float | None:
    """The largest value whose holders and all above make at least `share` of the sum.

    None where there is no value.
    """
    if not len(positive):
        return None
    return crossing(positive, share * float(positive.sum()) * (1 - TOLERANCE), top=True)


def crossing(values: FloatArray, target: float, *, top: bool) -> float:
    """The value with which the sum, taken from the top or from the bottom, reaches `target`.

    The last value where all of them don't. Of many values, a sample tells between which two the
    crossing should lie; one pass adds up those before them and keeps those between.
    """
    if not is_worth_it(values):
        return _by_halves(values, target, 0.0, top)
    first, last = _bracket(values, target, top)

    def divide(rows: slice) -> tuple[float, FloatArray]:
        block = values[rows]
        before, after = (block > first, block < last) if top else (block < first, block > last)
        return float(np.where(before, block, 0.0).sum()), block[~(before | after)]

    ahead, between = zip(*by_blocks(divide, len(values)), strict=True)
    held, near = math.fsum(ahead), np.concatenate(between)
    if not held < target <= held + float(near.sum()):  # the sample misleads
        return _by_halves(values, target, 0.0, top)
    return _by_halves(near, target, held, top)


def _bracket(values: FloatArray, target: float, top: bool) -> tuple[float, float]:
    """The first and the last value, in the order of the sum, between which it should cross.

    A sample knows the sum of the small values well, and little of the few large ones. So the
    crossing from the top is looked for where the rest is reached from the bottom.
    """
    sample = np.sort(sample_of(values))
    rest = float(values.sum()) - target if top else target
    reached = np.cumsum(sample) * (len(values) / len(sample))
    place = int(np.searchsorted(reached, rest))
    margin = math.ceil(MARGIN * len(sample))
    low, high = sample[np.clip([place - margin, place + margin], 0, len(sample) - 1)]
    return (float(high), float(low)) if top else (float(low), float(high))


def _by_halves(values: FloatArray, target: float, before: float, top: bool) -> float:
    """The crossing by selection of halves, where `before` is the sum ahead of the values.

    It needs no sort of all values, and its pairwise sums stay far within the tolerance where a
    running sum would not.
    """
    while len(values) > 1:
        half = len(values) // 2
        parts = np.split(np.partition(values, half), [half])
        first, rest = reversed(parts) if top else parts
        held = before + float(first.sum())
        before, values = (before, first) if held >= target else (held, rest)
    return float(values[0])
