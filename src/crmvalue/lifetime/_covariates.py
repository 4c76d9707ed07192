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

from crmvalue._frame import IntoFrame, Table
from crmvalue._stats import FloatArray, dot, safe_sum
from crmvalue.errors import InputError
from crmvalue.lifetime._covariate_model import FARTHEST, CovariateModel, Effects, log_rows
from crmvalue.lifetime._design import Design, Factor, Read, learn_design, spread
from crmvalue.lifetime._estimation import estimate
from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime._histories import (
    COLUMNS,
    Histories,
    count_histories,
    days_per_unit,
    read_columns,
    read_weights,
    thinning,
)
from crmvalue.lifetime._mechanism import History
from crmvalue.lifetime._search import PILOT

if TYPE_CHECKING:
    from crmvalue.lifetime._model import PurchaseModel

_PILOT_RIDGE = 0.5  # keeps effects that the pilot sample says nothing about near 0


class _Action(NamedTuple):
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
        actions: Sequence[_Action],
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


def fit_covariates(
    model: type[PurchaseModel],
    summary: IntoFrame,
    covariates: Mapping[str, Sequence[str] | str],
    *,
    unit: str,
    weights: str | npt.ArrayLike | None,
    penalty: float,
) -> Fit[CovariateModel]:
    """Estimate a model with covariates; called by ``fit`` of the model."""
    check_penalty(penalty)
    days_per_unit(unit)
    table = Table(summary, "summary", COLUMNS)
    columns = read_columns(table, unit)
    given = read_weights(table, weights)
    counted = slice(None) if given is None else given > 0
    read: Read = {}
    designs = {}
    for process, asked in _asked(model, covariates, table).items():
        learned = learn_design(asked, table, counted, process, read)
        if learned is not None:
            designs[process] = learned
    table.finish()
    x, recency, T = (column[counted] for column in columns)
    raw = [v.codes if isinstance(v, Factor) else v for v in read.values() if v is not None]
    histories, rows = count_histories(
        (x, recency, T), None if given is None else given[counted], unit, raw
    )
    actions = _actions(model, designs, histories.weights, rows)
    scale = np.concatenate([action.scale for action in actions])
    mean_age = float(dot(histories.weights, histories.T)) / float(histories.weights.sum())
    time = mean_age if mean_age > 0 else 1.0
    units = np.array([time if name in model._times else 1.0 for name in model._parameters])
    scaled = histories.scaled(time)
    likelihood = CovariateLikelihood(model, scaled, actions, penalty / np.square(scale))
    pilot = likelihood.thinned(PILOT)
    turn = _turn(len(units), actions)

    def build(parameters: FloatArray) -> CovariateModel:
        base, effects = np.split(parameters, [len(units)])
        logs = np.log(base * units) + turn[: len(units), len(units) :] @ effects
        _check_representable(model, logs, effects, actions, designs)
        found = {
            process: Effects(design=design, values=parameters[action.at] / action.scale)
            for (process, (design, _)), action in zip(designs.items(), actions, strict=True)
        }
        return CovariateModel(base=model._build(np.exp(logs), unit=unit), effects=found)

    none = np.zeros(len(scale))
    fit = estimate(
        likelihood,
        pilot,
        [np.append(start, none) for start in model._starts(pilot.histories)],
        build=build,
        shift=-float(dot(histories.weights, histories.x)) * float(np.log(time)),
        n_histories=len(histories.weights),
        turn=turn,
        stacklevel=4,
    )
    effects = np.concatenate([found.values for found in fit.model.effects.values()])
    # The maximum is of the penalised likelihood; what is reported is the likelihood there.
    done = dataclasses.replace(
        fit,
        log_likelihood=fit.log_likelihood + penalty * float(effects @ effects),
        penalty=float(penalty),
    )
    object.__setattr__(done, "_evidence", fit._evidence)
    return done


def check_penalty(penalty: float) -> None:
    """A penalty is a finite number of at least 0."""
    if not (np.ndim(penalty) == 0 and np.isfinite(penalty) and penalty >= 0):
        raise InputError(
            "penalty must be a finite number of at least 0: the log-likelihood is reduced by "
            f"penalty x the sum of squared effects; got {penalty!r}"
        )


def _asked(
    model: type[PurchaseModel], covariates: Mapping[str, Sequence[str] | str], table: Table
) -> dict[str, Sequence[str] | str]:
    """What was asked for each process, in the order of the processes; faults noted."""
    known = model._processes
    if not known:
        raise InputError(
            f"{model.__name__} takes no covariates; BGNBD, MBGNBD and ParetoNBD do. "
            "fit_groups(summary, by) fits any model to each group on its own"
        )
    names = " and ".join(map(repr, known))
    if not isinstance(covariates, Mapping) or not covariates:
        raise InputError(
            f"covariates must map {names} (or one of them) to column names or a formula, such as "
            f"{{'purchase': ['channel']}}; got {covariates!r}"
        )
    asked: dict[str, Sequence[str] | str] = {}
    for process in [*known, *(key for key in covariates if key not in known)]:
        if process not in known:
            table.faults.add(
                "unknown_process", column=f"covariates[{process!r}]", expected=f"expected {names}"
            )
        elif process in covariates:
            given = covariates[process]
            if isinstance(given, str) and given.strip():
                asked[process] = given
            elif not isinstance(given, str) and (listed := _listed(given)):
                asked[process] = listed
            else:
                table.faults.add(
                    "no_covariate",
                    column=f"covariates[{process!r}]",
                    examples=repr(given),
                    expected="expected a list of column names, or a formula as text; leave the "
                    "process out where nothing acts on it",
                )
    return asked


def _listed(given: object) -> list[str]:
    """A list of column names; nothing where it is none."""
    if not isinstance(given, Sequence) or not all(isinstance(name, str) for name in given):
        return []
    return list(given)


def _actions(
    model: type[PurchaseModel],
    designs: Mapping[str, tuple[Design, FloatArray]],
    weights: FloatArray,
    rows: npt.NDArray[np.int64],
) -> list[_Action]:
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
        actions.append(_Action(place, sign, effects, (raw - centre) / scale, centre, scale))
        at = effects.stop
    return actions


def _turn(size: int, actions: Sequence[_Action]) -> FloatArray:
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


def _check_representable(
    model: type[PurchaseModel],
    logs: FloatArray,
    effects: FloatArray,
    actions: Sequence[_Action],
    designs: Mapping[str, tuple[Design, FloatArray]],
) -> None:
    """Refuse a parameter at covariates 0 that is too far from the data to be a number."""
    for (design, _), action in zip(designs.values(), actions, strict=True):
        if abs(logs[action.parameter]) > 600:
            own = effects[action.at.start - len(logs) : action.at.stop - len(logs)]
            farthest = int(np.argmax(np.abs(own * action.centre / action.scale)))
            raise InputError(
                f"{model._parameters[action.parameter]} of a customer whose covariates are 0 is "
                f"too far from the data to be a number (exp({logs[action.parameter]:.0f})). Cure: "
                f"subtract {action.centre[farthest]:.8g}, its mean, from "
                f"{design.labels[farthest]!r}"
            )
