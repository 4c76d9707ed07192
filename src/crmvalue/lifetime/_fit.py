"""The one estimation flow: maximum likelihood for every model, and what it says about itself."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import pandas as pd

from crmvalue._frame import IntoFrame
from crmvalue._stats import FloatArray
from crmvalue._value import Value
from crmvalue.errors import ConvergenceWarning
from crmvalue.lifetime._search import (
    AT_WALL,
    WALL,
    Likelihood,
    Objective,
    Optimum,
    Scale,
    descend,
    maximum,
)

_FAR = 2.0  # log-likelihood by which a limit must be worse for the data to speak against it
_HOPELESS = 50.0  # the same, before the other parameters have moved
_TRIES = 4  # starts, where the first ones lead nowhere
_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Limit:
    """A simpler model that a model turns into when some of its parameters run off together.

    Attributes
    ----------
    factors : dict of str to float
        By what to multiply parameters to come (practically) to the limit.
    open : tuple of str
        Parameters that mean nothing there.
    message : str
        What the limit says about customers.
    """

    factors: dict[str, float]
    open: tuple[str, ...]
    message: str


class Fitted(Protocol):
    """What the flow asks of a model."""

    @property
    def _real(self) -> tuple[str, ...]: ...

    def _estimates(self) -> dict[str, float]: ...

    def _limits(self) -> list[Limit]: ...

    def _cautions(self) -> list[str]: ...

    def _predict(self, summary: IntoFrame, horizon: float | None) -> Any: ...


M = TypeVar("M", bound=Fitted)


@dataclass(frozen=True)
class Evidence(Generic[M]):
    """What a fit was made from, kept beside it for new fits to reweighted data; never saved."""

    objective: Objective
    optimum: Optimum
    build: Callable[[FloatArray], M]


@dataclass(frozen=True, eq=False, kw_only=True)
class Fit(Value, Generic[M]):
    """A fitted model: the model, and what the data said about its parameters.

    Made by the ``fit`` of a model, such as `BGNBD.fit`.

    Attributes
    ----------
    model : BGNBD, MBGNBD, GammaGamma, ...
        The model at its maximum likelihood; it works without the data, too.
    log_likelihood : float
        Weighted sum of the log-likelihoods of the histories.
    converged : bool
        Whether the maximum was found and every parameter is identified.
    messages : tuple of str
        What is wrong with the fit or limits it, in words; empty for a sound fit.
    n_customers, n_histories : int
        Customers (the sum of the weights) and distinct histories.
    search_covariance : ndarray, shape (parameters, parameters)
        Covariance of the parameters on the scale of the search (logarithms, but for parameters that
        may have either sign), from the Hessian of the log-likelihood; NaN where the Hessian is not
        positive definite.
    selected : tuple of str
        Parameters that were chosen by comparing fits, such as k of the CNBD models where it wasn't
        given; they count in `aic` and `bic` and have no standard error.

    Examples
    --------
    >>> import numpy as np
    >>> from crmvalue.lifetime import BGNBD
    >>> model = BGNBD(r=0.5, alpha=6.0, a=0.9, b=2.5)
    >>> fit = BGNBD.fit(model.sample(4000, T=40.0, rng=np.random.default_rng(1)))
    >>> fit.converged, fit.messages, fit.n_customers
    (True, (), 4000)
    >>> print(fit.params().round(2).to_string(index=False))
    parameter  estimate  std_error  lower  upper
            r      0.51       0.02   0.48   0.55
        alpha      5.98       0.30   5.43   6.60
            a      0.98       0.12   0.76   1.25
            b      2.69       0.43   1.97   3.67
    """

    model: M
    log_likelihood: float
    converged: bool
    messages: tuple[str, ...]
    n_customers: int
    n_histories: int
    search_covariance: FloatArray
    selected: tuple[str, ...] = ()
    _evidence: Evidence[M] | None = field(default=None, init=False, repr=False)

    def __repr__(self) -> str:
        state = "" if self.converged else ", NOT CONVERGED OR NOT IDENTIFIED"
        return (
            f"Fit({self.model!r}, log_likelihood={self.log_likelihood:.3f}, "
            f"n_customers={self.n_customers:,}{state})"
        )

    @property
    def aic(self) -> float:
        """Akaike's information criterion, 2 k - 2 ln L."""
        return 2.0 * self.n_parameters - 2.0 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Schwarz's criterion, k ln n - 2 ln L, where n is the number of customers."""
        return self.n_parameters * math.log(max(self.n_customers, 1)) - 2.0 * self.log_likelihood

    @property
    def n_parameters(self) -> int:
        """Number of parameters that were estimated or selected."""
        return len(self.search_covariance) + len(self.selected)

    @property
    def covariance(self) -> pd.DataFrame:
        """Covariance of the parameters, by the delta method from that of the search."""
        names, estimates, scale = self._search()
        stretch = scale.stretch(estimates)
        matrix = self.search_covariance * np.outer(stretch, stretch)
        return pd.DataFrame(matrix, index=names, columns=names)

    def params(self) -> pd.DataFrame:
        """Estimates with standard errors and 95 % intervals.

        Returns
        -------
        pandas.DataFrame
            Columns parameter, estimate, std_error, lower, upper. Intervals of parameters that are
            positive are symmetric on the scale of logarithms, so that they stay above 0; all three
            are missing where the parameters are not identified, or were `selected`.
        """
        names, estimates, scale = self._search()
        error = np.sqrt(np.diag(self.search_covariance))
        point = scale.point(estimates)
        with np.errstate(over="ignore"):
            lower, upper = (scale.parameters(point + side * error) for side in (-_Z95, _Z95))
        none = [np.nan] * len(self.selected)
        chosen = [float(getattr(self.model, name)) for name in self.selected]
        return pd.DataFrame(
            {
                "parameter": [*self.selected, *names],
                "estimate": [*chosen, *estimates],
                "std_error": [*none, *(scale.stretch(estimates) * error)],
                "lower": [*none, *lower],
                "upper": [*none, *upper],
            }
        )

    def predict(self, summary: IntoFrame, *, horizon: float | None = None) -> Any:
        """Predict for each customer of a summary.

        Parameters
        ----------
        summary : frame
            customer_id with the columns that the model was fitted to.
        horizon : float
            How far ahead, in the unit of the model; not for gamma-gamma.

        Returns
        -------
        table in the library of `summary`, rows by rising customer_id
            Purchase models: customer_id, probability_alive (now), expected_purchases (within the
            horizon). Gamma-gamma: customer_id, expected_spend (per purchase).

        Raises
        ------
        InputError
            Where the summary can't be used, or the horizon is missing or out of place.
        """
        return self.model._predict(summary, horizon)

    def _search(self) -> tuple[list[str], FloatArray, Scale]:
        """Names and values of the parameters, and the scale on which they were searched."""
        estimates = self.model._estimates()
        names = list(estimates)
        return names, np.array(list(estimates.values())), search_scale(names, self.model._real)


