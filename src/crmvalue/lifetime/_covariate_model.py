"""A model whose parameters depend on covariates, as a value of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from crmvalue._frame import IntoFrame, Table
from crmvalue._stats import FloatArray, dot
from crmvalue._value import Value
from crmvalue.lifetime._design.design import Design, Read
from crmvalue.lifetime._inference.fitted import Limit
from crmvalue.lifetime._model.histories import COLUMNS

if TYPE_CHECKING:
    from crmvalue.lifetime._purchases.model import PurchaseModel

FARTHEST = 100.0  # |log| of a row's parameter: covariates far outside of the data lead no further


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Effects(Value):
    """Effects of covariates on one process.

    Attributes
    ----------
    design : Design
        How columns of a frame become covariates.
    values : ndarray, shape (effects,)
        Their effects, in the order of ``design.labels``.
    """

    design: Design
    values: FloatArray

    def __repr__(self) -> str:
        pairs = zip(self.design.labels, self.values, strict=True)
        return "{" + ", ".join(f"{label}: {value:.6g}" for label, value in pairs) + "}"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class CovariateModel(Value):
    """A model whose parameters depend on covariates: what a fit with ``covariates=`` finds.

    The parameters of `base`, those of a customer whose covariates are all 0, are attributes of this
    model, too.

    Attributes
    ----------
    base : BGNBD, MBGNBD or ParetoNBD
        The model of a customer with covariates 0 (factors at the level they are coded against).
    effects : dict of str to Effects
        By process, ``"purchase"`` and ``"dropout"``; positive: buys more, leaves more readily.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from crmvalue.lifetime import BGNBD
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"channel": rng.choice(["shop", "web"], 4000)})
    >>> alpha = 6.0 * np.exp(-0.5 * (frame["channel"] == "web"))
    >>> data = BGNBD(r=0.5, alpha=alpha, a=0.9, b=2.5).sample(4000, T=40.0, rng=rng)
    >>> fit = BGNBD.fit(data.assign(channel=frame["channel"]), covariates={"purchase": ["channel"]})
    >>> print(fit.params()["parameter"].tolist())
    ['r', 'alpha', 'a', 'b', 'purchase:channel[web]']
    >>> rows = fit.model.for_rows(pd.DataFrame({"channel": ["shop", "web"]}))
    >>> shop, web = rows.expected_purchases_new_customer(52.0)
    >>> print(round(float(web / shop), 2))
    1.33
    """

    base: Any
    effects: dict[str, Effects]

    def __getattr__(self, name: str) -> float:
        base = self.__dict__.get("base")
        if base is None or name not in base._parameters:
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r}; "
                "for_rows(frame) gives the model of these rows, with all of its methods"
            )
        value: float = getattr(base, name)
        return value

    def __repr__(self) -> str:
        effects = ", ".join(f"{process}={found!r}" for process, found in self.effects.items())
        return f"{type(self).__name__}({self.base!r}, {effects})"

    @property
    def unit(self) -> str:
        """What ages and horizons are measured in."""
        unit: str = self.base.unit
        return unit

    def for_rows(self, frame: IntoFrame) -> Any:
        """The plain model with one parameter value for each row of a frame.

        Parameters
        ----------
        frame : frame
            Has the columns of the covariates.

        Returns
        -------
        BGNBD, MBGNBD or ParetoNBD
            Its methods take arrays as long as the frame.

        Raises
        ------
        InputError
            Where a covariate is missing, not finite, or has a level that the fit did not see.

        Examples
        --------
        >>> import numpy as np
        >>> import pandas as pd
        >>> from crmvalue.lifetime import MBGNBD
        >>> web = np.repeat([0, 1], 1000)
        >>> buyers = MBGNBD(r=0.5, alpha=6.0 * np.exp(-0.5 * web), a=0.9, b=2.5)
        >>> data = buyers.sample(2000, T=40.0, rng=1).assign(web=web)
        >>> fit = MBGNBD.fit(data, covariates={"purchase": ["web"]})
        >>> model = fit.model.for_rows(pd.DataFrame({"web": [0, 1]}))
        >>> print(model.expected_purchases_new_customer(52.0).round(1).tolist())
        [1.6, 2.3]
        """
        table = Table(frame, "frame")
        model = self._of_rows(table)
        table.finish()
        return model

    def _of_rows(self, table: Table) -> PurchaseModel:
        """`for_rows`, with faults noted in the table."""
        read: Read = {}
        rows = {}
        for process, found in self.effects.items():
            name, sign = self.base._processes[process]
            reach = sign * dot(found.design.matrix(table, read), found.values)
            rows[name] = np.exp(log_rows(getattr(self.base, name), reach))
        model: PurchaseModel = dataclasses.replace(self.base, **rows)
        return model

    # What the estimation flow asks of a model.

    @property
    def _real(self) -> tuple[str, ...]:
        return tuple(self._estimates())[len(self.base._parameters) :]

    @property
    def _probabilities(self) -> tuple[str, ...]:
        names: tuple[str, ...] = self.base._probabilities
        return names

    @property
    def _signed(self) -> tuple[str, ...]:
        names: tuple[str, ...] = self.base._signed
        return names

    def _estimates(self) -> dict[str, float]:
        estimates: dict[str, float] = dict(self.base._estimates())
        for process, found in self.effects.items():
            names = (f"{process}:{label}" for label in found.design.labels)
            estimates |= dict(zip(names, found.values.tolist(), strict=True))
        return estimates

    def _at(self, estimates: Mapping[str, float]) -> Self:
        values = np.array(list((self._estimates() | dict(estimates)).values()), dtype=np.float64)
        base = dict(zip(self.base._parameters, values.tolist(), strict=False))
        done = len(base)
        effects = {}
        for process, found in self.effects.items():
            end = done + len(found.values)
            effects[process] = Effects(design=found.design, values=values[done:end])
            done = end
        return type(self)(base=dataclasses.replace(self.base, **base), effects=effects)

    def _limits(self) -> list[Limit]:
        limits: list[Limit] = self.base._limits()
        return limits

    def _cautions(self) -> list[str]:
        cautions: list[str] = self.base._cautions()
        return cautions

    def _predict(self, summary: IntoFrame, horizon: float | None) -> Any:
        table = Table(summary, "summary", ("customer_id", *COLUMNS))
        return self._of_rows(table)._predictions(table, horizon)


def log_rows(parameter: float, reach: FloatArray) -> FloatArray:
    """Logarithms of a parameter times exp(reach)."""
    logs: FloatArray = np.clip(np.log(parameter) + reach, -FARTHEST, FARTHEST)
    return logs
