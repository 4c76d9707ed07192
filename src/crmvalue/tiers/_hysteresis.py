"""Earlier tiers, and the band that a value must cross before a customer leaves one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import Frame, IntoFrame, Lazy, Table, collect, enter, is_lazy
from crmvalue._keys import ID, is_null
from crmvalue._stats import is_number
from crmvalue._table import backend, table
from crmvalue.errors import FaultList, InputError


class Earlier(NamedTuple):
    """A frame whose rows know their earlier tier: its place, 0 the highest, -1 where none.

    A null in a comparison is not read alike by all libraries.
    """

    frame: Frame
    rank: nw.Expr
    helpers: tuple[str, ...] = ()

    def bound(self, rank: int, threshold: float, margin: float) -> nw.Expr:
        """What a value must reach to be above the threshold below tier number `rank`."""
        plain = nw.lit(threshold)
        rise = nw.when(self.rank > rank).then(nw.lit(threshold + margin)).otherwise(plain)
        above = (self.rank >= 0) & (self.rank <= rank)
        return nw.when(above).then(nw.lit(threshold - margin)).otherwise(rise)


def check_band(band: float) -> None:
    """Refuse a band that is no share of a threshold."""
    if not (is_number(band, 0) and band < 1):
        raise InputError(
            f"band must be a share of the thresholds, from 0 to below 1 (.1 for 10 %); got {band!r}"
        )


def earlier_tiers(
    frame: Frame, previous: IntoFrame | str, tiers: Sequence[str], faults: FaultList
) -> Earlier:
    """Find the earlier tier of each row of `frame`, in a column of it or in a frame of its own."""
    rank = _free_name(frame, "_earlier_rank")
    if isinstance(previous, str):
        _check_labels(frame, "values", previous, tiers, faults)
        faults.raise_if_any("values")
        return Earlier(
            frame.with_columns(_rank(frame, previous, tiers).alias(rank)), nw.col(rank), (rank,)
        )
    before = enter(previous, "previous", [ID, "tier"]).select(ID, "tier")
    enter(frame.to_native(), "values", [ID])
    known = Table(before.to_native(), "previous", faults=faults)
    _check_labels(known.frame, "previous", "tier", tiers, faults)
    ids = known.unique_keys(ID, "expected one row per customer")
    faults.raise_if_any("values and previous")
    ranks = np.empty(0)
    if len(known):
        place = _rank(known.frame, "tier", tiers).alias(rank)
        ranks = np.asarray(known.frame.select(place)[rank].to_numpy())
    if is_lazy(frame):
        if frame.implementation.is_polars():
            built = table({ID: known.frame[ID], rank: ranks}, like=frame)
            return _join(frame, enter(built, "previous").lazy(), rank)
        if is_lazy(before) and before.implementation == frame.implementation:
            return _join(
                frame, before.select(nw.col(ID), _rank(before, "tier", tiers).alias(rank)), rank
            )
    # By position: no join keeps the rows of every library in their order.
    eager = collect(frame)
    by_id = np.full(len(ids) + 1, -1.0)  # its last place is for ids that are not found
    by_id[ids.codes] = ranks
    found: nw.Series[Any] = nw.new_series(
        rank, by_id[ids.find(eager[ID])], nw.Float64(), backend=backend(eager)
    )
    return Earlier(eager.with_columns(found), nw.col(rank), (rank,))


def _join(frame: Lazy, ranked: Lazy, rank: str) -> Earlier:
    key = _free_name(frame, "_earlier_id")
    kinds = [side.collect_schema()[ID] for side in (frame, ranked)]
    text = [kind in (nw.String, nw.Categorical, nw.Enum) for kind in kinds]
    if text[0] != text[1]:
        raise InputError(
            f"ids of different types: values.{ID} is {kinds[0]}, previous.{ID} is {kinds[1]}; "
            "convert one of the columns"
        )
    common: Any = nw.Float64 if any(kind.is_float() for kind in kinds) else nw.Int64
    as_key = nw.col(ID).cast(nw.String if text[0] else common).alias(key)
    left, right = frame.with_columns(as_key), ranked.select(as_key, rank)
    if frame.implementation.is_polars():  # its own join alone can be told to keep the rows' order
        query: Any = left.to_native()
        kept = query.join(right.to_native(), on=key, how="left", maintain_order="left")
        joined: Lazy = nw.from_native(kept)
    else:
        joined = left.join(right, on=key, how="left")
    return Earlier(joined, nw.col(rank).fill_null(-1.0), (key, rank))


def _rank(frame: Frame, column: str, tiers: Sequence[str]) -> nw.Expr:
    """The place of a label among the tiers, as an expression."""
    label = nw.col(column)
    dtype = frame.collect_schema()[column]
    # pandas compares a categorical with any text, by its codes; others refuse an unknown one.
    if not (frame.implementation.is_pandas() and dtype in (nw.Categorical, nw.Enum)):
        label = label.cast(nw.String)
    rank: Any = None
    for place, tier in enumerate(tiers):
        here = nw.when(label == tier).then(nw.lit(float(place)))
        rank = here if rank is None else here.otherwise(rank)
    found: nw.Expr = rank.fill_null(-1.0)
    return found


def _check_labels(
    frame: Frame, name: str, column: str, tiers: Sequence[str], faults: FaultList
) -> None:
    dtype = frame.collect_schema()[column]
    expected = f"expected the tiers {', '.join(map(repr, tiers))}, or null for none"
    where = f"{name}.{column}"
    texts = dtype in (nw.String, nw.Categorical, nw.Enum, nw.Object, nw.Unknown)
    found: list[Any] = []
    if not is_lazy(frame):
        found = [label for label in frame[column].unique().to_list() if not is_null(label)]
        texts = texts or not found  # nulls alone may have any type
    if not texts:
        faults.add("not_a_tier", column=where, examples=f"dtype {dtype}", expected=expected)
    elif odd := sorted({str(label) for label in found} - set(tiers)):
        shown = ", ".join(map(repr, odd[:3]))
        faults.add("unknown_tier", column=where, examples=shown, expected=expected)


def _free_name(frame: Frame, name: str) -> str:
    taken = frame.collect_schema().names()
    while name in taken:
        name += "_"
    return name
