"""Estimation with covariates: what is asked, read, searched and found."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crmvalue._frame import IntoFrame, Table
from crmvalue._stats import FloatArray, dot
from crmvalue.errors import InputError
from crmvalue.lifetime._covariate_model import CovariateModel, Effects
from crmvalue.lifetime._covariates.likelihood import (
    Action,
    CovariateLikelihood,
    actions_of,
    turn_of,
)
from crmvalue.lifetime._design.design import Design, Read, learn_design
from crmvalue.lifetime._design.factors import Factor
from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime._inference.search import PILOT
from crmvalue.lifetime._model.estimation import estimate
from crmvalue.lifetime._model.histories import (
    COLUMNS,
    count_histories,
    days_per_unit,
    read_columns,
    read_weights,
)

if TYPE_CHECKING:
    from crmvalue.lifetime._purchases.model import PurchaseModel


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
    actions = actions_of(model, designs, histories.weights, rows)
    scale = np.concatenate([action.scale for action in actions])
    mean_age = float(dot(histories.weights, histories.T)) / float(histories.weights.sum())
    time = mean_age if mean_age > 0 else 1.0
    units = np.array([time if name in model._times else 1.0 for name in model._parameters])
    scaled = histories.scaled(time)
    likelihood = CovariateLikelihood(model, scaled, actions, penalty / np.square(scale))
    pilot = likelihood.thinned(PILOT)
    turn = turn_of(len(units), actions)

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
    if not isinstance(covariates, Mapping):
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


def _check_representable(
    model: type[PurchaseModel],
    logs: FloatArray,
    effects: FloatArray,
    actions: Sequence[Action],
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
