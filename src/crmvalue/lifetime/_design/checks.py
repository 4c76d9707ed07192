"""Whether covariates can be told apart: finite, not constant, none adding up to another."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from crmvalue._numbers import row_examples
from crmvalue._stats import FloatArray
from crmvalue.errors import FaultList


def constant(faults: FaultList, column: str, value: object) -> None:
    faults.add(
        "constant",
        column=column,
        examples=f"{value!r} in every row",
        expected="expected customers that differ in it; leave it out",
    )


def check_finite(matrix: FloatArray, labels: Sequence[str], faults: FaultList, prefix: str) -> bool:
    bad = ~np.isfinite(matrix)
    for j in np.flatnonzero(bad.any(axis=0)).tolist():
        faults.add(
            "not_finite",
            column=prefix + labels[j],
            rows=int(bad[:, j].sum()),
            examples=row_examples(bad[:, j], matrix[:, j]),
            expected="expected finite numbers; the formula has none there",
        )
    return not bad.any()


def spread(values: FloatArray, mean: Callable[[FloatArray], float]) -> tuple[float, float]:
    """Mean and standard deviation of a column; 0 where it is constant but for rounding."""
    centre = mean(values)
    away = np.abs(values - centre)
    reach = float(away.max(initial=0.0))
    if reach <= 1e-15 * float(np.abs(values).max(initial=0.0)) or not np.isfinite(reach):
        return centre, 0.0
    return centre, reach * float(np.sqrt(mean(np.square(away / reach))))


def check_rank(matrix: FloatArray, labels: Sequence[str], faults: FaultList, prefix: str) -> None:
    """Note constant columns, and columns that others (and a constant) add up to."""
    free: list[int] = []
    scaled: list[FloatArray] = []
    for j, label in enumerate(labels):
        values = matrix[:, j]
        centre, deviation = spread(values, lambda column: float(np.mean(column)))
        if not deviation:
            constant(faults, prefix + label, float(values[0]) if len(values) else None)
            continue
        free.append(j)
        scaled.append((values - centre) / deviation)
    if len(free) < 2:
        return
    unit = np.stack(scaled, axis=1) / np.sqrt(len(matrix))
    triangle = np.linalg.qr(unit, mode="r")
    left_over = np.abs(np.diag(triangle)) if len(triangle) == len(free) else np.zeros(len(free))
    for place in np.flatnonzero(left_over < 1e-8).tolist():
        shares = np.linalg.lstsq(unit[:, :place], unit[:, place], rcond=None)[0]
        said = [labels[free[i]] for i in np.flatnonzero(np.abs(shares) > 1e-6)]
        faults.add(
            "collinear",
            column=prefix + labels[free[place]],
            examples=f"follows from {', '.join(said)}",
            expected="expected covariates none of which follows from the others; leave one out",
        )
