"""Limits of parameters where the profile likelihood has fallen too far to believe in them."""

from __future__ import annotations

import math

import numpy as np

from crmvalue._stats import FloatArray
from crmvalue.lifetime._inference.search import WALL, Objective, Optimum, invertible

Z95 = 1.959963984540054
_FALL = Z95**2 / 2
_CLOSE = 1e-4  # in log-likelihood
_STEPS = 60


def profile_limits(objective: Objective, optimum: Optimum, turn: FloatArray) -> FloatArray:
    """How far the 95 % limits of the profile likelihood lie from an optimum.

    On each side of an estimate the limit is where the log-likelihood, the other parameters at their
    best for it, has fallen by half the 95 % point of chi-square with one degree of freedom
    (Venzon and Moolgavkar 1988). Unlike standard errors it knows a skewed likelihood.

    Parameters
    ----------
    objective : Objective
    optimum : Optimum
        Where its Hessian is positive definite.
    turn : ndarray, shape (parameters, parameters)
        From the coordinates of the search to those of the limits.

    Returns
    -------
    ndarray, shape (2, parameters)
        Below and above; NaN where the likelihood does not fall that far.
    """
    back: FloatArray = np.linalg.inv(turn).astype(np.float64)
    hessian: FloatArray = back.T @ optimum.hessian @ back * optimum.weight
    limits = np.empty((2, len(turn)))
    for row, side in enumerate((-1.0, 1.0)):
        for j in range(len(turn)):
            limits[row, j] = _limit(objective, optimum, back, hessian, j, side)
    return limits


def _limit(
    objective: Objective,
    optimum: Optimum,
    back: FloatArray,
    hessian: FloatArray,
    j: int,
    side: float,
) -> float:
    """One limit, by quasi-Newton steps along the ridge of the likelihood.

    The signed root of twice the fall is nearly linear in the parameter, so that it is what steps
    along the ridge are made by.
    """
    others = np.arange(len(hessian)) != j

    def fall(move: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = objective(optimum.point + back @ move)
        return (value - optimum.value) * optimum.weight, back.T @ gradient * optimum.weight

    if not invertible(hessian):
        return np.nan
    move = np.linalg.inv(hessian)[:, j]
    move = move * (side * Z95 / np.sqrt(move[j]))
    value, slope = fall(move)
    for _ in range(_STEPS):
        ridge = np.zeros(len(move))  # which way the ridge runs for each step of parameter j
        ridge[j] = 1.0
        ridge[others] = np.linalg.solve(hessian[np.ix_(others, others)], -hessian[others, j])
        climb = np.zeros(len(move))  # from where we are back to the ridge
        climb[others] = np.linalg.solve(hessian[np.ix_(others, others)], -slope[others])
        gain = -0.5 * float(slope @ climb)
        top = value - gain  # how far the ridge has fallen
        if abs(top - _FALL) < _CLOSE and gain < _CLOSE:
            return float(move[j])
        rise = float(slope @ ridge) * side
        if top > 0 and rise > 0:
            root = math.sqrt(2 * top)
            along = (Z95 - root) * root / rise
        else:
            along = np.inf
        reach = abs(float(move[j]))
        along = side * min(max(along, -0.5 * reach), reach)
        step = climb + along * ridge
        # A step is cut where it leads far out of what the curvature can speak of.
        size = math.sqrt(max(float(step @ hessian @ step), 1e-300))
        step = step * min(1.0, 2 * Z95 / size)
        moved = move + step
        if np.any(np.abs(optimum.point + back @ moved) >= WALL):
            return np.nan
        value, slope_there = fall(moved)
        change = slope_there - slope
        bend, expected = float(change @ step), hessian @ step
        if bend > 1e-10 * size**2:
            known = np.outer(expected, expected) / float(step @ expected)
            updated = hessian - known + np.outer(change, change) / bend
            hessian = updated if invertible(updated) else hessian
        move, slope = moved, slope_there
    return np.nan
