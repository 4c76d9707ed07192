"""Whether the distributions of a result are still those of its baseline."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from crmvalue.baseline import _figures
from crmvalue.baseline._lines import Line
from crmvalue.baseline.record import Baseline
from crmvalue.baseline.source import Source

ENOUGH = _figures.BINS * _figures.FEWEST
"""Of fewer customers a distribution may have few bins because there are too few for more."""


def stability_lines(current: Source, kept: Baseline) -> list[Line]:
    """A line for each distribution that the baseline keeps.

    One that has become much finer has drifted whatever its index: few wide bins see no difference
    within them.
    """
    lines = []
    for column, spread in kept.bins.items():
        before = np.array(spread["customers"], dtype=np.float64)
        values = current.number("customers", column)
        now = _figures.bin_counts(values, np.array(spread["cuts"], dtype=np.float64))
        index = stability_index(before, now)
        own = len(_figures.bins(current, column).cuts) + 1
        kept_bins = len(spread["cuts"]) + 1
        if before.sum() >= ENOUGH and 2 * kept_bins < own:
            told = f"{kept_bins} bin{'s' if kept_bins > 1 else ''}, where this result has {own}"
            lines.append(Line(f"psi.{column}", 0.0, told, math.inf))
            continue
        lines.append(Line(f"psi.{column}", 0.0, index, index))
    return lines


def stability_index(before: Any, now: Any) -> float:
    """Population stability index of two counts over the same bins, half a customer added to each.

    Parameters
    ----------
    before, now : arrays of float, shape (bins,)
        Customers in each bin.

    Returns
    -------
    float
        0 where the shares are equal; bins that are empty on both sides count as nothing.

    Examples
    --------
    >>> round(stability_index([50, 50, 0], [50, 50, 0]), 3)
    0.0
    >>> round(stability_index([50, 50, 0], [90, 10, 0]), 3)
    0.853
    """
    counts = np.array([before, now], dtype=np.float64)
    counts = counts[:, counts.sum(axis=0) > 0] + 0.5
    p, q = counts / counts.sum(axis=1, keepdims=True)
    return float(((q - p) * np.log(q / p)).sum())