def search_scale(names: Sequence[str], real: Sequence[str]) -> Scale:
    return Scale(np.array([name in real for name in names]))


def estimate(
    likelihood: Likelihood,
    pilot: Likelihood,
    starts: Sequence[FloatArray],
    *,
    build: Callable[[FloatArray], M],
    shift: float,
    n_histories: int,
    notes: Sequence[str] = (),
) -> Fit[M]:
    """Maximise a likelihood: from the best start on a pilot sample, then on all of the data.

    Parameters
    ----------
    likelihood, pilot : Likelihood
        Of all histories, and of some thousand of them (the same object where there are few).
    starts : sequence of ndarray
        Parameters to begin from, in order of preference.
    build : callable
        Makes the model from the parameters.
    shift : float
        What changes the log-likelihood from the units of the optimisation to those of the data.
    n_histories : int
    notes : sequence of str
        Messages that don't concern convergence.
    """
    template = build(starts[0])
    names = list(template._estimates())
    scale = search_scale(names, template._real)
    objective = Objective(likelihood, scale)
    rough = objective if pilot is likelihood else Objective(pilot, scale)
    ordered = sorted((scale.point(start) for start in starts), key=lambda point: rough(point)[0])
    best: Optimum | None = None
    for start in ordered[:_TRIES]:
        found = maximum(objective, rough, start)
        if best is None or found.better_than(best):
            best = found
        if best.sound:
            break
    assert best is not None
    model = build(scale.parameters(best.point))
    messages = _messages(best, objective, names, model)
    if messages:
        warnings.warn(
            f"{type(model).__name__}: " + "; ".join(messages), ConvergenceWarning, stacklevel=3
        )
    fit = Fit(
        model=model,
        log_likelihood=shift - best.value * likelihood.weight,
        converged=not messages,
        messages=(*messages, *model._cautions(), *notes),
        n_customers=round(likelihood.weight),
        n_histories=n_histories,
        search_covariance=best.covariance(),
    )
    object.__setattr__(fit, "_evidence", Evidence(objective, best, build))
    return fit


def _reaches(objective: Objective, best: Optimum, names: Sequence[str], limit: Limit) -> bool:
    """Whether the data are about as likely in a limit as at the optimum.

    The first parameter of the limit is held there while the others look for their best values,
    unless the limit is out of the question as it stands.
    """
    away = np.log([limit.factors.get(name, 1.0) for name in names])
    room = np.where(
        away == 0, np.inf, (np.sign(away) * WALL - best.point) / np.where(away, away, 1)
    )
    point = best.point + min(1.0, float(room.min())) * away
    held = names.index(next(iter(limit.factors)))
    free = np.arange(len(names)) != held

    def rest(values: FloatArray) -> tuple[float, FloatArray]:
        moved = point.copy()
        moved[free] = values
        value, gradient = objective(moved)
        return value, gradient[free]

    def worse(value: float) -> float:
        return (value - best.value) * best.weight

    start: FloatArray = point[free]
    gap = worse(rest(start)[0])
    if _FAR < gap < _HOPELESS:
        gap = worse(rest(descend(rest, start, None))[0])
    return gap <= _FAR


def _messages(
    best: Optimum, objective: Objective, names: Sequence[str], model: Fitted
) -> list[str]:
    """Say in words why the fit can't be relied on; nothing for a sound one."""
    loose = {name for name, at in zip(names, best.point, strict=True) if abs(at) >= AT_WALL}
    for direction in best.weak_directions():
        loose |= {name for name, part in zip(names, direction, strict=True) if abs(part) > 0.3}
    messages, explained = [], set[str]()
    for limit in model._limits():
        if not explained.issuperset(limit.open) and _reaches(objective, best, names, limit):
            messages.append(limit.message)
            explained |= set(limit.open)
    if loose - explained:
        said = " and ".join(name for name in names if name in loose - explained)
        messages.append(f"the data say next to nothing about {said}")
    # Along an open direction the search stops where the slope no longer matters.
    if not best.stationary and not (messages and best.slope < 1e-3):
        messages.append(
            "no maximum was found: the log-likelihood still rises where the search stopped "
            f"(slope {best.slope:.1e} per customer)"
        )
    return messages
