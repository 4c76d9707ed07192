"""Customers with their tiers at one date: how migration and the watch list read a frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import IntoFrame, enter
from crmvalue._keys import ID, keys
from crmvalue._stats import IntArray
from crmvalue.errors import FaultList
from crmvalue.tiers._customer_rows import CustomerRows
from crmvalue.tiers.abc_classes import CLASSES
from crmvalue.tiers.pareto import TIERS
from crmvalue.tiers.pyramid import PYRAMID

SCALES = (TIERS, PYRAMID, CLASSES)
"""Tiers whose rank is known by their names, the best first."""

NEW, RETURNED, LOST = "new", "returned", "lost"
RESERVED = (NEW, RETURNED, LOST, "from_tier")


class Scale(NamedTuple):
    """The names of all tiers, and whether they come in the order of their rank, best first."""

    names: tuple[str, ...]
    ranked: bool


class Snapshot(CustomerRows):
    """One frame, read: a row per customer with a tier.

    Attributes
    ----------
    labels : tuple of str
        The tiers that somebody is in.
    ranking : tuple of str or None
        All tiers, best first, where the type of the column says so.
    """

    def __init__(
        self,
        frame: IntoFrame,
        name: str,
        tier: str,
        faults: FaultList,
        *,
        columns: Sequence[str] = (),
        optional: Sequence[str] = (),
    ) -> None:
        schema = enter(frame, name, [ID, tier, *columns]).collect_schema()
        names = schema.names()
        there = [c for c in optional if c in names or not isinstance(c, str)]  # which is refused
        super().__init__(frame, name, ID, faults, [tier, *columns, *there])
        self.labels, self._codes = self._tiers(tier)
        self.ranking = ranking_of(schema[tier], self.table.frame[tier])

    def __len__(self) -> int:
        return len(self.ids)

    def tiers(self, scale: Scale) -> IntArray:
        """The tier of each customer as its place in the scale, by rising id."""
        place = np.array([scale.names.index(label) for label in self.labels], dtype=np.int64)
        return self.by_id(place[self._codes])

    def _tiers(self, tier: str) -> tuple[tuple[str, ...], IntArray]:
        series, found = self.table.frame[tier], FaultList()
        text = series.dtype in (nw.String, nw.Categorical, nw.Enum)
        # Text is what polars is factorized fastest in; pandas would make text of its nulls.
        plain = series.cast(nw.String) if text and series.implementation.is_polars() else series
        labels = keys(plain, found, column=tier)
        missing = np.asarray(series.is_null().to_numpy(), dtype=bool)
        cure = "expected a tier for every customer; give them one or leave them out"
        self.table.note(tier, missing, "missing_tier", cure)
        if len(series) and not (text or missing.all()):
            cure = "expected names of tiers; convert the column to text"
            self.table.note(tier, ~missing, "not_a_tier", cure)
        names = tuple(str(v) for v in labels.values.cast(nw.String).to_list())
        reserved = np.array([name in RESERVED for name in names] + [False], dtype=bool)
        cure = f"{', '.join(map(repr, RESERVED))} have a meaning here; rename those tiers"
        self.table.note(tier, reserved[labels.codes], "reserved_name", cure)
        return names, labels.codes


def ranking_of(dtype: Any, series: nw.Series[Any]) -> tuple[str, ...] | None:
    """The categories of a column whose type gives them an order."""
    if isinstance(dtype, nw.Enum):
        return tuple(map(str, dtype.categories))
    arrow = getattr(series.to_native(), "type", None)
    if not getattr(arrow, "ordered", False) or not len(series):
        return None
    return tuple(map(str, series.cat.get_categories().to_list()))


def known_scale(labels: Sequence[str]) -> tuple[str, ...] | None:
    """The first of the scales with names for all of these tiers; None where there is none."""
    there = set(labels)
    return next((scale for scale in SCALES if there <= set(scale)), None)


def scale_of(
    snapshots: Sequence[Snapshot], order: Sequence[str] | None, faults: FaultList
) -> Scale:
    """The tiers of all frames: as named by `order`, else by the columns' type, else by name."""
    labels = sorted({label for snapshot in snapshots for label in snapshot.labels})
    given = [s for s in snapshots if s.ranking is not None]
    cure = "name all tiers of both frames, the best first, with order="
    if order is not None:
        names = _named(order)
        if not names or len(set(names)) != len(names):
            expected = "expected different names, best first, such as ['gold', 'steel', 'lead']"
            faults.add("order", examples=repr(order), expected=expected)
        if taken := [name for name in names if name in RESERVED]:
            expected = f"{', '.join(map(repr, RESERVED))} have a meaning here; name other tiers"
            faults.add("reserved_name", examples=", ".join(map(repr, taken)), expected=expected)
        if not names:
            return Scale(tuple(labels), True)
    elif given:
        names = given[0].ranking or ()
        if any(s.ranking != names for s in given):
            shown = "; ".join(f"{s.table.name}: {', '.join(s.ranking or ())}" for s in given)
            faults.add("tiers_differ", examples=shown, expected=cure)
    else:
        known = known_scale(labels)
        if known is None:
            return Scale(tuple(labels), False)
        names = known
    unknown = [label for label in labels if label not in names]
    if unknown:
        shown = f"{', '.join(unknown)} not among {', '.join(names)}"
        faults.add("unknown_tier", examples=shown, expected=cure)
    # Not every library keeps categories that no row has, so only the caller can ask for them.
    return Scale(names if order is not None else tuple(n for n in names if n in labels), True)


def _named(order: object) -> tuple[str, ...]:
    """The names that were given as an order; none where it is anything but names."""
    given = () if isinstance(order, str) or not isinstance(order, Iterable) else tuple(order)
    return given if all(isinstance(name, str) for name in given) else ()
