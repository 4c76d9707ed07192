"""Estimation of BG/CNBD and MBG/CNBD: for a given k, or for that under which data are likeliest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import special

from crmvalue._frame import IntoFrame, Table
from crmvalue._numbers import row_examples
from crmvalue._stats import FloatArray
from crmvalue.errors import FaultList, InputError
from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime._inference.search import (
    PILOT,
    SCOUTS,
    Likelihood,
    Objective,
    Optimum,
    Scale,
    lowest,
    maximum,
)
from crmvalue.lifetime._model.estimation import estimate
from crmvalue.lifetime._model.histories import (
    COLUMNS,
    Histories,
    read_columns,
    read_histories,
    read_weights,
)

if TYPE_CHECKING:
    from crmvalue.lifetime._condensed.model import Condensed

SHAPES = range(1, 13)
"""Values of k that are tried."""
_TRIES = 3  # starts, where the first ones lead nowhere
_EQUAL = 1e-11  # of the log-likelihood: as far as an optimum is known

M = TypeVar("M", bound="Condensed")


def estimate_condensed(
    model: type[M],
    summary: IntoFrame,
    *,
    unit: str,
    weights: str | npt.ArrayLike | None,
    k: int | None,
    stacklevel: int | None,
) -> Fit[M]:
    """Fit a model for a k; for each of `SHAPES`, and again for the best, where none is given."""
    read = Table(summary, "summary", COLUMNS)
    gaps = 0.0 if k == 1 else _read_gaps(read, unit, weights)
    histories = read_histories(read.frame.to_native(), unit=unit, weights=weights)
    w = histories.weights
    mean_age = float((w * histories.T).sum() / w.sum())
    scale = mean_age if mean_age > 0 else 1.0
    scaled = histories.scaled(scale)
    thin = scaled.thinned(PILOT)
    purchases = float((w * histories.x).sum())
    units = np.array([scale if name in model._times else 1.0 for name in model._parameters])

    def shift(shape: int) -> float:
        each = float(special.gammaln(shape)) + shape * float(np.log(scale))
        return (shape - 1) * gaps - purchases * each

    def likelihoods(shape: int) -> tuple[Likelihood, Likelihood]:
        likelihood = model._likelihood(scaled, shape)
        return likelihood, likelihood if thin is scaled else model._likelihood(thin, shape)

    found: list[FloatArray] = []
    selected: tuple[str, ...] = ()
    if k is None:
        k, point = _best_shape(model, thin, likelihoods, shift)
        found, selected = [point], ("k",)
    best: int = k
    likelihood, pilot = likelihoods(best)

    def build(parameters: FloatArray) -> M:
        make: Any = model  # fields are those of the model's own dataclass
        values = dict(zip(model._parameters, (parameters * units).tolist(), strict=True))
        made: M = make(k=best, unit=unit, **values)
        return made

    return estimate(
        likelihood,
        pilot,
        [*model._starts(thin, best), *found],
        build=build,
        shift=shift(best),
        n_histories=len(w),
        scouts=None if thin is scaled else model._likelihood(thin.thinned(SCOUTS), best),
        selected=selected,
        stacklevel=stacklevel,
    )


def _best_shape(
    model: type[M],
    thin: Histories,
    likelihoods: Callable[[int], tuple[Likelihood, Likelihood]],
    shift: Callable[[int], float],
) -> tuple[int, FloatArray]:
    """The k of the highest likelihood, the smaller of equals, and its parameters.

    Each search begins from the optimum of the k before it, or from the usual starts where those are
    better.
    """
    scale = Scale.of(model._parameters, model._real)
    best, highest, parameters = 0, -np.inf, np.empty(0)
    last: list[FloatArray] = []
    for k in SHAPES:
        likelihood, pilot = likelihoods(k)
        objective = Objective(likelihood, scale)
        rough = objective if pilot is likelihood else Objective(pilot, scale)
        points = [scale.point(start) for start in (*model._starts(thin, k), *last)]
        points = sorted(points, key=lambda at: rough(at)[0])[:_TRIES]
        if len(thin.x) <= len(model._parameters):  # which leaves some open: no three fits a k
            points = [lowest(objective, points)]
        optimum: Optimum | None = None
        for point in points:
            found = maximum(objective, rough, point)
            if optimum is None or found.better_than(optimum):
                optimum = found
            if optimum.sound:
                break
        assert optimum is not None
        value = shift(k) - optimum.value * likelihood.weight
        if value > highest + _EQUAL * abs(value):
            best, highest, parameters = k, value, scale.parameters(optimum.point)
        # Stages of a gap one more: they pass so much faster.
        last = [scale.parameters(optimum.point) * np.array([1.0, k / (k + 1), 1.0, 1.0])]
    return best, parameters


def _read_gaps(read: Table, unit: str, weights: str | npt.ArrayLike | None) -> float:
    """The weighted sum of log_interval_sum over the customers with a repeat purchase."""
    if "log_interval_sum" not in read:
        raise InputError(
            "summary lacks the column 'log_interval_sum', which says how regular the gaps are. "
            "Cure: customer_summary(..., regularity=True), or k=1"
        )
    x, recency, _ = read_columns(read, unit)
    sums = read.numbers("log_interval_sum")
    given = read_weights(read, weights)
    if not len(read.faults):
        check_log_gaps(sums, x, recency, read.faults, "summary.log_interval_sum")
    read.finish()
    bought = x > 0
    counts = np.ones(len(x)) if given is None else given
    return float((counts[bought] * sums[bought]).sum())


def check_log_gaps(
    sums: FloatArray, x: FloatArray, recency: FloatArray, faults: FaultList, column: str
) -> None:
    """Note what can't be the sum of the logarithms of x gaps that add up to t_x.

    It is at most that of equal gaps, and equals it for one gap: other values come from another
    unit, or from another column.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        equal = x * np.log(recency / x)
    slack = 1e-6 * (1 + np.abs(sums))
    bad = (x > 0) & ~((sums <= equal + slack) & ((x > 1) | (sums >= equal - slack)))
    if bad.any():
        faults.add(
            "not_log_gaps",
            column=column,
            rows=int(bad.sum()),
            examples=row_examples(bad, sums),
            expected="expected the sum of the logarithms of the gaps between purchases in the unit "
            "of recency: at most frequency x ln(recency / frequency), and that for one gap",
        )
