"""Whether the distributions of a result are still those of its baseline."""

from __future__ import annotations

from typing import Any

import numpy as np

from crmvalue.baseline import _figures
from crmvalue.baseline._lines import Line
from crmvalue.baseline.record import Baseline
from crmvalue.baseline.source import Source


def stability_lines(current: Source, kept: Baseline) -> list[Line]:
    """A line for each distribution that the baseline keeps."""
    lines = []
    for column, spread in kept.bins.items():
        before = np.array(spread["customers"], dtype=np.float64)
        values = current.number("customers", column)
        now = _figures.bin_counts(values, np.array(spread["cuts"], dtype=np.float64))
        index = stability_index(before, now)
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
