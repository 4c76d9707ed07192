"""What a model of purchases gives, and the one evaluation for each distinct history."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy import special

from crmvalue._distinct import distinct_rows
from crmvalue._stats import FloatArray, IntArray
from crmvalue.errors import FaultList, InputError
from crmvalue.lifetime._inference.search import Likelihood
from crmvalue.lifetime._model.histories import Histories, check_histories, days_per_unit
from crmvalue.lifetime._model.model import Model, check_argument, plain


class History(NamedTuple):
    """Histories as arrays of one shape: x purchases after the first, the last at t_x, age T."""

    x: FloatArray
    recency: FloatArray
    T: FloatArray


class Mechanism(Model):
    """What a model of purchases gives, and how its methods come to their numbers.

    A model gives its likelihood and, for a customer who is alive at age T, the future. Checks,
    broadcasting, and the one evaluation for each distinct history stand here.
    """

    unit: str
    _times: ClassVar[tuple[str, ...]] = ("alpha",)  # parameters that are measured in time,
    _rates: ClassVar[tuple[str, ...]] = ()  # and those that are per unit of time
    _recency_matters: ClassVar[bool] = False  # to the future of a customer known to be alive
    # Processes that covariates can act on: the parameter p of each, and the sign in p exp(± g'z).
    _processes: ClassVar[Mapping[str, tuple[str, int]]] = {}
    _probabilities: ClassVar[tuple[str, ...]] = (
        "probability_alive",
        "probability_of_purchase",
        "purchase_pmf",
        "interval_purchase_pmf",
        "conditional_purchase_pmf",
    )
    _age: ClassVar[str] = "T"  # what callers call the age of a history
    _whole: ClassVar[tuple[str, ...]] = ("n",)  # arguments that are counts

    def __post_init__(self) -> None:
        super().__post_init__()
        self._days_per_unit()

    # What a model gives. Arrays in `history` are flat; parameters are numbers or as long.

    @classmethod
    @abstractmethod
    def _likelihood(cls, histories: Histories) -> Likelihood: ...

    @classmethod
    @abstractmethod
    def _starts(cls, histories: Histories) -> list[FloatArray]: ...

    @abstractmethod
    def _log_likelihood(self, history: History) -> FloatArray: ...

    @abstractmethod
    def _log_odds_gone(self, history: History) -> FloatArray:
        """Log odds that the customer has left by T; -inf where that can't be."""

    @abstractmethod
    def _survival(self, history: History, horizon: FloatArray) -> FloatArray:
        """P(alive at T + horizon | alive at T)."""

    @abstractmethod
    def _future_purchases(self, history: History, horizon: FloatArray, rate: float) -> FloatArray:
        """Discounted expected purchases of a living customer; inf where they are."""

    @abstractmethod
    def _future_time(self, history: History, horizon: FloatArray, rate: float) -> FloatArray:
        """Discounted expected time alive of a living customer; inf where it is."""

    @abstractmethod
    def _future_pmf(
        self, history: History, n: FloatArray, start: FloatArray, end: FloatArray
    ) -> FloatArray:
        """P(n purchases in (T + start, T + end] | alive at T)."""

    @abstractmethod
    def _any_purchase(self, history: History, horizon: FloatArray) -> FloatArray:
        """P(at least one purchase in (T, T + horizon] | alive at T); the horizon may be inf."""

    @abstractmethod
    def _posterior_rate(self, history: History) -> FloatArray:
        """E[λ | history], of customers who are alive or have left."""

    @abstractmethod
    def _posterior_dropout(self, history: History) -> FloatArray:
        """E[p | history], the probability or rate of leaving, likewise."""

    @abstractmethod
    def _draw(
        self, size: int, T: FloatArray, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Draw x and t_x of new customers at age T."""

    # How the methods of the models come to their numbers.

    def _days_per_unit(self) -> float:
        return days_per_unit(self.unit)

    def _check_history(self, history: History, faults: FaultList) -> None:
        check_histories(*history, faults)

    def _enter(
        self, frequency: npt.ArrayLike, recency: npt.ArrayLike, T: npt.ArrayLike, **others: Any
    ) -> tuple[History, list[FloatArray]]:
        """Arguments as checked arrays of one shape."""
        history = {"frequency": frequency, "recency": recency, self._age: T}
        x, last, age, *rest = self._broadcast({**history, **others})
        faults = FaultList()
        self._check_history(History(x, last, age), faults)
        for name, value in zip(others, rest, strict=True):
            check_argument(name, value, faults, whole=name in self._whole)
        faults.raise_if_any(type(self).__name__)
        return History(x, last, age), rest

    def _each(
        self, compute: Callable[..., FloatArray], history: History, *others: Any
    ) -> FloatArray:
        """Call `compute(model, history, *others)` once for each distinct row of its arguments."""
        model, columns, inverse = self._distinct([*history, *others])
        result = compute(model, History(*columns[:3]), *columns[3:])
        return result[inverse].reshape(history.x.shape)

    def _distinct(self, columns: list[FloatArray]) -> tuple[Self, list[FloatArray], IntArray]:
        """Distinct rows of arrays of one shape, the model of these rows, and which one each row is.

        Rows whose parameters differ are different.
        """
        shape = columns[0].shape
        varying = [name for name in self._parameters if np.ndim(getattr(self, name))]
        columns = columns + [np.broadcast_to(getattr(self, name), shape) for name in varying]
        columns = [column.ravel() for column in columns]
        if len(columns[0]) <= 1:
            distinct, inverse = columns, np.arange(len(columns[0]))
        else:
            found = distinct_rows(*columns, days_per_unit=self._days_per_unit(), inverse=True)
            distinct, inverse = list(found.columns), found.inverse
        model: Any = self
        if varying:
            values = dict(zip(varying, distinct[-len(varying) :], strict=True))
            model = dataclasses.replace(model, **values)
            distinct = distinct[: -len(varying)]
        return model, distinct, inverse

    def _rows(self, history: History, rows: npt.NDArray[np.intp]) -> tuple[Self, History]:
        """Some rows of flat histories, and the model of these rows."""
        varying = {
            name: getattr(self, name)[rows]
            for name in self._parameters
            if np.ndim(getattr(self, name))
        }
        model: Any = self
        if varying:
            model = dataclasses.replace(model, **varying)
        return model, History(*(column[rows] for column in history))

    def _later(
        self, compute: Callable[..., FloatArray], history: History, *others: Any
    ) -> FloatArray:
        """`_each` for the future of a living customer, for whom t_x may not matter."""
        if not self._recency_matters:
            history = history._replace(recency=np.zeros_like(history.recency))
        return self._each(compute, history, *others)

    def _gone(self, history: History) -> FloatArray:
        return self._each(type(self)._log_odds_gone, history)

    def _expected(
        self, future: Callable[..., FloatArray], history: History, ahead: FloatArray, rate: float
    ) -> FloatArray:
        values = self._later(lambda m, h, u: future(m, h, u, rate), history, ahead)
        if np.isinf(values).any():
            raise InputError(
                "the expectation over an infinite horizon is infinite under these parameters; "
                "give a finite horizon, or a positive annual_discount_rate where there is one"
            )
        return plain(special.expit(-self._gone(history)) * values)

    def _pmf(
        self, history: History, n: FloatArray, start: FloatArray, end: FloatArray
    ) -> FloatArray:
        odds = self._gone(history)
        alive = self._later(type(self)._future_pmf, history, n, start, end)
        return plain(special.expit(-odds) * alive + np.where(n == 0, special.expit(odds), 0.0))

    def _rate(self, annual: float) -> float:
        """Rate per unit of the model, compounded continuously."""
        if not (np.ndim(annual) == 0 and np.isfinite(annual) and annual >= 0):
            raise InputError(
                f"annual_discount_rate must be a number of at least 0 (.10 is 10 % a year); "
                f"got {annual!r}"
            )
        return float(np.log1p(annual)) * self._days_per_unit() / 365.25
