"""The mathematics that BG/CNBD and MBG/CNBD share.

As BG/NBD and MBG/NBD, but a gap between purchases is Gamma(k, λ): k stages, each passed at the rate
λ ~ Gamma(r, α), so that for k > 1 purchases come more regularly than at random. With w = T - t_x
since the last purchase, ρ = r + k x, and n chances to leave in x repeat purchases

    L = Γ(ρ)/Γ(r) α^r B(a,b+n)/B(a,b) [ sum over j < k of Γ(ρ+j)/Γ(ρ) w^j/j! (α+T)^-(ρ+j)
                                        + 1{n>0} a/(b+n-1) (α+t_x)^-ρ ]

times the product of gap^(k-1)/(k-1)! over the gaps. The terms of the sum are to the odds of the
stage j at which the running gap is, given that the customer is alive at T; then λ is Gamma(ρ+j,
α+T) and p is Beta(a, b+n), independent of each other. All of the future follows from this mixture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from scipy import special

from crmvalue._stats import FloatArray
from crmvalue.errors import InputError
from crmvalue.lifetime._beta_geometric.likelihood import BetaGeometricLikelihood
from crmvalue.lifetime._beta_geometric.model import BetaGeometric
from crmvalue.lifetime._condensed.counts import pmf_after_wait, purchase_counts, stays_or_leaves
from crmvalue.lifetime._condensed.likelihood import CondensedLikelihood, running_gap
from crmvalue.lifetime._condensed.nodes import by_roots, discounted_to_nothing, for_ever
from crmvalue.lifetime._condensed.sums import Customers, Quantity, term_by_term
from crmvalue.lifetime._mathematics.special import digamma_rise, log_rising, nb_tail
from crmvalue.lifetime._model.histories import Histories
from crmvalue.lifetime._model.mechanism import History


class CondensedMechanism(BetaGeometric):
    """What BG/CNBD and MBG/CNBD give: their likelihood, and the future of a living customer."""

    k: int
    _recency_matters: ClassVar[bool] = True
    _processes: ClassVar[Mapping[str, tuple[str, int]]] = {}

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", whole_shape(self.k))
        super().__post_init__()

    def __repr__(self) -> str:
        name = type(self).__name__
        return super().__repr__().replace(f"{name}(", f"{name}(k={self.k}, ", 1)

    @classmethod
    def _likelihood(cls, histories: Histories, k: int = 1) -> BetaGeometricLikelihood:
        if k == 1:
            return super()._likelihood(histories)
        return CondensedLikelihood(histories, cls._first_chance, k)

    @classmethod
    def _starts(cls, histories: Histories, k: int = 1) -> list[FloatArray]:
        """Those of BG/NBD, where k stages make a gap."""
        return [start / np.array([1.0, k, 1.0, 1.0]) for start in super()._starts(histories)]

    def _log_likelihood(self, history: History) -> FloatArray:
        return self._scores(history)[0]

    def _log_odds_gone(self, history: History) -> FloatArray:
        x, recency, T = history
        n = x + self._first_chance
        alive, _, _ = self._running(history)
        silence = np.log1p((T - recency) / (self.alpha + recency))
        prior = np.log(self.a) - np.log(np.maximum(self.b + n - 1, np.minimum(self.b, 1.0)))
        return np.where(n > 0, prior + (self.r + self.k * x) * silence - alive, -np.inf)

    def _scores(self, history: History) -> tuple[FloatArray, FloatArray]:
        """As for BG/NBD; without the gaps, whose part no parameter but k changes."""
        x, recency, T = history
        n, phases = x + self._first_chance, self.k * x
        odds = self._log_odds_gone(history)
        gone, stays = special.expit(odds), special.expit(-odds)
        rho, end, last = self.r + phases, self.alpha + T, self.alpha + recency
        alive, stage, by_rho = self._running(history)
        both = digamma_rise(np.add(self.a, self.b), n)
        value = (
            log_rising(self.r, phases)
            + log_rising(self.b, n)
            - log_rising(np.add(self.a, self.b), n)
            - phases * np.log(end)
            - self.r * np.log1p(T / self.alpha)
            + alive
            + np.logaddexp(0.0, odds)
        )
        scores = (
            digamma_rise(self.r, phases)
            - np.log1p(T / self.alpha)
            + gone * np.log(end / last)
            + stays * by_rho,
            (self.r * T / self.alpha - phases - stays * stage) / end
            - gone * rho * (T - recency) / (end * last),
            gone / self.a - both,
            digamma_rise(self.b, n) - both - gone / np.where(n > 0, self.b + n - 1, 1.0),
        )
        return value, np.stack(scores, axis=1)

    def _running(self, history: History) -> tuple[FloatArray, FloatArray, FloatArray]:
        x, recency, T = history
        return running_gap(self.r + self.k * x, (T - recency) / (self.alpha + T), self.k)

    def _customers(self, x: FloatArray, T: FloatArray) -> Customers:
        n = x + self._first_chance
        a = np.broadcast_to(np.asarray(self.a, dtype=np.float64), n.shape)
        return Customers(self.r + self.k * x, self.alpha + T, a, self.b + n)

    def _stages(self, history: History) -> FloatArray:
        """P(stage j of the running gap | alive at T), shape (rows, k)."""
        x, recency, T = history
        stage = np.arange(self.k)
        rho, share = (self.r + self.k * x)[:, None], ((T - recency) / (self.alpha + T))[:, None]
        log = log_rising(rho, stage) - special.gammaln(stage + 1.0) + special.xlogy(stage, share)
        weights: FloatArray = special.softmax(log, axis=1)
        return weights

    def _over_stages(
        self,
        by_stage: Callable[..., FloatArray],
        history: History,
        *others: FloatArray,
    ) -> FloatArray:
        """Mean over the stages of what is computed once for each distinct (x, T, *others)."""
        model, columns, inverse = self._distinct([history.x, history.T, *others])
        values = by_stage(model._customers(columns[0], columns[1]), *columns[2:])[inverse]
        weights = self._stages(history)
        mean: FloatArray = np.where(weights > 0, weights * values, 0.0).sum(axis=1)
        return mean

    def _future(
        self, quantity: Quantity, history: History, horizon: FloatArray, rate: float
    ) -> FloatArray:
        def by_stage(customers: Customers, ahead: FloatArray) -> FloatArray:
            values = np.empty((len(ahead), self.k))
            endless = np.isinf(ahead) | discounted_to_nothing(rate, ahead, self.k)
            rows = np.flatnonzero(endless)
            if len(rows):
                values[rows] = for_ever(customers.take(rows), quantity, rate, self.k)
            rows = np.flatnonzero(~endless)
            some = customers.take(rows)
            values[rows], short = term_by_term(some, ahead[rows], quantity, rate, self.k)
            rows, some = rows[~short], some.take(~short)
            if len(rows):
                values[rows] = by_roots(some, ahead[rows], quantity, rate, self.k)
            return values

        return self._over_stages(by_stage, history, horizon)

    def _survival(self, history: History, horizon: FloatArray) -> FloatArray:
        finite = np.where(np.isinf(horizon), 0.0, horizon)
        alive = np.minimum(self._future("alive", history, finite, 0.0), 1.0)
        return np.where(np.isinf(horizon), 0.0, alive)

    def _future_purchases(self, history: History, horizon: FloatArray, rate: float) -> FloatArray:
        return self._future("purchases", history, horizon, rate)

    def _future_time(self, history: History, horizon: FloatArray, rate: float) -> FloatArray:
        return self._future("time", history, horizon, rate)

    def _any_purchase(self, history: History, horizon: FloatArray) -> FloatArray:
        def by_stage(customers: Customers, ahead: FloatArray) -> FloatArray:
            need = np.arange(self.k, 0.0, -1)
            endless = np.isinf(ahead)[:, None]
            finite = np.where(endless, 0.0, ahead[:, None])
            shape = customers.rho[:, None] + np.arange(self.k)
            return np.where(endless, 1.0, nb_tail(need, shape, customers.A[:, None], finite))

        return self._over_stages(by_stage, history, horizon)

    def _future_pmf(
        self, history: History, n: FloatArray, start: FloatArray, end: FloatArray
    ) -> FloatArray:
        """As for BG/NBD: who buys n times stays for all of them, or leaves with the n-th."""

        def by_stage(customers: Customers, n: FloatArray, length: FloatArray) -> FloatArray:
            stays, leaves = stays_or_leaves(customers.a, customers.b, np.zeros_like(n), n)
            exactly, enough = purchase_counts(customers, n, length, self.k)
            return stays[:, None] * exactly + leaves[:, None] * enough

        waits = start > 0
        if not waits.any():
            return self._over_stages(by_stage, history, n, end)
        values = np.empty(len(n))
        for rows in np.flatnonzero(waits), np.flatnonzero(~waits):
            some, still = self._rows(history, rows)
            if waits[rows].any():
                values[rows] = pmf_after_wait(
                    some._customers(still.x, still.T),
                    some._stages(still),
                    n[rows],
                    start[rows],
                    (end - start)[rows],
                    self.k,
                )
            else:
                values[rows] = some._over_stages(by_stage, still, n[rows], end[rows])
        return values

    def _posterior_rate(self, history: History) -> FloatArray:
        """E[λ | history] / k, since a purchase takes k stages."""
        gone = special.expit(self._log_odds_gone(history))
        _, stage, _ = self._running(history)
        rho = self.r + self.k * history.x
        rate: FloatArray = (1 - gone) * (rho + stage) / (self.alpha + history.T) + gone * rho / (
            self.alpha + history.recency
        )
        return rate / self.k

    def _draw(
        self, size: int, T: FloatArray, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        rate = rng.gamma(self.r, 1.0, size) / self.alpha
        p = np.maximum(rng.beta(self.a, self.b, size), 1e-300)
        with np.errstate(divide="ignore"):  # p = 1: leaves at the first chance
            chance = np.ceil(-rng.standard_exponential(size) / np.log1p(-p))
        stays = np.maximum(chance, 1.0) - self._first_chance
        passed = rng.poisson(np.minimum(rate * T, 1e15)).astype(np.float64)
        x = np.minimum(passed // self.k, stays)
        # The k x-th of the stages passed, which spread evenly over (0, T).
        order = np.where(x > 0, self.k * x, 1.0)
        share = rng.beta(order, np.where(x > 0, passed - self.k * x, 0.0) + 1.0)
        return x, np.where(x > 0, T * share, 0.0)


def whole_shape(k: Any) -> int:
    """Return k as a whole number of at least 1, or raise one error."""
    if isinstance(k, int | np.integer) and not isinstance(k, bool) and k >= 1:
        return int(k)
    raise InputError(f"k must be a whole number of at least 1; got {k!r}")
