"""Customers with their tiers and figures: how the tables of what follows from a tier read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from crmvalue._frame import IntoFrame, Table
from crmvalue._numbers import row_examples
from crmvalue._stats import FloatArray
from crmvalue.errors import FaultList, InputError
from crmvalue.tiers._snapshot import Scale, Snapshot, known_scale, scale_of


class FittedTiers(Protocol):
    """What is asked of fitted tiers, such as `ParetoTiers` or `ValuePyramid`."""

    @property
    def by(self) -> str:
        """The column by which customers are put into tiers."""

    def assign(self, values: IntoFrame) -> Any:
        """Add the column ``tier``."""


def read_tiered(
    values: IntoFrame,
    tiers: str | FittedTiers,
    faults: FaultList,
    *,
    columns: Sequence[str] = (),
    optional: Sequence[str] = (),
) -> tuple[Snapshot, Scale]:
    """Read customers with the tiers of a column, or with those that fitted tiers give them."""
    _check_tiers(tiers)
    column = tiers if isinstance(tiers, str) else "tier"
    given = values if isinstance(tiers, str) else tiers.assign(values)
    read = Snapshot(given, "values", column, faults, columns=columns, optional=optional)
    # Of a known scale the tiers without customers count too: nobody may be gold.
    return read, scale_of([read], read.ranking or known_scale(read.labels), faults)


def value_column(value: str | None, tiers: str | FittedTiers) -> str:
    """The column of values: the one that is named, else the one that the tiers were made by."""
    _check_tiers(tiers)
    if value is None and not isinstance(tiers, str):
        value = tiers.by
    if not isinstance(value, str):
        raise InputError(
            "value= must name the column of values (profit, lifetime_value...), for tiers that are "
            f"a column don't say what they were made by; got {value!r}"
        )
    return value


def _check_tiers(tiers: object) -> None:
    if not (isinstance(tiers, str) or (hasattr(tiers, "by") and hasattr(tiers, "assign"))):
        raise InputError(
            "tiers must be the name of the column of tiers, or fitted tiers such as ParetoTiers; "
            f"got {tiers!r}"
        )


def probabilities(table: Table, column: str) -> FloatArray:
    """Read a column of probabilities; what is missing is NaN, what is none a fault."""
    found = table.numbers(column, null=True, minimum=0.0)
    if (high := found > 1).any():
        table.faults.add(
            "not_a_probability",
            column=f"{table.name}.{column}",
            rows=int(high.sum()),
            examples=row_examples(high, found),
            expected="expected numbers from 0 to 1",
        )
    return found


def known_tiers(names: Sequence[str], scale: Scale, faults: FaultList, argument: str) -> None:
    """Note the tiers that an argument names and that there are not."""
    if odd := [name for name in names if name not in scale.names]:
        faults.add(
            "unknown_tier",
            column=argument,
            examples=", ".join(map(repr, odd)),
            expected=f"expected some of the tiers {', '.join(map(repr, scale.names))}",
        )
