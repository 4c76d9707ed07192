"""Covariates that are constant in time: what is known of a customer acts on the parameters.

With covariates z of the purchase process and w of the dropout process (Fader and Hardie 2007,
"Incorporating time-invariant covariates into the Pareto/NBD and BG/NBD models", eq. 1 to 8)

    α_i = α exp(-γ'z_i)    and    a_i = a exp(δ'w_i), b common    (Pareto/NBD: β_i = β exp(-δ'w_i))

so that customers with a positive γ'z buy more and those with a positive δ'w leave more readily. All
else is the model itself with one parameter value for each row: no formula is written twice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from crmvalue._stats import FloatArray, dot, safe_sum
from crmvalue.lifetime._covariate_model import FARTHEST, log_rows
from crmvalue.lifetime._design.checks import spread
from crmvalue.lifetime._design.design import Design
from crmvalue.lifetime._model.histories import Histories, thinning
from crmvalue.lifetime._model.mechanism import History

if TYPE_CHECKING:
    from crmvalue.lifetime._purchases.model import PurchaseModel

_PILOT_RIDGE = 0.5  # keeps effects that the pilot sample says nothing about near 0


class Action(NamedTuple):
    """How covariates act in the search: centred, on a scale of their own.

    z is (covariate - centre) / scale; `parameter` is the position of the parameter they act on, and
    `at` where their effects stand among all parameters.
    """

    parameter: int
    sign: int
    at: slice
    z: FloatArray
    centre: FloatArray
    scale: FloatArray


class CovariateLikelihood:
    """Log-likelihood of distinct histories with covariates, less a ridge penalty on effects."""

    def __init__(
        self,
        model: type[PurchaseModel],
        histories: Histories,
        actions: Sequence[Action],
        ridge: FloatArray,
    ) -> None:
        self.model, self.actions, self.ridge = model, actions, ridge
        self.histories = histories
        self.weights = histories.weights
        self.weight = float(histories.weights.sum())

    def reweighted(self, weights: FloatArray) -> CovariateLikelihood:
        histories = dataclasses.replace(self.histories, weights=weights)
        return type(self)(self.model, histories, self.actions, self.ridge)

    def thinned(self, customers: int) -> CovariateLikelihood:
        """About `customers` of them, evenly spaced; itself where there are few."""
        if len(self.weights) <= customers:
            return self
        rows, counts = thinning(self.weights, customers)
        histories = dataclasses.replace(
            self.histories,
            x=self.histories.x[rows],
            recency=self.histories.recency[rows],
            T=self.histories.T[rows],
            weights=counts,
        )
        actions = [action._replace(z=action.z[rows]) for action in self.actions]
        ridge = self.ridge * (customers / self.weight) + _PILOT_RIDGE
        return type(self)(self.model, histories, actions, ridge)

    def __call__(self, parameters: FloatArray) -> tuple[float, FloatArray]:
        names = self.model._parameters
        values: dict[str, Any] = dict(zip(names, parameters.tolist(), strict=False))
        for action in self.actions:
            name = names[action.parameter]
            reach = action.sign * dot(action.z, parameters[action.at])
            values[name] = np.exp(log_rows(values[name], reach))
        make: Any = self.model
        known = self.histories
        value, scores = make(**values)._scores(History(known.x, known.recency, known.T))
        scores *= self.weights[:, None]
        effects = parameters[len(names) :]
        gradient = np.append(scores.sum(axis=0), -2 * self.ridge * effects)
        for action in self.actions:
            of_rows = values[names[action.parameter]]
            free = np.abs(np.log(of_rows)) < FARTHEST * (1 - 1e-12)
            by_log = np.where(free, scores[:, action.parameter] * of_rows, 0.0)
            gradient[action.parameter] = by_log.sum() / parameters[action.parameter]
            gradient[action.at] += action.sign * dot(action.z.T, by_log)
        penalty = self.ridge @ np.square(effects)
        return float(dot(self.weights, value) - penalty), gradient


def actions_of(
    model: type[PurchaseModel],
    designs: Mapping[str, tuple[Design, FloatArray]],
    weights: FloatArray,
    rows: npt.NDArray[np.int64],
) -> list[Action]:
    """Covariates of the distinct histories, centred, and scaled unless they are flags already."""
    total = safe_sum(weights)
    actions = []
    at = len(model._parameters)
    for process, (design, matrix) in designs.items():
        name, sign = model._processes[process]
        raw = matrix[rows]
        pairs = [spread(column, lambda v: float(dot(weights, v)) / total) for column in raw.T]
        flag = ((raw == 0) | (raw == 1)).all(axis=0)
        centre = np.array([pair[0] for pair in pairs])
        scale = np.where(flag, 1.0, [pair[1] for pair in pairs])
        effects = slice(at, at + len(design.labels))
        place = model._parameters.index(name)
        actions.append(Action(place, sign, effects, (raw - centre) / scale, centre, scale))
        at = effects.stop
    return actions


def turn_of(size: int, actions: Sequence[Action]) -> FloatArray:
    """The matrix from the coordinates of the search to those of the model.

    Both hold logarithms of the `size` parameters and then the effects. Uncentred, a parameter is
    that of a customer with covariates 0 instead of means.
    """
    turn = np.eye(actions[-1].at.stop)
    for action in actions:
        turn[action.parameter, action.at] = -action.sign * action.centre / action.scale
        turn[action.at, action.at] /= action.scale[:, None]
    assert size == actions[0].at.start
    return turn
