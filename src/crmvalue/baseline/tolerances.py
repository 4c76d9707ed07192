"""How far a result may stray from its baseline: tolerances as data, by line or family of lines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from types import MappingProxyType

from crmvalue.errors import FaultList, InputError

MOVES = "migration"
"""The family of lines that only a check with an earlier result has."""

TOLERANCES: Mapping[str, float] = MappingProxyType(
    {
        "schema": 0,
        "terms": 0,
        "reconciliation": 0.005,
        "reconciliation.ages": 1e-6,
        "reconciliation.expectations": 1e-9,
        "reconciliation.parameters": 1e-9,
        "reconciliation.standard_errors": 0.01,
        "reconciliation.tiers.threshold": 1e-9,
        "reconciliation.valuation": 1e-9,
        "counts": 0.10,
        "left_out": 0.01,
        "totals": 0.10,
        "psi": 0.25,
        "tier_share": 0.05,
        "segment_share": 0.05,
        "concentration": 0.05,
        "parameter": 3,
        "migration": 0.25,
    }
)
"""The most that a line may drift, by its name or the beginning of it up to a dot.

==================  ===============================================================================
schema, terms       how many columns or terms differ
reconciliation      money (or customers, rows, cells) by which parts miss their whole. Six lines
                    have another tolerance than their family: ages in units of time, parameters and
                    tiers.threshold in their own units; expectations, valuation and standard_errors
                    as the largest relative difference of a row
counts, totals      relative change
left_out            change of the share of the rows of the log
psi                 population stability index: below 0.1 little, above 0.25 much has changed
tier_share, ...     change of a share or a Gini coefficient, in absolute terms
parameter           change in standard errors of the baseline
migration           share of customers who changed tier, or were lost
==================  ===============================================================================

A tolerance that you give for a name holds for every line below it, those six too, unless you give
one for a longer name.
"""


def read_tolerances(given: Mapping[str, float] | None, lines: Iterable[str]) -> dict[str, float]:
    """The default tolerances with the caller's, once all of these are seen to be of some line.

    What the caller gives for a name wins over defaults for names below it.
    """
    if given is not None and not isinstance(given, Mapping):
        raise InputError(
            "tolerances must be a mapping of lines to numbers, such as {'totals': 0.2}; "
            f"got {type(given).__name__}"
        )
    faults = FaultList()
    known: set[str] = set()
    for line in lines:
        parts = line.split(".")
        known |= {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
    given = {} if given is None else given
    unknown = [str(name) for name in given if name not in known]
    if unknown:
        meant = {name.partition(".")[0] for name in unknown}
        near = sorted(n for n in known if "." not in n or n.partition(".")[0] in meant)
        cure = ""
        if MOVES in meant and MOVES not in known:
            cure = f"; the lines of {MOVES} need an earlier result, named with previous="
        faults.add(
            "unknown_line",
            examples=", ".join(map(repr, unknown)),
            expected=f"this check has no such line or family; it has {', '.join(near)}{cure}",
        )
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, Real) or not value >= 0:
            faults.add(
                f"tolerances[{name!r}]={value!r}",
                expected="expected a number of at least 0; math.inf lets any drift pass",
            )
    faults.raise_if_any("the tolerances")
    families = tuple(f"{name}." for name in given)
    kept = {name: value for name, value in TOLERANCES.items() if not name.startswith(families)}
    return {**kept, **{name: float(value) for name, value in given.items()}}


def tolerance_of(line: str, tolerances: Mapping[str, float]) -> float:
    """The tolerance of a line: its own, or that of the longest beginning of its name."""
    parts = line.split(".")
    for end in range(len(parts), 0, -1):
        name = ".".join(parts[:end])
        if name in tolerances:
            return tolerances[name]
    return math.nan
