"""Log-likelihood of BG/BB: what may have happened since the last purchase, as positive terms.

Up to the last purchase, at t_x, everything is known: x of t_x opportunities taken by a customer who
was there for all of them. Since then either the customer left after i = 0, 1, ... opportunities not
taken, or is there still after all n - t_x of them:

    L = (α)_x (β)_(t_x-x) / (α+β)_t_x S(t_x) [sum of R_i γ/(γ+δ+t_x+i) + R_(n-t_x)],

where (a)_k is the rising factorial and R_i the chance to be there for i opportunities more and to
take none. Nothing in it cancels, and no R_i is above 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from crmvalue._stats import FloatArray, dot
from crmvalue.lifetime._mathematics.lifetimes import Shapes, log_survival, shapes_of, steps
from crmvalue.lifetime._mathematics.special import digamma_rise, log_rising
from crmvalue.lifetime._model.histories import Histories
from crmvalue.lifetime._model.mechanism import History


class Fates(NamedTuple):
    """What may have become of some customers since their last purchase.

    Attributes
    ----------
    rows : ndarray, shape (some,)
    silence : ndarray, shape (1, steps)
        Opportunities not taken while still there.
    left : ndarray of bool, shape (some, steps)
        Whether the customer left after them; where there were n - t_x, the customer did not.
    chance : ndarray, shape (some, steps)
        Probability of it and of the silence, given what is known up to the last purchase.
    """

    rows: npt.NDArray[np.intp]
    silence: FloatArray
    left: npt.NDArray[np.bool_]
    chance: FloatArray


def fates(shapes: Shapes, history: History) -> Iterator[Fates]:
    """All that may have become of the customers, by blocks of them."""
    x, recency, n = history
    for rows, step in steps(n - recency):
        alpha, beta, gamma, delta = shapes_of(shapes, np.s_[rows, None])
        known, missed = recency[rows, None], (recency - x)[rows, None]
        stays = (delta + known + step) / (gamma + delta + known + step)
        declines = (beta + missed + step) / (alpha + beta + known + step)
        chance = np.ones(stays.shape)
        np.cumprod((stays * declines)[:, :-1], axis=1, out=chance[:, 1:])
        last = (n - recency)[rows, None]
        left = step < last
        chance *= np.where(left, gamma / (gamma + delta + known + step), step == last)
        yield Fates(rows, step[None, :], left, chance)


def scores(shapes: Shapes, history: History) -> tuple[FloatArray, FloatArray]:
    """Log-likelihood of each history, and its derivatives by the four shapes."""
    alpha, beta, gamma, delta = shapes
    x, recency, _ = history
    value = (
        log_rising(alpha, x)
        + log_rising(beta, recency - x)
        - log_rising(alpha + beta, recency)
        + log_survival(gamma, delta, recency)
    )
    p, theta = digamma_rise(alpha + beta, recency), digamma_rise(gamma + delta, recency)
    slopes = np.stack(
        [
            digamma_rise(alpha, x) - p,
            digamma_rise(beta, recency - x) - p,
            -theta,
            digamma_rise(delta, recency) - theta,
        ],
        axis=1,
    )
    for rows, silence, left, chance in fates(shapes, history):
        a, b, c, d = shapes_of(shapes, np.s_[rows, None])
        t = recency[rows, None] + silence
        # Each opportunity of the silence is in the chances of all longer silences.
        longer = np.zeros_like(chance)
        longer[:, :-1] = np.cumsum(chance[:, :0:-1], axis=1)[:, ::-1]
        leaving = np.where(left, chance, 0.0)
        terms = (
            -longer / (a + b + t),
            longer * (1 / (b + t - x[rows, None]) - 1 / (a + b + t)),
            leaving * (1 / c - 1 / (c + d + t)) - longer / (c + d + t),
            longer * (1 / (d + t) - 1 / (c + d + t)) - leaving / (c + d + t),
        )
        total = chance.sum(axis=1)
        value[rows] += np.log(total)
        slopes[rows] += np.stack([term.sum(axis=1) / total for term in terms], axis=1)
    return value, slopes


class OpportunityLikelihood:
    """Log-likelihood of all histories, with its gradient."""

    def __init__(self, histories: Histories) -> None:
        self.histories = histories
        self.weights = histories.weights
        self.weight = float(histories.weights.sum())

    def __call__(self, parameters: FloatArray) -> tuple[float, FloatArray]:
        known = History(self.histories.x, self.histories.recency, self.histories.T)
        alpha, beta, gamma, delta = (np.full(len(known.x), shape) for shape in parameters)
        value, slopes = scores((alpha, beta, gamma, delta), known)
        return float(dot(self.weights, value)), dot(slopes.T, self.weights)

    def reweighted(self, weights: FloatArray) -> OpportunityLikelihood:
        """The likelihood of the same histories with other weights."""
        x, recency, n = self.histories.x, self.histories.recency, self.histories.T
        return OpportunityLikelihood(Histories(x, recency, n, weights))
