"""The search for a maximum: on a pilot sample, then on all of the data, to the last digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy import optimize

from crmvalue._stats import FloatArray

PILOT = 5000  # customers in the sample that the search starts on
WALL = 20.0  # coordinates are kept within this, in units in which the data are about 1
AT_WALL = WALL - 1e-4  # differences across a wall say nothing of the curvature before it
FLAT = 1e-3  # slope per customer that doesn't matter along an open direction
_ONE_SIDED, _TWO_SIDED = 1e-7, 1e-5  # steps of the differences of a gradient
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
    """Mean negative log-likelihood over a scale, with walls far outside of sensible values."""

    def __init__(self, likelihood: Likelihood, scale: Scale) -> None:
        self.likelihood, self.scale = likelihood, scale

    def __call__(self, point: FloatArray) -> tuple[float, FloatArray]:
        inside = np.clip(point, -WALL, WALL)
        beyond = point - inside
        parameters = self.scale.parameters(inside)
        value, gradient = self.likelihood(parameters)
        slope = -gradient * self.scale.stretch(parameters) / self.likelihood.weight
        return -value / self.likelihood.weight + float(beyond @ beyond), slope + 2 * beyond

    def hessian(self, point: FloatArray, gradient: FloatArray) -> FloatArray:
        """Differences of the analytic gradient.

        Many histories get one-sided ones, which cost half as much and are off by about their step:
        nothing beside a curvature of 1e-3, more than a weak one may be.
        """
        steps = np.eye(len(point))
        if len(self.likelihood.weights) > PILOT:
            above = np.array([self(point + _ONE_SIDED * step)[1] for step in steps])
            matrix = _symmetric((above - gradient) / _ONE_SIDED)
            if np.linalg.eigvalsh(matrix)[0] > 1e-3:
                return matrix
        above, below = (
            np.array([self(point + side * step)[1] for step in steps])
            for side in (_TWO_SIDED, -_TWO_SIDED)
        )
        return _symmetric((above - below) / (2 * _TWO_SIDED))


def _symmetric(matrix: FloatArray) -> FloatArray:
    finite = np.nan_to_num(matrix, nan=0.0, posinf=0.0, neginf=0.0)
    return (finite + finite.T) / 2


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


def maximum(objective: Objective, pilot: Objective, start: FloatArray) -> Optimum:
    """The optimum on the pilot sample, and from there with its curvature on all of the data."""
    curvature = None
    if pilot is not objective:
        start = descend(pilot, start, None)
        curvature = pilot.hessian(start, pilot(start)[1])
    return nearby_maximum(objective, start, curvature)


def nearby_maximum(
    objective: Objective, start: FloatArray, curvature: FloatArray | None
) -> Optimum:
    """The optimum that a start leads to, where its curvature is known perhaps."""
    return _polish(objective, np.clip(descend(objective, start, curvature), -WALL, WALL))


def descend(
    objective: Callable[[FloatArray], tuple[float, FloatArray]],
    start: FloatArray,
    curvature: FloatArray | None,
) -> FloatArray:
    options: dict[str, Any] = {"gtol": 1e-7, "maxiter": 500}
    if curvature is not None and np.linalg.eigvalsh(curvature)[0] > 1e-8:
        inverse = np.linalg.inv(curvature)
        # Close to the optimum already: the Newton steps to come do the rest.
        options |= {"gtol": 1e-4, "hess_inv0": (inverse + inverse.T) / 2}
    minimize: Any = optimize.minimize  # its stubs don't know hess_inv0
    point: FloatArray = minimize(objective, start, jac=True, method="BFGS", options=options).x
    return point


def _polish(objective: Objective, point: FloatArray) -> Optimum:
    """Newton steps to the last digits, while they help."""
    value, gradient = objective(point)
    hessian = objective.hessian(point, gradient)
    for _ in range(8):
        if np.linalg.eigvalsh(hessian)[0] <= 0 or np.max(np.abs(gradient)) < 1e-12:
            break
        step = np.linalg.solve(hessian, gradient)
        if np.max(np.abs(step)) > 1:
            break
        moved = np.clip(point - step, -WALL, WALL)
        value_there, gradient_there = objective(moved)
        if not np.max(np.abs(gradient_there)) < np.max(np.abs(gradient)):
            break
        point, value, gradient = moved, value_there, gradient_there
    return Optimum(point, value, gradient, hessian, objective.likelihood.weight)
