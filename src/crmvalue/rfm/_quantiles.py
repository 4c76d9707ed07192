"""Linear quantiles of many values, exactly those of NumPy in a fraction of its time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from crmvalue._sample import is_worth_it, sample_of
from crmvalue._stats import FloatArray, IntArray, NumberArray, floats
from crmvalue._threads import by_blocks, side_by_side

MOST_CUTS = 20


class Quantiles(NamedTuple):
    """Quantiles, how many values are not above each, and how many are known."""

    cuts: FloatArray
    not_above: IntArray
    known: int


class Bracket(NamedTuple):
    """Two values between which a quantile should lie, and what a pass over all values finds.

    `least` of the values are not above ``low``, and `between` are those between the two, in any
    order. Where low and high are one value, as `ties` of the values are, there are none.
    """

    low: float
    high: float
    least: int
    ties: int
    between: FloatArray

    @property
    def most(self) -> int:
        """How many values are below ``high``."""
        return self.least - self.ties + len(self.between)


def quantiles(values: NumberArray, shares: FloatArray, *, negative: bool = False) -> Quantiles:
    """``np.quantile(values, shares)``, bit for bit, of the values that are not missing.

    Those of the negative values where they are asked for, and NaN where all are missing.

    Of many values, a sample tells between which two each quantile lies. One pass then counts those
    below and keeps those between, a hundredth of all, so that nothing needs to be moved about but
    these (Floyd and Rivest 1975). Where the sample misleads, all values are partitioned after all.
    """
    found = None
    if is_worth_it(values) and len(shares) <= MOST_CUTS:
        found = _by_sample(values, shares, -1.0 if negative else 1.0)
    if found is not None:
        return found
    missing = np.isnan(values)
    if missing.all():
        return Quantiles(np.full(len(shares), np.nan), np.zeros(len(shares), dtype=np.int64), 0)
    if missing.any():
        return quantiles(values[~missing], shares, negative=negative)
    signed = -floats(values) if negative else floats(values)
    cuts = np.asarray(np.quantile(signed, shares), dtype=np.float64)
    not_above = np.array([np.count_nonzero(signed <= cut) for cut in cuts])
    return Quantiles(cuts, not_above, len(signed))


def _by_sample(values: NumberArray, shares: FloatArray, sign: float) -> Quantiles | None:
    """Quantiles of the values times `sign`; None where one is missing or the sample misleads."""
    brackets = _brackets(values, shares, sign)
    if brackets is None:
        return None
    place = (len(values) - 1) * shares
    rank = np.floor(place).astype(np.int64)

    def neighbours(j: int) -> list[float] | None:
        ranks = int(rank[j]), min(int(rank[j]) + 1, len(values) - 1)
        return _order_statistics(values, brackets[j], ranks, sign)

    at = side_by_side(neighbours, range(len(shares)), rows=len(values))
    known = [found for found in at if found is not None]
    if len(known) < len(at):
        return None
    below, above = np.array(known).T
    part, step = place - rank, above - below
    # The two forms of NumPy, so that a quantile between equals is that value.
    cuts: FloatArray = np.where(part < 0.5, below + step * part, above - step * (1 - part))
    counts = [_not_above(values, *pair, sign) for pair in zip(cuts, brackets, strict=True)]
    return Quantiles(cuts, np.array(counts), len(values))


def _brackets(values: NumberArray, shares: FloatArray, sign: float) -> list[Bracket] | None:
    """A bracket for each quantile, with what a pass over all values finds for it.

    None where a value is missing, or the quantiles lie too close for the size of the sample.
    """
    sample = np.sort(sign * floats(sample_of(values)))
    lows, highs = _bounds(sample, shares)
    if np.isnan(sample[-1]) or (highs[:-1] > lows[1:]).any():
        return None
    is_open = lows < highs
    # Of a high, the number before it: so each bracket is left by who is beyond, as it is entered.
    edges = sign * np.concatenate([lows, np.nextafter(highs, -np.inf)])[:, np.newaxis]
    is_beyond = np.greater if sign > 0 else np.less
    of_open, counted = np.tile(is_open, 2), np.flatnonzero([*np.ones_like(is_open), *~is_open])

    def divide(rows: slice) -> tuple[list[int], FloatArray]:
        """How many values of a block are not beyond the edges, and those that are in a bracket."""
        block = floats(values[rows])
        beyond = is_beyond(block, edges)
        counts = [len(block) - int(np.count_nonzero(beyond[edge])) for edge in counted]
        # Few calls on many values each: two threads lose much time where one waits for the other.
        inside = np.bitwise_xor.reduce(beyond if is_open.all() else beyond[of_open], axis=0)
        near = sign * block[np.flatnonzero(inside)]
        return counts, near if not np.isnan(block.max()) else np.array([np.nan])

    found = by_blocks(divide, len(values))
    near = np.concatenate([part for _, part in found])
    if np.isnan(near).any():
        return None
    not_beyond = np.zeros(len(edges), dtype=np.int64)
    not_beyond[counted] = np.sum([counts for counts, _ in found], axis=0)

    def bracket(j: int) -> Bracket:
        low, high = float(lows[j]), float(highs[j])
        least, below = int(not_beyond[j]), int(not_beyond[len(lows) + j])
        ties = 0 if is_open[j] else least - below
        return Bracket(low, high, least, ties, near[(near > low) & (near < high)])

    return side_by_side(bracket, range(len(lows)), rows=len(values))


def _bounds(sample: FloatArray, shares: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The values of a sorted sample four standard errors of the rank below and above quantiles."""
    half = 4 * np.sqrt(len(sample) * shares * (1 - shares)) + 2
    padded = np.concatenate([[-np.inf], sample, [np.inf]])
    low, high = (
        padded[np.clip(np.rint(len(sample) * shares + side), 0, len(sample) + 1).astype(np.int64)]
        for side in (-half, half)
    )
    return low, high


def _order_statistics(
    values: NumberArray, bracket: Bracket, ranks: tuple[int, int], sign: float
) -> list[float] | None:
    """The values at two ranks, counted from 0; None where one lies beyond the bracket."""
    between = bracket.between
    inside = [rank - bracket.least for rank in ranks if bracket.least <= rank < bracket.most]
    if inside and len(between):
        between = np.partition(between, inside)
    found = []
    for rank in ranks:
        if rank < bracket.least:
            reached = rank >= bracket.least - _ties(values, bracket, bracket.low, sign)
            value = bracket.low
        elif rank < bracket.most:
            reached, value = True, float(between[rank - bracket.least])
        else:
            reached = rank < bracket.most + _ties(values, bracket, bracket.high, sign)
            value = bracket.high
        if not reached:
            return None
        found.append(value)
    return found


def _not_above(values: NumberArray, cut: float, bracket: Bracket, sign: float) -> int:
    """How many values are not above a cut in a bracket."""
    if cut == bracket.low:
        return bracket.least
    if cut < bracket.high:
        return bracket.least + int(np.count_nonzero(bracket.between <= cut))
    return bracket.most + _ties(values, bracket, bracket.high, sign)


def _ties(values: NumberArray, bracket: Bracket, bound: float, sign: float) -> int:
    """How many values are equal to a bound of a bracket."""
    if bracket.low == bracket.high:
        return bracket.ties
    return sum(
        by_blocks(
            lambda rows: int(np.count_nonzero(floats(values[rows]) == sign * bound)), len(values)
        )
    )
