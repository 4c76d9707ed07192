"""Intervals of what a fitted model says, from the uncertainty of its parameters."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
from scipy import special

from crmvalue._frame import IntoFrame, read
from crmvalue._stats import FloatArray
from crmvalue._table import Column, table
from crmvalue.errors import ConvergenceWarning, InputError

if TYPE_CHECKING:
    from crmvalue.lifetime._fit import Fit
    from crmvalue.lifetime._inference.fitted import Fitted

_STEP = 1e-4  # of a standard error, in differences


class Interval(NamedTuple):
    """An estimate with its interval: numbers or arrays of one shape.

    Attributes
    ----------
    estimate : ndarray
        What the fitted model says.
    lower, upper : ndarray
        The interval; NaN where none can be given.
    std_error : ndarray
        Standard error of the estimate, in its own units.
    """

    estimate: FloatArray
    lower: FloatArray
    upper: FloatArray
    std_error: FloatArray

    def __repr__(self) -> str:
        shown = (
            f"{name}={np.array2string(np.asarray(values), precision=6, threshold=6)}"
            for name, values in self._asdict().items()
        )
        return f"Interval({', '.join(shown)})"


def delta_interval(
    fit: Fit[Any], quantity: str, evaluate: Callable[[Any], FloatArray], level: float
) -> Interval:
    """The interval of `evaluate(model)` by the delta method, on the scale of the quantity."""
    estimate = evaluate(fit.model)
    values = [evaluate(model) for model in _moved(fit)]
    return _around(estimate, values, _scale(fit.model, quantity), level)


def drawn_interval(
    model: Any, draws: FloatArray, evaluate: Callable[[Any], FloatArray], level: float
) -> Interval:
    """The interval of `evaluate(model)` over draws of the parameters, one a row."""
    estimate = evaluate(model)
    names = list(model._estimates())
    values = np.empty((len(draws), *np.shape(estimate)))
    for row, draw in enumerate(draws):
        parameters = dict(zip(names, draw.tolist(), strict=True))
        try:
            values[row] = evaluate(model._at(parameters))
        except InputError as error:
            said = ", ".join(f"{name}={number:.4g}" for name, number in parameters.items())
            raise InputError(
                f"the quantity doesn't exist at a draw of the parameters ({said}): {error}. "
                "Cure: a quantity that always exists, such as one over a finite horizon; "
                "method='delta' looks at the estimates alone"
            ) from error
    return percentile_interval(estimate, values, level)


def normal_draws(fit: Fit[Any], n: int, rng: np.random.Generator) -> FloatArray:
    """Draws from the normal law of the parameters on the scale of the search, one a row."""
    _, estimates, scale = fit._search()
    axes = _axes(fit)
    with np.errstate(over="ignore"):
        return scale.parameters(
            scale.point(estimates) + rng.standard_normal((n, len(estimates))) @ axes
        )


def percentile_interval(estimate: FloatArray, drawn: FloatArray, level: float) -> Interval:
    """The middle of draws, given one below the other; NaN counts as later than any number."""
    drawn = np.sort(drawn, axis=0)

    def reached_by(share: float) -> FloatArray:
        place = share * (len(drawn) - 1)
        below, above = drawn[math.floor(place)], drawn[math.ceil(place)]
        between: FloatArray = below + (place - math.floor(place)) * (above - below)
        return between

    lower, upper = reached_by((1 - level) / 2), reached_by((1 + level) / 2)
    return Interval(estimate, lower, upper, np.std(drawn, axis=0, ddof=1))


def predict_with_intervals(
    fit: Fit[Any], summary: IntoFrame, horizon: float | None, level: float
) -> Any:
    """The table of predictions with a lower and an upper column for each of them."""
    check_level(level)
    frame = read(summary, "summary")
    native = frame.to_native()

    def predict(model: Fitted) -> nw.DataFrame[Any]:
        predicted: nw.DataFrame[Any] = nw.from_native(
            model._predict(native, horizon), eager_only=True
        )
        return predicted

    base = predict(fit.model)
    moved = [predict(model) for model in _moved(fit)]
    columns: dict[str, Column] = {name: base[name] for name in base.columns}
    for name in base.columns:
        if name == "customer_id" or not base[name].dtype.is_float():
            continue
        estimate, *values = (_floats(found[name]) for found in (base, *moved))
        interval = _around(estimate, values, _scale(fit.model, name), level)
        columns[f"{name}_lower"] = interval.lower
        columns[f"{name}_upper"] = interval.upper
    return table(columns, like=frame)


def evaluation(
    model: Any, quantity: str, args: Any, kwargs: Any, rows: IntoFrame | None
) -> Callable[[Any], FloatArray]:
    """The method of that name of any model of this kind, called with these arguments.

    `rows` are those that covariates are read from.
    """
    frame = None if rows is None else read(rows, "rows").to_native()

    def plain(model: Any) -> Any:
        return model if frame is None else model.for_rows(frame)

    known = [
        name
        for name, method in inspect.getmembers(type(plain(model)), inspect.isfunction)
        if not name.startswith("_") and method.__annotations__.get("return") == "FloatArray"
    ]
    if not known:
        raise InputError(
            f"{type(model).__name__} depends on covariates; give the frame that has them as rows="
        )
    if quantity not in known:
        raise InputError(
            f"{type(model).__name__} has no quantity {quantity!r}; it has {', '.join(known)}"
        )

    def evaluate(model: Any) -> FloatArray:
        values: FloatArray = getattr(plain(model), quantity)(*args, **kwargs)
        return values

    return evaluate


def check_level(level: float) -> None:
    if not (np.ndim(level) == 0 and 0 < level < 1):
        raise InputError(f"level must be a number between 0 and 1 (.95 is 95 %); got {level!r}")


def normal_width(level: float) -> float:
    """How many standard errors an interval reaches to each side."""
    return float(special.ndtri((1 + level) / 2))


def _scale(model: Any, quantity: str) -> str:
    if quantity in model._signed:
        return "real"
    return "probability" if quantity in model._probabilities else "positive"


def _around(estimate: FloatArray, moved: list[FloatArray], scale: str, level: float) -> Interval:
    """The interval around an estimate from its values at `_moved` parameters.

    Symmetric on the scale of logits for probabilities, of logarithms for positive quantities: it
    keeps to their bounds. What lies on a bound stays there.
    """
    error = np.sqrt(sum((np.square((values - estimate) / _STEP) for values in moved), start=0.0))
    width = normal_width(level) * error
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        if scale == "real":
            lower, upper = estimate - width, estimate + width
        elif scale == "positive":
            inside = estimate > 0
            reach = np.where(inside, width / estimate, 0.0)
            lower, upper = estimate * np.exp(-reach), estimate * np.exp(reach)
        else:
            inside = (estimate > 0) & (estimate < 1)
            reach = np.where(inside, width / (estimate * (1 - estimate)), 0.0)
            logit = special.logit(estimate)
            lower, upper = special.expit(logit - reach), special.expit(logit + reach)
    known = np.where(np.isnan(estimate + error), np.nan, 0.0)
    return Interval(
        estimate,
        np.minimum(lower, estimate) + known,
        np.maximum(upper, estimate) + known,
        error + known,
    )


def _moved(fit: Fit[Any]) -> list[Any]:
    """The model a small step along each principal axis of the uncertainty of its parameters."""
    names, estimates, scale = fit._search()
    point = scale.point(estimates)
    steps = (scale.parameters(point + _STEP * axis) for axis in _axes(fit))
    return [fit.model._at(dict(zip(names, step, strict=True))) for step in steps]


def _axes(fit: Fit[Any]) -> FloatArray:
    """Principal axes of the covariance of the search, each one standard error long, as rows."""
    covariance = fit.search_covariance
    if not np.isfinite(covariance).all():
        raise InputError(
            "intervals need the covariance of the parameters, which this fit doesn't have"
            + "".join(f"; {message}" for message in fit.messages)
            + ". Cure: a simpler model, or fit.bootstrap(n, rng=...).interval(...)"
        )
    if not fit.converged:
        warnings.warn(
            "the fit is not sound, and intervals from its curvature may be far off: "
            + "; ".join(fit.messages)
            + ". fit.bootstrap(n, rng=...).interval(...) doesn't rest on the curvature",
            ConvergenceWarning,
            stacklevel=5,
        )
    values, vectors = np.linalg.eigh(covariance)
    axes: FloatArray = (vectors * np.sqrt(np.maximum(values, 0.0))).T
    return axes


def _floats(series: nw.Series[Any]) -> FloatArray:
    return np.asarray(series.to_numpy(), dtype=np.float64)
