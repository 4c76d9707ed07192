"""The one estimation flow: maximum likelihood for every model, and what it says about itself."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np

from crmvalue._stats import FloatArray
from crmvalue.errors import ConvergenceWarning
from crmvalue.lifetime._fit import Fit
from crmvalue.lifetime._inference.fitted import Evidence, Fitted, Limit, M
from crmvalue.lifetime._inference.profile import profile_limits
from crmvalue.lifetime._inference.search import (
    AT_WALL,
    FLAT,
    PILOT,
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
_ROUNDS = 3  # of further starts
_TRIES = 4  # starts of many customers, or of few histories, where the first ones lead nowhere
_SAME = 1e-4  # gain in log-likelihood that a limit further off may bring


def estimate(
    likelihood: Likelihood,
    pilot: Likelihood,
    starts: Sequence[FloatArray],
    *,
    build: Callable[[FloatArray], M],
    shift: float,
    n_histories: int,
    scouts: Likelihood | None = None,
    units: FloatArray | float = 1.0,
    turn: FloatArray | None = None,
    notes: Callable[[M], Sequence[str]] = lambda _: (),
    selected: tuple[str, ...] = (),
    stacklevel: int | None = 3,
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
    scouts : Likelihood, optional
        Of some hundred of the histories, to choose a start and lead the search on the pilot sample.
    units : float or ndarray of shape (parameters,)
        What `build` multiplies parameters by; it matters for those that may have either sign.
    turn : ndarray of shape (parameters, parameters), optional
        From the coordinates of the search to those of the model, where `units` don't say it.
    notes : callable
        Messages about the model found that don't concern convergence.
    selected : tuple of str
        Parameters that were chosen before, by comparing fits.
    stacklevel : int, optional
        Whose line a warning names, the caller of the caller by default; None for no warning.
    """
    template = build(starts[0])
    names = list(template._estimates())
    scale = Scale.of(names, template._real)
    objective = Objective(likelihood, scale)
    rough = objective if pilot is likelihood else Objective(pilot, scale)
    scout = None if scouts is None else Objective(scouts, scale)
    first = rough if scout is None else scout
    ordered = sorted((scale.point(start) for start in starts), key=lambda point: first(point)[0])
    # Few repeat purchases may leave several optima, and near starts may share a lesser one.
    # No more histories than parameters leave some open wherever one begins.
    several = rough is objective and n_histories > len(names)
    others = ordered[1:] if several else ordered[1:_TRIES]
    best = maximum(objective, rough, ordered[0], scout)
    model, messages = _judged(best, objective, rough, names, build)
    for _ in range(_ROUNDS):
        if best.sound and not messages:
            break
        # Along an open direction the search may have stopped short of the limit.
        others += [_moved(best, names, limit) for limit in model._limits()]
        found = min((maximum(objective, rough, start) for start in others), key=lambda o: o.value)
        if not found.better_than(best):
            break
        gain = (best.value - found.value) * best.weight
        best, others = found, []
        model, messages = _judged(best, objective, rough, names, build)
        if gain < _SAME:
            break
    if messages and stacklevel is not None:
        warnings.warn(
            f"{type(model).__name__}: " + "; ".join(messages),
            ConvergenceWarning,
            stacklevel=stacklevel,
        )
    if turn is None:
        turn = np.diag(np.where(scale.real, units, 1.0))
    few = best.sound and not messages and n_histories <= PILOT
    fit = Fit(
        model=model,
        log_likelihood=shift - best.value * likelihood.weight,
        converged=not messages,
        messages=(*messages, *model._cautions(), *notes(model)),
        n_customers=round(likelihood.weight),
        n_histories=n_histories,
        search_covariance=turn @ best.covariance() @ turn.T,
        search_limits=profile_limits(objective, best, turn) if few else None,
        selected=selected,
    )
    object.__setattr__(fit, "_evidence", Evidence(objective, best, build))
    return fit


def _moved(best: Optimum, names: Sequence[str], limit: Limit) -> FloatArray:
    """An optimum moved to a limit, as far as the walls allow."""
    away = np.log([limit.factors.get(name, 1.0) for name in names])
    room = np.where(
        away == 0, np.inf, (np.sign(away) * WALL - best.point) / np.where(away, away, 1)
    )
    moved: FloatArray = best.point + min(1.0, float(room.min())) * away
    return moved


def _reaches(
    objective: Objective,
    rough: Objective,
    best: Optimum,
    names: Sequence[str],
    limit: Limit,
) -> bool:
    """Whether the data are about as likely in a limit as at the optimum.

    The first parameter of the limit is held there while the others look for their best values,
    unless the limit is out of the question as it stands, on the pilot sample already.
    """
    point = _moved(best, names, limit)
    if rough is not objective:
        gap = (rough(point)[0] - rough(best.point)[0]) * rough.likelihood.weight
        if gap > _HOPELESS:
            return False
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


def _judged(
    best: Optimum,
    objective: Objective,
    rough: Objective,
    names: Sequence[str],
    build: Callable[[FloatArray], M],
) -> tuple[M, list[str]]:
    """The model of an optimum, and what is wrong with it."""
    model = build(objective.scale.parameters(best.point))
    return model, _messages(best, objective, rough, names, model)


def _messages(
    best: Optimum,
    objective: Objective,
    rough: Objective,
    names: Sequence[str],
    model: Fitted,
) -> list[str]:
    """Say in words why the fit can't be relied on; nothing for a sound one."""
    loose = {name for name, at in zip(names, best.point, strict=True) if abs(at) >= AT_WALL}
    for direction in best.weak_directions():
        loose |= {name for name, part in zip(names, direction, strict=True) if abs(part) > 0.3}
    messages, explained = [], set[str]()
    for limit in model._limits():
        if not explained.issuperset(limit.open) and _reaches(objective, rough, best, names, limit):
            messages.append(limit.message)
            explained |= set(limit.open)
    if loose - explained:
        said = " and ".join(name for name in names if name in loose - explained)
        messages.append(f"the data say next to nothing about {said}")
    # Along an open direction the search stops where the slope no longer matters.
    if not best.stationary and not (messages and best.slope < FLAT):
        messages.append(
            "no maximum was found: the log-likelihood still rises where the search stopped "
            f"(slope {best.slope:.1e} per customer)"
        )
    return messages
