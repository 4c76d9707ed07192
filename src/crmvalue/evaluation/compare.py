"""`compare_models`: models and baselines side by side, by what they could not see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import numpy as np

from crmvalue._frame import IntoFrame
from crmvalue._stats import FloatArray, Random, drawn, generator
from crmvalue._table import table
from crmvalue.errors import InputError
from crmvalue.evaluation.contenders import read_contenders, showing
from crmvalue.evaluation.holdout import Holdout
from crmvalue.evaluation.metrics import ERRORS, RANKINGS, Levels
from crmvalue.lifetime.gamma_gamma import GammaGamma
from crmvalue.summary.holdout import read_split
from crmvalue.transactions import LogKeywords

SPEND = {f"spend_{name}": metric for name, metric in ERRORS.items()}


def compare_models(
    transactions: IntoFrame,
    models: Mapping[str, Any] | Sequence[Any],
    *,
    calibration_end: object,
    holdout_end: object = None,
    unit: str = "W",
    spend: Any = GammaGamma,
    attributes: IntoFrame | None = None,
    bootstrap: int = 0,
    rng: Random | None = None,
    **log: Unpack[LogKeywords],
) -> Any:
    """Compare models and baselines by how well they foretell the end of a log.

    Models are fitted to the log up to `calibration_end` and judged by the purchases and the spend
    of each customer after it, up to `holdout_end`.

    Parameters
    ----------
    transactions : frame
        The log, a row per line.
    models : list, or mapping of names to the same
        Each of them

        - a class of models, such as `BGNBD`: fitted to the calibration period
        - a `Fit`, or a model with parameters: applied as it is
        - a baseline by its name. "same_as_last_period": each customer's repeat purchases in the
          last stretch of calibration, as long as the holdout period. "cell_mean" and
          "gradient_boosting" (of scikit-learn, extra ``ml``) learn inside the calibration period:
          from the summary up to a day within it they learn to foretell what followed until its
          end, a stretch as long as the holdout period, but at most half of calibration; then they
          are applied to the summary of all of calibration. "cell_mean" takes the mean of the
          customers in the same cell of frequency (0 to 6, 7+) and of fifths by the time since the
          last purchase. A forecast from a shorter stretch than the holdout period is scaled by the
          ratio of the lengths.
    calibration_end : date, datetime or ISO 8601 text
        Last day that models and baselines see.
    holdout_end : date, datetime or ISO 8601 text, optional
        Last day of the holdout period; the last date in the log by default.
    unit : {"W", "D", "M", "Y"}
        Unit of the ages that models are fitted to.
    spend : class, Fit or model, optional
        Of spend, for the models of purchases: a class is fitted to the calibration period. Spend is
        the expected purchases times the expected spend for each. None leaves spend out.
    attributes : frame, optional
        customer_id and the covariates of fits that have any.
    bootstrap : int
        Resamples of customers, for intervals; 0 for none.
    rng : numpy.random.Generator or int, optional
        Draws the resamples, the same for every model.
    **log
        The keywords of `check_transactions`, but for `as_of`, whose place `holdout_end` takes.

    Returns
    -------
    frame
        In the library of `transactions`, a row for each of `models`, in their order:

        - model: its name
        - log_likelihood, aic, bic: of the calibration period; null for a baseline. What is applied
          as it is counts its parameters as if they had been estimated here
        - mae, rmse, bias: of purchases per customer; bias is the mean of predicted - actual
        - spearman: rank correlation of predicted and actual purchases
        - gini: normalised, 1 for the right order of the customers, 0 for a random one
        - top_decile_share: share of the tenth of customers with the most purchases that is in the
          predicted top tenth; of equals at the edge each counts by the fraction that fits in
        - spend_mae, spend_rmse, spend_bias: of spend per customer, refunds subtracted; null without
          `amount`
        - with `bootstrap`, for each of these mae_lower, mae_upper, ...: a 95 % interval (the 2.5th
          and 97.5th percentile of the resamples), for other customers of this kind; parameters
          and forecasts stay as they are

        A figure that doesn't exist, such as a rank correlation of equal values, is null.

    Raises
    ------
    InputError
        As `split_holdout`, or where `models` holds something else, two of one name or a model in
        another unit, a model can't be fitted, or `bootstrap` has no `rng`.
    MissingExtraError
        Where gradient boosting is asked for and scikit-learn is not installed.

    Warns
    -----
    ConvergenceWarning
        Where a fit doesn't converge or is not identified.

    Examples
    --------
    >>> import crmvalue as cv
    >>> log = cv.datasets.load_cdnow(sample=True)
    >>> compared = compare_models(
    ...     log, [cv.BGNBD, cv.MBGNBD, "same_as_last_period"], calibration_end="1997-09-30"
    ... )
    >>> print(compared[["model", "log_likelihood", "mae", "gini"]].round(3).to_string(index=False))
                  model  log_likelihood   mae  gini
                  BGNBD       -9582.429 0.785 0.662
                 MBGNBD       -9582.136 0.765 0.664
    same_as_last_period             NaN 0.900 0.660
    """
    named = read_contenders(models, unit)
    _check_spend(spend)
    _check_bootstrap(bootstrap, rng)
    read, end = read_split(transactions, calibration_end, holdout_end, log)
    holdout = Holdout.of(read, end, unit=unit, attributes=attributes)
    wanted = holdout.spend if spend is not None else None
    each_purchase = None if wanted is None else _spend_per_purchase(spend, holdout)
    shown = [showing(each, holdout) for each in named.values()]

    figures: dict[str, FloatArray] = {
        name: np.array([getattr(each, name) for each in shown])
        for name in ("log_likelihood", "aic", "bic")
    }
    purchases = Levels.of(holdout.purchases)
    forecasts = [Levels.of(each.purchases) for each in shown]
    spent = None if wanted is None else Levels.of(wanted)
    amounts = [
        Levels.of(each.purchases * each_purchase if each.spend is None else each.spend)
        for each in shown
        if each_purchase is not None
    ]

    def measured(weights: FloatArray) -> dict[str, list[float]]:
        found = {
            name: [metric(purchases, each, weights) for each in forecasts]
            for name, metric in {**ERRORS, **RANKINGS}.items()
        }
        for name, metric in SPEND.items():
            found[name] = (
                [np.nan] * len(shown)
                if spent is None
                else [metric(spent, each, weights) for each in amounts]
            )
        return found

    customers = len(holdout)
    for name, values in measured(np.ones(customers)).items():
        figures[name] = np.array(values)
    if rng is not None and bootstrap:
        random = generator(rng)
        resampled = [measured(drawn(customers, random)) for _ in range(bootstrap)]
        for name in resampled[0]:
            figures |= _interval(name, np.array([each[name] for each in resampled]))
    return table({"model": list(named), **figures}, read.frame)


def _spend_per_purchase(spend: Any, holdout: Holdout) -> FloatArray:
    make: Any = spend
    fitted = make.fit(holdout.summary) if isinstance(spend, type) else spend
    model = getattr(fitted, "model", fitted)
    found: FloatArray = model.expected_spend(
        holdout.column("frequency"), holdout.column("monetary_value")
    )
    return found


def _interval(name: str, values: FloatArray) -> dict[str, FloatArray]:
    """Percentiles over the resamples in which the figure exists."""
    lower, upper = np.full((2, values.shape[1]), np.nan)
    for place, each in enumerate(values.T):
        if (known := each[~np.isnan(each)]).size:
            lower[place], upper[place] = np.quantile(known, (0.025, 0.975))
    return {f"{name}_lower": lower, f"{name}_upper": upper}


def _check_spend(spend: Any) -> None:
    model = getattr(spend, "model", spend)
    if spend is not None and not callable(getattr(model, "expected_spend", None)):
        raise InputError(
            "spend must be a model of spend (GammaGamma, a fit, or one with parameters), or None; "
            f"got {spend!r}"
        )


def _check_bootstrap(bootstrap: int, rng: object) -> None:
    if not (isinstance(bootstrap, int | np.integer) and bootstrap >= 0):
        raise InputError(
            f"bootstrap must be a number of resamples, such as 200, or 0; got {bootstrap!r}"
        )
    if bootstrap and rng is None:
        raise InputError("bootstrap needs rng=, a numpy Generator or a seed")
