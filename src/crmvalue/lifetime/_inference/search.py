"""The search for a maximum: on a pilot sample, then on all of the data, to the last digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from scipy import optimize

from crmvalue._stats import FloatArray

PILOT = 5000  # customers in the sample that the search starts on,
SCOUTS = 1000  # and in the one that finds where it starts
WALL = 20.0  # coordinates are kept within this, in units in which the data are about 1
AT_WALL = WALL - 1e-4  # differences across a wall say nothing of the curvature before it
FAR = 1e17  # takes a shape from one wall to the other, to try out a limit
FLAT = 1e-3  # slope per customer that doesn't matter along an open direction
_ROUGH_SLOPE = 1e-3  # of a search that chooses a start
_PATIENCE = 20  # evaluations of a line search that don't get any lower
_ONE_SIDED, _TWO_SIDED = 1e-7, 1e-5  # steps of the differences of a gradient
_LAST = 3e-6  # a Newton step that is shorter, and its gain, are known without another evaluation,
_LEVEL = 1e-7  # where the slope is below this already
_NEWTONS = 12  # steps at most
_NEAR = 0.02  # how far from the optimum its curvature may be taken
_TRUSTED = 1e-3  # the least curvature at an optimum of the scouts that is worth following
_CLEAR = 1e-3  # the least curvature that one-sided differences can be believed about
_REGULAR = 1e-14  # the least eigenvalue of a matrix of unit diagonal that can be inverted
_LOOSE = 3.0  # a standard error above this says nothing (a factor of 400 of a parameter)


class Likelihood(Protocol):
    """The log-likelihood of one set of histories as a function of the parameters."""

    weight: float
    """Number of customers."""
    weights: FloatArray
    """How many customers share each history."""

    def __call__(self, parameters: FloatArray) -> tuple[float, FloatArray]:
        """Weighted sum of log-likelihoods, and its gradient by the parameters themselves."""
        ...

    def reweighted(self, weights: FloatArray) -> Likelihood:
        """The likelihood of the same histories with other weights."""
        ...


@runtime_checkable
class Curved(Protocol):
    """A likelihood that gives its second derivatives, too."""

    def hessian(self, parameters: FloatArray) -> FloatArray:
        """Second derivatives by the parameters themselves."""
        ...


class Scale:
    """The scale of the search: logarithms of positive parameters, the others as they are."""

    def __init__(self, real: npt.NDArray[np.bool_]) -> None:
        self.real = real

    @classmethod
    def of(cls, names: Sequence[str], real: Sequence[str]) -> Scale:
        """The scale of named parameters, some of which may have either sign."""
        return cls(np.array([name in real for name in names]))

    def point(self, parameters: FloatArray) -> FloatArray:
        return np.where(self.real, parameters, np.log(np.where(self.real, 1.0, parameters)))

    def parameters(self, point: FloatArray) -> FloatArray:
        return np.where(self.real, point, np.exp(np.where(self.real, 0.0, point)))

    def stretch(self, parameters: FloatArray) -> FloatArray:
        """Derivatives of the parameters by the coordinates of the search."""
        return np.where(self.real, 1.0, parameters)


class Objective:
    """Mean negative log-likelihood over a scale, with walls far outside of sensible values.

    A search comes back to points that it has been at; what was found there is kept.
    """

    def __init__(self, likelihood: Likelihood, scale: Scale) -> None:
        self.likelihood, self.scale = likelihood, scale
        self._known: dict[bytes, tuple[float, FloatArray]] = {}

    def __call__(self, point: FloatArray) -> tuple[float, FloatArray]:
        key = point.tobytes()
        if key not in self._known:
            self._known[key] = self._evaluate(point)
        value, gradient = self._known[key]
        return value, gradient.copy()

    def _evaluate(self, point: FloatArray) -> tuple[float, FloatArray]:
        inside = np.clip(point, -WALL, WALL)
        beyond = point - inside
        parameters = self.scale.parameters(inside)
        value, gradient = self.likelihood(parameters)
        slope = -gradient * self.scale.stretch(parameters) / self.likelihood.weight
        return -value / self.likelihood.weight + float(beyond @ beyond), slope + 2 * beyond

    def hessian(self, point: FloatArray, gradient: FloatArray, rough: bool = False) -> FloatArray:
        """Second derivatives: those of the likelihood, or differences of its gradient.

        Many histories, or a `rough` use, get one-sided ones, which cost half as much and are off by
        about their step: nothing beside a curvature of `_CLEAR`, more than a weak one may be.
        """
        if isinstance(self.likelihood, Curved):
            parameters = self.scale.parameters(np.clip(point, -WALL, WALL))
            stretch = self.scale.stretch(parameters) / np.sqrt(self.likelihood.weight)
            bends = self.likelihood.hessian(parameters) * np.outer(stretch, stretch)
            return _symmetric(np.diag(np.where(self.scale.real, 0.0, gradient)) - bends)
        steps = np.eye(len(point))
        if rough or len(self.likelihood.weights) > PILOT:
            above = np.array([self(point + _ONE_SIDED * step)[1] for step in steps])
            matrix = _symmetric((above - gradient) / _ONE_SIDED)
            if np.linalg.eigvalsh(matrix)[0] > _CLEAR:
                return matrix
        above, below = (
            np.array([self(point + side * step)[1] for step in steps])
            for side in (_TWO_SIDED, -_TWO_SIDED)
        )
        return _symmetric((above - below) / (2 * _TWO_SIDED))


def _symmetric(matrix: FloatArray) -> FloatArray:
    finite = np.nan_to_num(matrix, nan=0.0, posinf=0.0, neginf=0.0)
    return (finite + finite.T) / 2


def invertible(matrix: FloatArray) -> bool:
    """Whether a symmetric matrix is positive definite, and not for its rounding errors alone."""
    size = np.diag(matrix)
    if not (size > 0).all():
        return False
    unit = matrix / np.sqrt(size) / np.sqrt(size)[:, None]
    return bool(np.linalg.eigvalsh(unit)[0] > _REGULAR)


@dataclass(frozen=True)
class Optimum:
    point: FloatArray
    value: float
    gradient: FloatArray
    hessian: FloatArray
    weight: float

    def weak_directions(self) -> FloatArray:
        """Directions in which the likelihood of all customers hardly bends, one a row."""
        values, vectors = np.linalg.eigh(self.hessian * self.weight)
        weak: FloatArray = vectors.T[values < _LOOSE**-2]
        return weak

    @property
    def slope(self) -> float:
        """How steep the mean log-likelihood still is, but for a push against the walls."""
        outward = (np.abs(self.point) >= AT_WALL) & (self.gradient * self.point < 0)
        return float(np.max(np.abs(np.where(outward, 0.0, self.gradient))))

    @property
    def stationary(self) -> bool:
        return self.slope < 1e-6

    @property
    def sound(self) -> bool:
        inside = bool(np.all(np.abs(self.point) < AT_WALL))
        return inside and self.stationary and not len(self.weak_directions())

    def better_than(self, other: Optimum) -> bool:
        return self.value < other.value - 1e-12 * abs(other.value)

    def covariance(self) -> FloatArray:
        values = np.linalg.eigvalsh(self.hessian)
        if values[0] <= 1e-14 * values[-1]:
            return np.full_like(self.hessian, np.nan)
        inverse = np.linalg.inv(self.hessian * self.weight)
        return (inverse + inverse.T) / 2


def maximum(
    objective: Objective, pilot: Objective, start: FloatArray, scout: Objective | None = None
) -> Optimum:
    """The optimum on the pilot sample, and from there with its curvature on all of the data.

    The way to the optimum of the pilot sample begins at that of the scouts, unless they are too few
    to say where it is.
    """
    curvature = None
    if scout is not None:
        found = descend(scout, start, None)
        bend = scout.hessian(found, scout(found)[1], rough=True)
        if np.linalg.eigvalsh(bend)[0] > _TRUSTED:
            start, curvature = found, bend
    if pilot is not objective:
        start = descend(pilot, start, curvature)
        curvature = pilot.hessian(start, pilot(start)[1], rough=True)
    return nearby_maximum(objective, start, curvature)


def nearby_maximum(
    objective: Objective, start: FloatArray, curvature: FloatArray | None
) -> Optimum:
    """The optimum that a start leads to, where its curvature is known perhaps."""
    return _polish(objective, np.clip(descend(objective, start, curvature), -WALL, WALL))


def lowest(objective: Objective, starts: Sequence[FloatArray]) -> FloatArray:
    """Where the best of some starts leads to, without the last digits."""
    found = [descend(objective, start, None, _ROUGH_SLOPE) for start in starts]
    return min(found, key=lambda point: objective(point)[0])


def descend(
    objective: Callable[[FloatArray], tuple[float, FloatArray]],
    start: FloatArray,
    curvature: FloatArray | None,
    slope: float = 1e-7,
) -> FloatArray:
    options: dict[str, Any] = {"gtol": slope, "maxiter": 500}
    if curvature is not None and invertible(curvature) and np.linalg.eigvalsh(curvature)[0] > 1e-8:
        inverse = np.linalg.inv(curvature)
        # Close to the optimum already: the Newton steps to come do the rest.
        options |= {"gtol": 1e-4, "hess_inv0": (inverse + inverse.T) / 2}
    minimize: Any = optimize.minimize  # its stubs don't know hess_inv0
    downhill = _Downhill(objective, start)
    try:
        point: FloatArray = minimize(downhill, start, jac=True, method="BFGS", options=options).x
    except _StuckError:
        point = downhill.lowest
    return point


class _StuckError(Exception):
    """A line search has found nothing lower for long: nor will it in a hundred steps."""


class _Downhill:
    """An objective that remembers where it was lowest, and gives up when it gets no lower."""

    def __init__(
        self, objective: Callable[[FloatArray], tuple[float, FloatArray]], start: FloatArray
    ) -> None:
        self.objective, self.lowest = objective, start
        self.value, self.since = np.inf, 0

    def __call__(self, point: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = self.objective(point)
        self.since += 1
        if value < self.value:
            self.lowest, self.value, self.since = point.copy(), value, 0
        elif self.since > _PATIENCE:
            raise _StuckError
        return value, gradient


def _polish(objective: Objective, point: FloatArray) -> Optimum:
    """Newton steps to the last digits, while they help."""
    value, gradient = objective(point)
    hessian = bend = objective.hessian(point, gradient)
    begin = point
    for _ in range(_NEWTONS):
        if not invertible(bend) or np.max(np.abs(gradient)) < 1e-12:
            break
        step = -np.linalg.solve(bend, gradient)
        if np.max(np.abs(step)) > 1:
            break
        moved = np.clip(point + step, -WALL, WALL)
        if np.max(np.abs(step)) < _LAST and np.max(np.abs(gradient)) < _LEVEL:
            point, value = moved, value + float(gradient @ step) / 2
            break
        value_there, gradient_there = objective(moved)
        # Where the likelihood hardly bends, a step up the ridge may leave it steeper on the side.
        flatter = np.max(np.abs(gradient_there)) < np.max(np.abs(gradient))
        if not (flatter or value_there < value):
            break
        bend = _updated(bend, moved - point, gradient_there - gradient)
        point, value, gradient = moved, value_there, gradient_there
    if np.max(np.abs(point - begin)) > _NEAR:
        hessian = objective.hessian(point, gradient)
    return Optimum(point, value, gradient, hessian, objective.likelihood.weight)


def _updated(hessian: FloatArray, step: FloatArray, change: FloatArray) -> FloatArray:
    """The curvature, with what a step has shown of it (the update of BFGS)."""
    expected, bend = hessian @ step, float(change @ step)
    if not bend > 0:
        return hessian
    known = np.outer(expected, expected) / float(expected @ step)
    return hessian - known + np.outer(change, change) / bend
