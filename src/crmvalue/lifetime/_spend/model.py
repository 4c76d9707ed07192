"""What the models of spend share: the mean spend of repeat buyers, read, checked and predicted."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from crmvalue._frame import IntoFrame, Table
from crmvalue._numbers import row_examples
from crmvalue._stats import FloatArray
from crmvalue._table import table
from crmvalue.errors import FaultList, InputError
from crmvalue.lifetime._model.histories import read_customers, read_weights
from crmvalue.lifetime._model.model import Model


class SpendModel(Model):
    """Base of the models of the mean spend per repeat purchase."""

    @abstractmethod
    def expected_spend(self, frequency: npt.ArrayLike, monetary_value: npt.ArrayLike) -> FloatArray:
        """Expected spend per purchase of customers with this mean spend so far."""

    @abstractmethod
    def _percentile(self, x: FloatArray, mean: FloatArray) -> FloatArray:
        """P(mean spend of x purchases <= mean): the same for all x if the model holds."""

    def _covers(self, mean: FloatArray) -> npt.NDArray[np.bool_]:
        """Mean spends that can be under the model."""
        return np.isfinite(mean)

    def _enter(
        self, frequency: npt.ArrayLike, monetary_value: npt.ArrayLike, **others: npt.ArrayLike
    ) -> list[FloatArray]:
        """Arguments as checked arrays of one shape, the mean spend 0 where there is none."""
        faults = FaultList()
        arrays: dict[str, FloatArray] = {}
        given = {"frequency": frequency, "monetary_value": monetary_value, **others}
        for name, value in given.items():
            try:
                arrays[name] = np.asarray(value, dtype=np.float64)
            except (TypeError, ValueError):
                faults.add(
                    "not_a_number", column=name, examples=repr(value)[:60], expected="give numbers"
                )
        faults.raise_if_any(type(self).__name__)
        arrays |= {
            name: array
            for name in self._parameters
            if (array := np.asarray(getattr(self, name))).ndim
        }
        try:
            shape = np.broadcast_shapes(*(array.shape for array in arrays.values()))
        except ValueError:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
            raise InputError(
                f"{type(self).__name__}: shapes don't broadcast: {shapes}; "
                "give arrays of one length, or single numbers"
            ) from None
        x, mean, *rest = (np.broadcast_to(arrays[name], shape) for name in given)
        _check_spend(x, mean, faults)
        for name, values in zip(others, rest, strict=True):
            _check_probability(name, values, faults)
        faults.raise_if_any(type(self).__name__)
        return [x, np.where(x > 0, mean, 0.0), *rest]

    def _predict(self, summary: IntoFrame, horizon: float | None) -> Any:
        if horizon is not None:
            raise InputError(
                "predicted spend is per purchase and has no horizon; leave horizon out"
            )
        read = Table(summary, "summary", ("customer_id", "frequency", "monetary_value"))
        x, mean = _read_spend(read)
        ids, order = read_customers(read)
        spend = self.expected_spend(x, mean)
        return table({"customer_id": ids, "expected_spend": spend[order]}, like=read.frame)


def read_repeat_buyers(
    summary: IntoFrame, weights: str | npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Frequency, mean spend and weight of the repeat buyers; every fault of them in one error."""
    read = Table(summary, "summary", ("frequency", "monetary_value"))
    x, mean = _read_spend(read)
    given = read_weights(read, weights)
    read.finish()
    weight = np.ones(len(x)) if given is None else given
    used = (x > 0) & (weight > 0)
    if not used.any():
        raise InputError(
            "summary has no repeat buyer (frequency above 0): nothing says what customers spend. "
            "Cure: use a longer period, or more customers"
        )
    return x[used], mean[used], weight[used]


def _read_spend(read: Table) -> tuple[FloatArray, FloatArray]:
    """Frequency and monetary_value; the latter may be missing where there is no repeat purchase."""
    before = len(read.faults)
    x = read.numbers("frequency", minimum=0)
    mean = read.numbers("monetary_value", null=True)
    if len(read.faults) == before:
        _check_spend(x, mean, read.faults, prefix=f"{read.name}.")
    return x, np.where(x > 0, mean, 0.0)


def _check_spend(x: FloatArray, mean: FloatArray, faults: FaultList, *, prefix: str = "") -> None:
    not_whole = ~((x >= 0) & (x == np.rint(x)) & np.isfinite(x))
    if not_whole.any():
        faults.add(
            "not_whole",
            column=prefix + "frequency",
            rows=int(not_whole.sum()),
            examples=row_examples(not_whole, x),
            expected="expected whole numbers of repeat purchase days, at least 0",
        )
    missing = (x > 0) & ~np.isfinite(mean)
    if missing.any():
        faults.add(
            "missing_spend",
            column=prefix + "monetary_value",
            rows=int(missing.sum()),
            examples=row_examples(missing, mean),
            expected="expected a finite mean spend where frequency is above 0",
        )


def _check_probability(name: str, values: FloatArray, faults: FaultList) -> None:
    bad = ~((values > 0) & (values < 1))
    if bad.any():
        faults.add(
            "bad_argument",
            column=name,
            rows=int(bad.sum()),
            examples=row_examples(bad, values),
            expected="expected probabilities above 0 and below 1 (.5 for the median)",
        )
