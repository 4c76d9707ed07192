"""Forecasts without a model of buying, to see whether one is worth having.

None sees the holdout period. Those that learn do so one step earlier: from the part of the log
before the last stretch of calibration (see `Holdout.training`) they learn to foretell that stretch,
and what they learned is applied to the whole calibration period. Where the stretch is shorter than
the holdout period, the forecast is scaled by the ratio of the two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from crmvalue._frame import need
from crmvalue._stats import FloatArray, IntArray, group_sum
from crmvalue.evaluation.holdout import Holdout
from crmvalue.lifetime.frequency import MOST_SHOWN
from crmvalue.summary import histories

GROUPS = 5
"""Of customers by the time since their last purchase."""


class Forecast(NamedTuple):
    """Purchases and spend of each customer in the holdout period; no spend without amounts."""

    purchases: FloatArray
    spend: FloatArray | None


Forecaster = Callable[[Holdout], Forecast]


def same_as_last_period(holdout: Holdout) -> Forecast:
    """The repeat purchases of the last stretch of calibration, as long as the holdout period."""
    log, known = holdout.log, holdout.split.known
    after = max(holdout.end - holdout.days, int(log.days.min()))
    stretch = histories(log, after=after, until=holdout.end)
    scale = holdout.days / max(holdout.end - after, 1)
    new = holdout.first_day > after  # a first purchase is no repeat purchase
    repeats: FloatArray = scale * (stretch.purchases[known] - new).astype(np.float64)
    if stretch.spend is None or stretch.repeat_spend is None:
        return Forecast(repeats, None)
    spend = np.where(new, stretch.repeat_spend[known], stretch.spend[known])
    return Forecast(repeats, scale * spend)


def cell_mean(holdout: Holdout) -> Forecast:
    """The mean of customers alike in frequency (0 to 6, 7+) and in time since the last purchase.

    That time is cut into fifths of the customers. A cell that nobody was in takes the mean of its
    frequency, and a frequency that nobody had that of all.
    """
    before = holdout.training()
    cuts = np.quantile(before.column("inactive"), np.arange(1, GROUPS) / GROUPS)
    seen, now = _cells(before, cuts), _cells(holdout, cuts)

    def forecast(target: FloatArray) -> FloatArray:
        overall = np.full(MOST_SHOWN + 1, target.mean())
        by_frequency = _means(seen // GROUPS, target, overall)
        return _means(seen, target, np.repeat(by_frequency, GROUPS))[now]

    return _scaled(forecast, forecast, before, holdout)


def gradient_boosting(holdout: Holdout) -> Forecast:
    """Boosted trees of scikit-learn with its defaults, Poisson for purchases.

    They see frequency, recency, T, time since the last purchase and, with amounts, total and mean
    spend.
    """
    purpose = "the baseline 'gradient_boosting'"
    ensemble = need("sklearn.ensemble", "ml", purpose)
    threads = need("threadpoolctl", "ml", purpose)  # a part of scikit-learn's own installation
    before = holdout.training()

    def learn(loss: str) -> Callable[[FloatArray], FloatArray]:
        def forecast(target: FloatArray) -> FloatArray:
            if not target.any():
                return np.zeros(len(holdout))  # nothing to learn, and no Poisson rate
            trees: Any = ensemble.HistGradientBoostingRegressor(
                loss=loss, early_stopping=False, random_state=0
            )
            # One thread: the same figures on every machine, and no waiting for busy processors.
            with threads.threadpool_limits(1):
                found: FloatArray = trees.fit(_features(before), target).predict(_features(holdout))
            return found

        return forecast

    return _scaled(learn("poisson"), learn("squared_error"), before, holdout)


BASELINES: dict[str, Forecaster] = {
    each.__name__: each for each in (same_as_last_period, cell_mean, gradient_boosting)
}


def _scaled(
    purchases: Callable[[FloatArray], FloatArray],
    spend: Callable[[FloatArray], FloatArray],
    before: Holdout,
    holdout: Holdout,
) -> Forecast:
    scale = holdout.days / before.days
    return Forecast(
        scale * purchases(before.purchases),
        None if before.spend is None else scale * spend(before.spend),
    )


def _cells(holdout: Holdout, cuts: FloatArray) -> IntArray:
    """Cell of each customer: frequency x GROUPS + the fifth of the time since the last purchase."""
    frequency = np.minimum(holdout.column("frequency"), MOST_SHOWN).astype(np.int64)
    return frequency * GROUPS + np.searchsorted(cuts, holdout.column("inactive"))


def _means(codes: IntArray, target: FloatArray, otherwise: FloatArray) -> FloatArray:
    """Mean of the target for each code, `otherwise` for codes that nobody has."""
    sizes = np.bincount(codes, minlength=len(otherwise))
    totals = group_sum(codes, target, len(otherwise))
    return np.divide(totals, sizes, out=otherwise.copy(), where=sizes > 0)


def _features(holdout: Holdout) -> FloatArray:
    names = ["frequency", "recency", "T", "inactive"]
    if holdout.spend is not None:
        names += ["total_spend", "monetary_value"]
    # The last digits of a sum hang on the order of the rows, and trees would see them.
    columns = [holdout.column(name).astype(np.float32) for name in names]
    return np.column_stack(columns).astype(np.float64)
