"""What a model is: a frozen value with checked parameters and arguments."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np

from crmvalue._frame import IntoFrame
from crmvalue._stats import FloatArray
from crmvalue._value import Value
from crmvalue.errors import FaultList, InputError
from crmvalue.lifetime._inference.fitted import Limit

Parameter: TypeAlias = float | FloatArray
"""A parameter: one number for all customers, or one number for each."""


class Model(Value, ABC):
    """Base of the models: frozen, with parameters above 0 unless they are named in `_real`."""

    _parameters: ClassVar[tuple[str, ...]] = ()
    _real: ClassVar[tuple[str, ...]] = ()  # parameters that may have either sign
    # Quantities that are probabilities, and that may have either sign; all others are positive.
    _probabilities: ClassVar[tuple[str, ...]] = ()
    _signed: ClassVar[tuple[str, ...]] = ("log_likelihood",)

    def __post_init__(self) -> None:
        faults = FaultList()
        for name in self._parameters:
            value = getattr(self, name)
            try:
                array = np.array(value, dtype=np.float64)
            except (TypeError, ValueError):
                array = np.array(np.nan)
            if not (np.isfinite(array).all() and (name in self._real or (array > 0).all())):
                faults.add(
                    "bad_parameter",
                    column=name,
                    examples=repr(value),
                    expected="expected a finite number" + " above 0" * (name not in self._real),
                )
            array.flags.writeable = False
            object.__setattr__(self, name, array if array.ndim else float(array))
        faults.raise_if_any(f"{type(self).__name__}(...)")

    def __repr__(self) -> str:
        shown = [
            f"{name}={value:.6g}" if isinstance(value, float) else f"{name}=<{len(value)} values>"
            for name in self._parameters
            if (value := getattr(self, name)) is not None
        ]
        unit = [f"unit={self.unit!r}"] if hasattr(self, "unit") else []
        return f"{type(self).__name__}({', '.join(shown + unit)})"

    def _estimates(self) -> dict[str, float]:
        """The parameters that a fit estimates, by name."""
        return {name: float(getattr(self, name)) for name in self._parameters}

    def _at(self, estimates: Mapping[str, float]) -> Self:
        """The same model with other values of the parameters that a fit estimates."""
        model: Any = self
        moved: Self = dataclasses.replace(model, **estimates)
        return moved

    @classmethod
    def _build(cls, parameters: FloatArray, **declared: str) -> Self:
        """A model of these parameters, in the order of `_parameters`."""
        make: Any = cls  # fields are those of the model's own dataclass
        model: Self = make(
            **dict(zip(cls._parameters, parameters.tolist(), strict=True)), **declared
        )
        return model

    def _broadcast(self, arguments: dict[str, Any]) -> list[FloatArray]:
        """Arguments as arrays of numbers of one shape, which is that of the parameters, too."""
        faults = FaultList()
        arrays = {name: _numbers(name, value, faults) for name, value in arguments.items()}
        faults.raise_if_any(type(self).__name__)
        parameters = [np.asarray(getattr(self, name)) for name in self._parameters]
        try:
            shape = np.broadcast_shapes(*(v.shape for v in [*arrays.values(), *parameters]))
        except ValueError as error:
            shapes = ", ".join(f"{name} {value.shape}" for name, value in arrays.items())
            raise InputError(f"shapes don't broadcast: {shapes} ({error})") from None
        return [np.broadcast_to(value, shape) for value in arrays.values()]

    def _limits(self) -> list[Limit]:
        """Simpler models that the data may not tell from this one, the simplest first."""
        return []

    def _cautions(self) -> list[str]:
        """What limits the use of a model with these parameters."""
        return []

    @abstractmethod
    def _predict(self, summary: IntoFrame, horizon: float | None) -> Any: ...


def plain(values: FloatArray) -> FloatArray:
    """A NumPy number where everything was a number."""
    result: FloatArray = values[()]
    return result


def _numbers(name: str, value: Any, faults: FaultList) -> FloatArray:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        faults.add("not_a_number", column=name, examples=repr(value)[:60], expected="give numbers")
        return np.zeros(())


def check_argument(name: str, values: FloatArray, faults: FaultList, *, whole: bool) -> None:
    """Horizons, ages and counts: at least 0; only a horizon may be infinite, counts are whole."""
    bad = ~(values >= 0)
    expected = "numbers of at least 0"
    if name == "horizon":
        expected += " (inf for no end)"
    else:
        bad |= np.isinf(values)
    if whole:
        bad |= values != np.rint(values)
        expected = "whole " + expected
    if name == "q":
        bad |= ~((values > 0) & (values < 1))
        expected = "probabilities above 0 and below 1 (.5 for the median)"
    if bad.any():
        faults.add(
            "bad_argument",
            column=name,
            rows=int(bad.sum()),
            examples=repr(float(values[bad].flat[0])),
            expected=f"expected {expected}",
        )
