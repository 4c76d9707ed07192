"""What the estimation asks of a model, and what a fit keeps of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

from crmvalue._frame import IntoFrame
from crmvalue._stats import FloatArray
from crmvalue.lifetime._inference.search import Objective, Optimum


@dataclass(frozen=True)
class Limit:
    """A simpler model that a model turns into when some of its parameters run off together.

    Attributes
    ----------
    factors : dict of str to float
        By what to multiply parameters to come (practically) to the limit.
    open : tuple of str
        Parameters that mean nothing there.
    message : str
        What the limit says about customers.
    """

    factors: dict[str, float]
    open: tuple[str, ...]
    message: str


class Fitted(Protocol):
    """What the flow asks of a model."""

    @property
    def _real(self) -> tuple[str, ...]: ...

    def _estimates(self) -> dict[str, float]: ...

    def _at(self, estimates: Mapping[str, float]) -> Self: ...

    def _limits(self) -> list[Limit]: ...

    def _cautions(self) -> list[str]: ...

    def _predict(self, summary: IntoFrame, horizon: float | None) -> Any: ...


M = TypeVar("M", bound=Fitted)


@dataclass(frozen=True)
class Evidence(Generic[M]):
    """What a fit was made from, kept beside it for new fits to reweighted data; never saved."""

    objective: Objective
    optimum: Optimum
    build: Callable[[FloatArray], M]
