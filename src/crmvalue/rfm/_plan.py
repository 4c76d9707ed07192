"""What the options of `RFMScorer.fit` ask for: the axes, their cuts, and their weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from crmvalue._stats import is_number, is_whole
from crmvalue.errors import FaultList
from crmvalue.rfm.axis import LETTERS

Bins: TypeAlias = "int | tuple[int, int, int] | Mapping[str, int]"
Weights: TypeAlias = "Sequence[float] | Mapping[str, float]"

MOST_BINS = 100
DEFAULT_BINS = 5
TAKEN = ("r", "f", "m", "rfm", "weighted")


@dataclass(frozen=True, slots=True)
class AxisPlan:
    """One axis as it is asked for, before anything is learnt."""

    name: str
    column: str
    less_is_better: bool
    bins: int
    cuts: tuple[float, ...] | None


def plan_axes(
    columns: Mapping[str, str],
    extra: Mapping[str, str] | None,
    less_is_better: str | Sequence[str],
    bins: Bins,
    cuts: Mapping[str, Sequence[float]] | None,
    faults: FaultList,
) -> list[AxisPlan]:
    """Recency, frequency and monetary, then the further axes; what is wrong goes to `faults`."""
    extra = _mapping("extra", "name of the axis", "column", extra, faults)
    cuts = _mapping("cuts", "axis", "its cut points", cuts, faults)
    less = {"recency", *([less_is_better] if isinstance(less_is_better, str) else less_is_better)}
    for name in [n for n in extra if n in LETTERS or n in TAKEN or not _is_name(n)]:
        faults.add(
            "not_a_free_name",
            examples=f"extra: {name!r}",
            expected=f"expected a text other than {', '.join((*LETTERS, *TAKEN))}",
        )
    names = [*columns, *(n for n in extra if n not in columns)]
    counts = _read_bins(bins, names, faults)
    for option, given in (("cuts", cuts), ("less_is_better", less)):
        _check_names(option, [n for n in given if n not in names], names, faults)
    plans = []
    for name in names:
        edges = _read_cuts(name, cuts[name], faults) if name in cuts else None
        count = counts.get(name, DEFAULT_BINS) if edges is None else len(edges) + 1
        if edges and not is_whole(bins, 2) and counts.get(name, count) != count:
            faults.add(
                "bins_and_cuts",
                column=name,
                examples=f"{counts[name]} bins, {len(edges)} cuts",
                expected="expected one cut less than bins; leave the axis out of bins",
            )
        column = columns[name] if name in columns else extra[name]
        plans.append(AxisPlan(name, column, name in less, count, edges))
    return plans


def read_weights(
    weights: Weights | None, names: Sequence[str], faults: FaultList
) -> tuple[float, ...] | None:
    """One weight per axis; those that are not named have none."""
    if weights is None:
        return None
    given: dict[str, Any]
    if isinstance(weights, Mapping):
        given = dict(weights)
    elif isinstance(weights, Sequence) and not isinstance(weights, str) and len(weights) == 3:
        given = dict(zip(LETTERS, weights, strict=True))
    else:
        given = {"": weights}
    values = list(given.values())
    if (
        not set(given) <= set(names)
        or not all(is_number(w, 0) for w in values)
        or not sum(values) > 0
    ):
        faults.add(
            "not_weights",
            examples=repr(weights),
            expected="weights must be three numbers for recency, frequency and monetary, or a "
            f"mapping from axis ({', '.join(map(str, names))}) to number, none below 0 and not "
            "all 0",
        )
        return None
    return tuple(float(given.get(name, 0.0)) for name in names)


def _mapping(
    option: str, key: str, value: str, given: Mapping[str, Any] | None, faults: FaultList
) -> Mapping[str, Any]:
    if given is None or isinstance(given, Mapping):
        return given or {}
    faults.add(
        "not_a_mapping",
        examples=f"{option}: {given!r}",
        expected=f"expected a mapping from {key} to {value}",
    )
    return {}


def _check_names(
    option: str, unknown: Sequence[Any], names: Sequence[str], faults: FaultList
) -> None:
    if unknown:
        faults.add(
            "not_an_axis",
            examples=f"{option}: {', '.join(map(repr, unknown))}",
            expected=f"expected names of axes: {', '.join(names)}; add others with extra=",
        )


def _read_bins(bins: Any, names: Sequence[str], faults: FaultList) -> dict[str, int]:
    counts: dict[str, Any]
    if isinstance(bins, Mapping):
        counts = dict(bins)
        _check_names("bins", [n for n in counts if n not in names], names, faults)
    elif isinstance(bins, list | tuple) and len(bins) == 3:
        counts = dict(zip(LETTERS, bins, strict=True))
    else:
        counts = dict.fromkeys(names, bins)
    if all(is_whole(count, 2, MOST_BINS) for count in counts.values()):
        return {name: int(count) for name, count in counts.items()}
    faults.add(
        "not_bins",
        examples=repr(bins),
        expected=f"bins must be a whole number from 2 to {MOST_BINS}, three of them for recency, "
        "frequency and monetary, or a mapping from axis to number",
    )
    return {}


def _read_cuts(name: str, cuts: Any, faults: FaultList) -> tuple[float, ...]:
    try:
        edges = tuple(float(cut) for cut in cuts)
    except (TypeError, ValueError):
        edges = ()
    if 0 < len(edges) < MOST_BINS and np.isfinite(edges).all() and (np.diff(edges) > 0).all():
        return edges
    faults.add(
        "not_cuts",
        column=name,
        examples=repr(cuts),
        expected=f"expected 1 to {MOST_BINS - 1} finite numbers in the unit of the column, each "
        "above the one before (for recency too)",
    )
    return (0.0,)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and bool(name)
