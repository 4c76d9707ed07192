"""Two axes at once: bands by comparison, names as data, the same in every library."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.errors import InputError
from crmvalue.tiers._axis import MatrixAxis
from crmvalue.tiers.matrix import TwoAxisMatrix

NAMES = {("low", "low"): "a", ("low", "high"): "b", ("high", "low"): "c", ("high", "high"): "d"}
RULES = st.sampled_from(["median", "mean", "p0", "p25", "p99.5", "p100", 3.0, -2])

pairs = st.lists(st.tuples(*[st.integers(-40, 40).map(lambda k: k / 4)] * 2), min_size=1)


def frame_of(points: list[tuple[float, float]]) -> pl.DataFrame:
    return pl.DataFrame(
        {"customer_id": range(len(points)), "cost": [x for x, _ in points]}
    ).with_columns(margin=pl.Series([y for _, y in points], dtype=pl.Float64))


def threshold(values: list[float], rule: str | float) -> float:
    if rule == "mean":
        return min(max(math.fsum(values) / len(values), min(values)), max(values))
    if isinstance(rule, str):
        return float(np.percentile(values, 50 if rule == "median" else float(rule[1:])))
    return float(rule)


@settings(max_examples=40)
@given(pairs, RULES, RULES)
def test_quadrants_are_those_of_the_comparison(points, x_rule, y_rule) -> None:
    """Catches ``value > cut`` for ``>=``, and the cuts of x applied to y."""
    frame = frame_of(points)
    fitted = TwoAxisMatrix.fit(frame, x="cost", y="margin", cuts=(x_rule, y_rule), names=NAMES)
    x = threshold([p for p, _ in points], x_rule)
    y = threshold([p for _, p in points], y_rule)
    assert (fitted.x.cuts, fitted.y.cuts) == ((x,), (y,))
    band = {False: "low", True: "high"}
    wanted = [NAMES[band[p >= x], band[q >= y]] for p, q in points]
    assert fitted.assign(frame)["quadrant"].to_list() == wanted


@settings(max_examples=25)
@given(pairs, st.integers(1, 4), st.integers(1, 4))
def test_the_table_counts_what_is_assigned(points, x_cuts, y_cuts) -> None:
    """Catches cells numbered by the bands of x where those of y are meant."""
    frame = frame_of(points)
    cuts = (tuple(f"p{20 * i}" for i in range(x_cuts)), tuple(range(y_cuts)))
    fitted = TwoAxisMatrix.fit(frame, x="cost", y="margin", cuts=cuts)
    table = fitted.table(frame)
    assert len(table) == (x_cuts + 1) * (y_cuts + 1)
    assert table["customers"].sum() == len(points)
    assert math.isclose(table["share_of_customers"].sum(), 1)
    assert table["x_sum"].sum() == math.fsum(p for p, _ in points)
    assert table["y_sum"].sum() == math.fsum(q for _, q in points)
    assigned = (
        fitted.assign(frame).group_by("quadrant").agg(pl.len(), pl.col("cost", "margin").sum())
    )
    found = {row[0]: row[1:] for row in assigned.iter_rows()}
    for row in table.iter_rows(named=True):
        assert row["quadrant"] == f"{row['x_band']} / {row['y_band']}"
        counted = found.get(row["quadrant"], (0, 0, 0))
        assert (row["customers"], row["x_sum"], row["y_sum"]) == counted


@settings(max_examples=30)
@given(pairs, pairs)
def test_frozen_thresholds_do_not_care_who_else_is_there(points, others) -> None:
    """Catches an assignment that fits the frame it is given."""
    fitted = TwoAxisMatrix.fit(frame_of(points), x="cost", y="margin", cuts="p40")
    together = fitted.assign(frame_of(points + others))["quadrant"].to_list()
    assert together[: len(points)] == fitted.assign(frame_of(points))["quadrant"].to_list()
    assert TwoAxisMatrix.from_json(fitted.to_json()) == fitted
    assert hash(TwoAxisMatrix.from_json(fitted.to_json())) == hash(fitted)


def test_equal_customers_are_high_together() -> None:
    for rule, value in itertools.product(["median", "mean", "p0", "p100", "p33.3"], [0.1, 0.0, 7]):
        frame = frame_of([(value, -value)] * 3)
        fitted = TwoAxisMatrix.fit(frame, x="cost", y="margin", cuts=rule)
        assert fitted.assign(frame)["quadrant"].unique().to_list() == ["high / high"], rule


def test_names_are_data_and_cells_can_share_one(library) -> None:
    three = ("low", "middle", "high")
    tiers = {
        (x, y): "gold" if "low" not in (x, y) else "lead" if (x, y) == ("low",) * 2 else "steel"
        for x, y in itertools.product(three, three)
    }
    matrix = TwoAxisMatrix(
        MatrixAxis("cost", (1, 2), three), MatrixAxis("margin", (10, 20), three), tiers
    )
    assert matrix.quadrants == ("lead", "steel", "gold")
    assert repr(matrix) == "TwoAxisMatrix(x cost at 1, 2, y margin at 10, 20)"
    frame = pd.DataFrame({"cost": [0, 1, 2, 0.9], "margin": [9.9, 10, 20, np.nan]})
    result = matrix.assign(library(frame.reset_index(names="customer_id")))
    assert type(result) is type(library(frame))
    got = to_pandas(result).sort_values("customer_id")
    assert list(got.columns) == ["customer_id", "cost", "margin", "quadrant"]
    named = [value if isinstance(value, str) else None for value in got["quadrant"]]
    assert named == ["lead", "gold", "gold", None]
    table = to_pandas(matrix.table(library(frame.dropna())))
    assert list(table.columns) == [
        *("quadrant", "x_band", "y_band", "customers", "share_of_customers", "x_sum", "y_sum"),
    ]
    assert table["quadrant"].tolist()[:2] == ["lead", "steel"]
    assert table["y_band"].tolist()[:3] == list(three)
    assert table["customers"].tolist() == [1, 0, 0, 0, 1, 0, 0, 0, 1]
    assert table["y_sum"].sum() == 39.9


def test_every_library_gives_the_same(library) -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "customer_id": [f"c{i:03d}" for i in range(200)],
            "net_margin": rng.normal(0.3, 0.2, 200),
            "cost_to_serve": rng.gamma(2, 0.1, 200),
        }
    )
    axes = {"x": "cost_to_serve", "y": "net_margin"}
    served = TwoAxisMatrix.fit(frame, **axes)
    assert TwoAxisMatrix.fit(library(frame), **axes) == served
    expected = served.assign(frame)
    assert expected["quadrant"].cat.categories.tolist() == list(served.quadrants)
    got = to_pandas(served.assign(library(frame))).sort_values("customer_id", ignore_index=True)
    assert got["quadrant"].tolist() == expected["quadrant"].tolist()
    table = to_pandas(served.table(library(frame)))
    wanted = served.table(frame)
    for column in table:
        assert table[column].tolist() == wanted[column].tolist(), column


def test_nobody_is_in_no_quadrant(library) -> None:
    nobody = pd.DataFrame({"cost": [1.0], "margin": [2.0]}).head(0)
    fitted = TwoAxisMatrix.fit(frame_of([(1, 2)]), x="cost", y="margin")
    got = to_pandas(fitted.assign(library(nobody)))
    assert list(got.columns) == ["cost", "margin", "quadrant"]
    assert got.empty


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cuts": "half"}, "a cut is a finite number"),
        ({"cuts": ("p101", 1)}, "a cut is a finite number"),
        ({"cuts": math.nan}, "a cut is a finite number"),
        ({"cuts": (None, 1)}, "a cut is a finite number"),
        ({"cuts": (1, 2, 3)}, "cuts must be one cut or a pair"),
        ({"cuts": ((), 1)}, "one at least"),
        ({"cuts": ((2, 1), 1)}, "in rising order"),
        ({"bands": (("low", "high"),)}, "bands a pair of names"),
        ({"bands": (("low", "high"), ("low",))}, "1 cuts of 'margin' make 2 bands"),
        ({"bands": (("low", "high"), ("low", "low"))}, "with different names"),
        ({"names": {("low", "low"): "a"}}, "without a name"),
        ({"names": {**NAMES, ("low", "middle"): "e"}}, "not such a pair"),
        ({"names": {**NAMES, ("low", "low"): None}}, "without a name"),
        ({"y": "cost"}, "name two columns"),
    ],
)
def test_a_matrix_that_is_none_is_an_error(options, message) -> None:
    frame = frame_of([(1, 2), (3, 4)])
    with pytest.raises(InputError, match=message):
        TwoAxisMatrix.fit(frame, **{"x": "cost", "y": "margin", **options})


def test_what_cannot_be_cut_is_named(library) -> None:
    frame = pd.DataFrame({"cost": [1.0, np.nan], "margin": [np.inf, 2.0]})
    for call in (
        lambda f: TwoAxisMatrix.fit(f, x="cost", y="margin"),
        TwoAxisMatrix.fit(frame_of([(1, 2)]), x="cost", y="margin").table,
    ):
        with pytest.raises(InputError) as caught:
            call(library(frame))
        assert {fault.column for fault in caught.value.faults} == {"values.cost", "values.margin"}
        with pytest.raises(InputError, match="empty"):
            call(library(frame.head(0)))
        with pytest.raises(InputError, match="lacks the column 'margin'"):
            call(library(frame[["cost"]]))
    fitted = TwoAxisMatrix.fit(frame_of([(1, 2)]), x="cost", y="margin")
    text = library(pd.DataFrame({"cost": ["much"], "margin": ["more"]}))
    with pytest.raises(InputError) as caught:
        fitted.assign(text)
    assert len(caught.value.faults) == 2


def test_what_is_no_tiering_cannot_be_crossed() -> None:
    with pytest.raises(InputError, match=r"x must be fitted tiers.*got int"):
        TwoAxisMatrix.from_tiers(1, 2)


def test_infinity_is_a_cut_that_nobody_reaches_and_others_are_refused() -> None:
    axis = MatrixAxis("margin", cuts=(5.0, math.inf), bands=("low", "middle", "high"))
    assert axis.codes(np.array([1.0, 5.0, 1e308])).tolist() == [0, 1, 1]
    for cuts in ((-math.inf, 5.0), (5.0, math.nan), (5.0, 1.0), ()):
        with pytest.raises(InputError, match="none of them NaN or minus infinity"):
            MatrixAxis("margin", cuts=cuts, bands=("low", "middle", "high"))
