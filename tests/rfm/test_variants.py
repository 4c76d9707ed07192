"""Nested and fixed cuts, further axes, bins per axis, weights: one mechanism, the same laws."""

from __future__ import annotations

import itertools
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.errors import InputError
from crmvalue.rfm import RFMScorer, SegmentTable

SCORES = ["r_score", "f_score", "m_score"]
NESTED_TIES = {"111": 80, "511": 10, "531": 10}
LIMITS = {"recency": [10.0, 20.0, 30.0], "frequency": [0, 2], "monetary": [-20.5, 0.0, 99.75]}


def summary_of(rows: list[tuple[float, int, float]]) -> pd.DataFrame:
    inactive, frequency, spend = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "customer_id": np.arange(len(rows)),
            "inactive": np.array(inactive, dtype=float),
            "frequency": np.array(frequency, dtype=np.int64),
            "n_purchases": np.array(frequency, dtype=np.int64) + 1,
            "total_spend": np.array(spend, dtype=float),
            "T": np.array(inactive, dtype=float) + 3.0 * np.array(frequency),
            "days_late": np.array(frequency, dtype=float) % 3 - 1.0,
        }
    )


# Quarters, so that no difference between two values is lost to rounding.
rows = st.lists(
    st.tuples(
        st.integers(0, 160).map(lambda k: k / 4),
        st.sampled_from([0, 0, 0, 0, 1, 2, 5, 9]),  # half of them bought once
        st.integers(-400, 4000).map(lambda k: k / 4),
    ),
    min_size=1,
    max_size=30,
)
options = st.fixed_dictionaries(
    {"method": st.sampled_from(["independent", "nested"])},
    optional={
        "bins": st.integers(2, 6)
        | st.tuples(*[st.integers(2, 4)] * 3)
        | st.just({"frequency": 3, "length": 2}),
        "extra": st.just({"length": "T", "late": "days_late"}),
        "less_is_better": st.just("monetary"),
        "weights": st.sampled_from([(1, 1, 1), {"frequency": 0.5, "monetary": 2}]),
    },
).map(lambda o: o if "extra" in o or not isinstance(o.get("bins"), dict) else {**o, "bins": 5})


def plain(table: Any) -> list[list[Any]]:
    """Rows of a table of any library in the order of the ids, nulls as None."""
    frame = to_pandas(table).sort_values("customer_id", ignore_index=True)
    return frame.astype(object).where(frame.notna(), None).to_numpy().tolist()


def everything() -> list[RFMScorer]:
    frame = summary_of([(i % 13, (i * i) % 7, 10.0 * i - 40) for i in range(60)])
    return [
        RFMScorer.fit(frame, method="nested"),
        RFMScorer.fit(frame, cuts=LIMITS),
        RFMScorer.fit(frame, method="nested", cuts={"recency": [4, 8]}, bins=(3, 4, 2)),
        RFMScorer.fit(
            frame,
            bins={"length": 12, "monetary": 10},
            extra={"length": "T", "late": "days_late"},
            less_is_better=["late"],
            weights={"recency": 1, "length": 0.3, "late": 2},
        ),
    ]


VARIANTS = ["nested", "fixed", "nested in fixed", "further axes and weights"]


@pytest.mark.parametrize("scorer", everything(), ids=VARIANTS)
def test_every_library_gives_the_same_scores(library, scorer: RFMScorer) -> None:
    frame = summary_of([(i % 17 - 1.0, (i * i) % 11, 7.0 * i - 90) for i in range(80)])
    frame = frame.astype({"frequency": float, "n_purchases": float})
    frame.loc[3, "total_spend"] = np.nan
    frame.loc[4, "T"] = np.nan
    frame.loc[5, ["total_spend", "T", "days_late"]] = np.nan
    frame.loc[6, "inactive"] = np.nan
    frame.loc[7, "n_purchases"] = 0
    frame.loc[8, "frequency"] = np.nan
    frame.loc[9, "total_spend"] = np.inf
    expected = scorer.score(frame)
    got = scorer.score(library(frame))
    assert type(got) is type(library(frame))
    assert list(to_pandas(got).columns) == list(expected.columns)
    assert plain(got) == plain(expected)


@settings(max_examples=20)
@given(rows, options)
def test_a_query_scores_like_a_table(customers, chosen) -> None:
    """Catches nested cells numbered with the last score slowest in one of the two paths."""
    frame = pl.from_pandas(summary_of(customers))
    scorer = RFMScorer.fit(frame, **chosen)
    assert scorer.score(frame.lazy()).collect().equals(scorer.score(frame))
    assert RFMScorer.fit(frame.lazy(), **chosen) == scorer


@settings(max_examples=12)
@given(rows, rows, options)
def test_a_frozen_scorer_gives_a_customer_the_same_answer_whoever_else_is_there(
    customers, others, chosen
) -> None:
    """Catches a score that fits the frame it is given: ``self = self.fit(summary)``."""
    frame = summary_of(customers)
    scorer = RFMScorer.from_json(RFMScorer.fit(frame, **chosen).to_json())
    together = plain(scorer.score(summary_of(customers + others)))
    assert together[: len(frame)] == plain(scorer.score(frame))
    for i, other in enumerate(others):
        alone = plain(scorer.score(summary_of([other])))[0]
        assert alone[1:] == together[len(frame) + i][1:]


@settings(max_examples=20)
@given(rows, options, st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_another_column_matters(customers, chosen, random) -> None:
    """Catches an unstable sort by cell without its values: ``values`` for ``values[order]``."""
    frame = pl.from_pandas(summary_of(customers))
    order = list(range(len(frame)))
    random.shuffle(order)
    scorer = RFMScorer.fit(frame, **chosen)
    other = frame[order].with_columns(extra_column=pl.lit(1), customer_id=pl.col("customer_id"))
    assert RFMScorer.fit(other, **chosen) == scorer
    assert scorer.score(other).equals(scorer.score(frame)[order])


@settings(max_examples=20)
@given(rows, options)
def test_scores_depend_on_no_column_but_their_own_and_those_they_are_nested_in(
    customers, chosen
) -> None:
    """Catches frequency nested in the monetary score: axes named in the wrong order."""
    frame = summary_of(customers)
    scored = RFMScorer.fit(frame, **chosen).score(frame)
    moved = frame.assign(total_spend=np.roll(-3.0 * frame["total_spend"], 1))
    again = RFMScorer.fit(moved, **chosen).score(moved)
    same = ["r_score", "f_score", *(c for c in ("length_score", "late_score") if c in scored)]
    assert again[same].equals(scored[same])
    moved = frame.assign(inactive=np.roll(frame["inactive"], 1))
    again = RFMScorer.fit(moved, **chosen).score(moved)
    assert again[same[2:]].equals(scored[same[2:]])
    if chosen["method"] == "independent":
        assert again[SCORES[1:]].equals(scored[SCORES[1:]])


@settings(max_examples=15)
@given(rows, options, st.sampled_from((-60, -31, 40)))
def test_scaling_money_by_a_power_of_two_changes_no_score(customers, chosen, power) -> None:
    """Catches an absolute tolerance: ``beyond(value, edge + 1e-9)``."""
    frame = summary_of(customers)
    scaled = frame.assign(total_spend=frame["total_spend"] * 2.0**power)
    got = RFMScorer.fit(scaled, **chosen).score(scaled)
    assert plain(got) == plain(RFMScorer.fit(frame, **chosen).score(frame))


@settings(max_examples=20)
@given(rows, st.tuples(*[st.integers(2, 5)] * 3))
def test_nested_scores_are_quantiles_within_the_cell(customers, bins) -> None:
    """Catches money cut within recency alone: ``scores[:1]``."""
    frame = summary_of(customers)
    scored = RFMScorer.fit(frame, bins=bins, method="nested").score(frame)
    assert scored["r_score"].tolist() == RFMScorer.fit(frame, bins).score(frame)["r_score"].tolist()
    joined = frame.drop(columns="customer_id").join(scored)
    for keys, column, score, count in (
        (["r_score"], "frequency", "f_score", bins[1]),
        (["r_score", "f_score"], "total_spend", "m_score", bins[2]),
    ):
        for _, cell in joined.groupby(keys):
            cuts = np.quantile(cell[column], np.arange(1, count) / count)
            expected = [1 + int((cuts < value).sum()) for value in cell[column]]
            assert cell[score].tolist() == expected


@settings(max_examples=20)
@given(rows, options)
def test_better_never_scores_lower_and_equals_score_alike(customers, chosen) -> None:
    """Catches ``less_is_better`` that counts cuts without turning the order of comparison."""
    frame = summary_of(customers)
    scorer = RFMScorer.fit(frame, **chosen)
    scored = scorer.score(frame)
    for axis in scorer.all_axes:
        within = SCORES[: len(axis.nested.within)] if axis.nested else []
        sign = -1.0 if axis.less_is_better else 1.0
        part = scored[[*within, axis.score_column]].assign(value=sign * frame[axis.column])
        for _, cell in part.groupby(within) if within else [((), part)]:
            pairs = cell[["value", axis.score_column]].drop_duplicates().sort_values("value")
            assert pairs["value"].is_unique
            assert pairs[axis.score_column].is_monotonic_increasing


@settings(max_examples=12)
@given(rows, options)
def test_the_bins_table_says_what_the_scores_are(customers, chosen) -> None:
    """Catches cells of the table named with the last score slowest, and counts not by cell."""
    frame = summary_of(customers)
    scorer = RFMScorer.fit(frame, **chosen)
    assert RFMScorer.from_json(scorer.to_json()).bins.equals(scorer.bins)
    scored = scorer.score(frame)
    table = scorer.bins
    assert table["empty"].tolist() == (table["customers"] == 0).tolist()
    for axis in scorer.all_axes:
        within = SCORES[: len(axis.nested.within)] if axis.nested else []
        part = table[table["axis"] == axis.name].fillna({"lower": -np.inf, "upper": np.inf})
        assert list(axis.customers) == part.groupby("score")["customers"].sum().tolist()
        part = part.set_index([*within, "score"])
        keys = [tuple(row) for row in scored[[*within, axis.score_column]].to_numpy().tolist()]
        counts = pd.Series(keys).value_counts()
        for index, customers_there in part["customers"].items():
            key = index if isinstance(index, tuple) else (index,)
            assert customers_there == counts.get(key, 0)
        for key, value in zip(keys, frame[axis.column], strict=True):
            low, high = part.loc[key if within else key[0], ["lower", "upper"]]
            assert low <= value < high if axis.less_is_better else low < value <= high


def test_a_value_on_a_fixed_cut_has_the_worse_score() -> None:
    frame = summary_of([(10.0, 2, 0.0), (9.75, 3, 0.25), (31.0, 0, -20.5), (20.0, 1, 99.75)])
    scorer = RFMScorer.fit(frame, cuts=LIMITS)
    assert scorer.score(frame)["rfm_score"].tolist() == ["322", "433", "111", "223"]
    table = scorer.bins.set_index(["axis", "score"])
    assert table.loc[("recency", 4), ["lower", "upper"]].isna().tolist() == [True, False]
    assert table.loc[("recency", 4), "upper"] == 10.0
    assert table.loc[("frequency", 1), "upper"] == 0.0
    assert scorer.segments is None


def test_fixed_cuts_need_nobody_and_know_nobody() -> None:
    nobody = summary_of([(1.0, 0, 1.0)]).head(0)
    some = summary_of([(float(i), i % 5, 10.0 * i) for i in range(40)])
    fixed = RFMScorer.fit(nobody, cuts=LIMITS)
    assert plain(fixed.score(some)) == plain(RFMScorer.fit(some, cuts=LIMITS).score(some))
    assert fixed.bins["empty"].all()
    with pytest.raises(InputError, match="no_purchases"):
        RFMScorer.fit(nobody, cuts={"recency": [5]})


def test_some_axes_may_be_fixed_and_the_others_learnt() -> None:
    frame = summary_of([(float(i), i % 5, 10.0 * i) for i in range(40)])
    mixed = RFMScorer.fit(frame, cuts={"monetary": [50, 100]})
    assert repr(mixed) == "RFMScorer(bins=(5, 5, 3), segments='recency-frequency grid')"
    assert mixed.recency == RFMScorer.fit(frame).recency
    assert mixed.monetary.cuts == (50.0, 100.0)


def test_a_nested_cell_nobody_had_is_cut_like_the_one_around_it() -> None:
    # Nobody of those who came lately bought once, so (2, 1) has nobody: money is cut there as
    # among all who came lately. Nobody at all has recency score 2 of 3.
    lately = [(1.0, 5, 10.0 * k) for k in range(1, 5)]
    long_ago = [(9.0, k, 100.0 * k) for k in range(4)]
    scorer = RFMScorer.fit(summary_of(lately + long_ago), bins=(2, 2, 2), method="nested")
    table = scorer.bins.query("axis == 'monetary'").set_index(["r_score", "f_score", "score"])
    assert table.loc[(2, 2), "empty"].all()  # all frequencies equal: they score 1
    assert table.loc[(2, 2, 1), "upper"] == table.loc[(2, 1, 1), "upper"] == 25.0
    new = summary_of([(1.0, 8, 24.0), (1.0, 8, 26.0)])
    assert scorer.score(new)["rfm_score"].tolist() == ["221", "222"]

    # Half of all came on the same day, so that the middle score of recency is empty.
    scorer = RFMScorer.fit(
        summary_of([(5.0, k, 10.0 * k) for k in range(6)]), bins=(3, 2, 2), method="nested"
    )
    table = scorer.bins.set_index(["axis", "r_score", "f_score", "score"]).sort_index()
    assert scorer.recency.customers == (6, 0, 0)
    everybody = np.quantile(np.arange(6), 0.5)
    for r in (2, 3):
        frequency = scorer.bins.query(f"axis == 'frequency' and r_score == {r} and score == 1")
        assert frequency["upper"].tolist() == [everybody]
        for f in (1, 2):
            assert table.loc[("monetary", r, f, 1), "upper"] == 10 * everybody


def test_the_classic_125_cells_are_about_equally_full() -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(12_500),
            "inactive": rng.permutation(12_500),
            "frequency": rng.permutation(12_500),
            "total_spend": rng.permutation(12_500),
        }
    )
    counts = RFMScorer.fit(frame, method="nested").score(frame)["rfm_score"].value_counts()
    assert len(counts) == 125
    assert set(counts) == {100}


def test_nested_bins_name_their_cells() -> None:
    frame = summary_of([(float(i), i % 5, 10.0 * i) for i in range(40)])
    table = RFMScorer.fit(frame, bins=3, method="nested", extra={"length": "T"}).bins
    assert list(table.columns) == [
        *("axis", "column", "r_score", "f_score", "score"),
        *("lower", "upper", "customers", "empty"),
    ]
    sizes = table.groupby("axis", sort=False).size()
    assert sizes.to_dict() == {"recency": 3, "frequency": 9, "monetary": 27, "length": 3}
    cells = table.query("axis == 'monetary'")[["r_score", "f_score", "score"]]
    assert cells.to_numpy().tolist() == [list(c) for c in itertools.product((1, 2, 3), repeat=3)]
    assert table.query("axis != 'monetary'")["f_score"].isna().all()
    assert table.query("axis in ('recency', 'length')")["r_score"].isna().all()
    assert list(RFMScorer.fit(frame).bins.columns) == [c for c in table if c[1:] != "_score"]


def test_further_axes_add_columns_and_change_none() -> None:
    frame = summary_of([(float(i % 9), i % 5, 10.0 * i) for i in range(40)])
    bare = RFMScorer.fit(frame).score(frame)
    scorer = RFMScorer.fit(
        frame,
        bins={"length": 10},
        extra={"length": "T", "late": "days_late"},
        less_is_better="late",
        weights=(1, 1, 1),
    )
    got = scorer.score(frame)
    assert list(got.columns) == [*bare.columns, "length_score", "late_score", "weighted_score"]
    assert got[list(bare.columns)].equals(bare)
    cuts = np.quantile(frame["T"], np.arange(1, 10) / 10)
    assert got["length_score"].tolist() == [1 + int((cuts < v).sum()) for v in frame["T"]]
    best = frame["days_late"] == frame["days_late"].min()
    assert (got["late_score"] == got["late_score"].max()).tolist() == best.tolist()
    assert got["late_score"].dtype == np.int64
    assert repr(scorer) == (
        "RFMScorer(bins=(5, 5, 5), extra=('length', 'late'), weights=(1.0, 1.0, 1.0, 0.0, 0.0), "
        "segments='recency-frequency grid')"
    )


def test_less_may_be_better_on_any_axis() -> None:
    frame = summary_of([(1.0, i, 10.0 * i) for i in range(4)])
    scorer = RFMScorer.fit(frame, bins=2, less_is_better="monetary")
    assert scorer.score(frame)["m_score"].tolist() == [2, 2, 1, 1]
    assert scorer.recency.less_is_better


def test_the_weighted_score_is_the_weighted_mean() -> None:
    frame = summary_of([(float(i % 9), i % 5, 10.0 * i) for i in range(40)])
    scored = RFMScorer.fit(frame, weights={"recency": 1, "monetary": 3}).score(frame)
    expected = (scored["r_score"] + 3 * scored["m_score"]) / 4
    assert scored["weighted_score"].tolist() == expected.tolist()
    even = RFMScorer.fit(frame, weights=(2, 2, 2)).score(frame)
    assert even["weighted_score"].tolist() == (scored[SCORES].sum(axis=1) * 2 / 6).tolist()


def test_who_is_not_known_is_defined(library) -> None:
    """The table in the docstring of `score`."""
    buyers = summary_of([(float(i), i, 10.0 * i) for i in range(10)])
    by_money = SegmentTable("by money", 5, [("All", None, None, (1, 5))])
    listed = buyers.astype({"frequency": float, "n_purchases": float})
    listed.loc[0, "n_purchases"] = 0
    listed.loc[1, "total_spend"] = np.nan
    listed.loc[2, "T"] = np.nan
    listed.loc[3, ["inactive", "frequency", "total_spend"]] = [1e6, 1e6, -1e6]
    listed.loc[4, "inactive"] = np.inf
    weights = {"frequency": 1, "length": 1}
    grid = RFMScorer.fit(buyers, extra={"length": "T"}, weights=weights)
    got = plain(grid.score(library(listed)))
    assert got[0] == [0, 0, 0, 0, "000", "No purchase", 0, 0.0]
    assert got[1][1:] == [5, 1, None, None, "New", 1, 1.0]
    assert got[2][1:] == [4, 2, 2, "422", "Potential Loyalist", None, None]
    assert got[3][1:6] == [1, 5, 1, "151", "Can't Lose"]
    assert got[4][1:6] == [0, 0, 0, "000", "No purchase"]
    asked = RFMScorer.fit(buyers, segments=by_money)
    assert [row[5] for row in plain(asked.score(library(listed)))][:4] == [
        *("No purchase", None, "All", "All")
    ]


@pytest.mark.parametrize("method", ["independent", "nested"])
def test_heavy_ties_constants_negatives_and_one_customer(method) -> None:
    ties = summary_of([(3.0, 0, 20.0)] * 80 + [(2.0, 1, 40.0)] * 10 + [(1.0, 4, 90.0)] * 10)
    scorer = RFMScorer.fit(ties, method=method)
    found = scorer.score(ties)["rfm_score"].value_counts().to_dict()
    assert found == ({"111": 80, "555": 20} if method == "independent" else NESTED_TIES)
    assert scorer.bins.query("axis == 'recency' and empty")["score"].tolist() == [2, 3, 4]
    for frame in (summary_of([(2.0, 3, -5.0)]), summary_of([(2.0, 3, -5.0)] * 7)):
        scored = RFMScorer.fit(frame, method=method).score(frame)
        assert set(scored["rfm_score"]) == {"111"}
    empty = ties.head(0)
    assert scorer.score(empty).shape == (0, 6)
    assert scorer.score(pl.from_pandas(empty)).schema == scorer.score(pl.from_pandas(ties)).schema


def test_an_axis_that_nobody_has_is_null_and_stays_out_of_the_cells() -> None:
    frame = summary_of([(float(i), i % 3, 0.0) for i in range(9)]).assign(total_spend=np.nan)
    scorer = RFMScorer.fit(frame, method="nested", weights={"frequency": 1})
    assert scorer.monetary.cuts is None
    scored = scorer.score(frame)
    assert scored["m_score"].isna().all()
    assert scored["weighted_score"].tolist() == scored["f_score"].tolist()
    assert RFMScorer.from_json(scorer.to_json()) == scorer


def test_many_bins_read_only_the_cells_that_occur(library) -> None:
    frame = summary_of([(float(i), i, 10.0 * i) for i in range(50)])
    table = SegmentTable("tops", 40, [("Top", (39, 40), None, None), ("Rest", (1, 38), None, None)])
    scorer = RFMScorer.fit(frame, bins=40, segments=table)
    got = plain(scorer.score(library(frame)))
    assert [row[4] for row in got] == ["-".join(map(str, row[1:4])) for row in got]
    assert {row[5] for row in got if row[1] >= 39} == {"Top"}
    assert {row[5] for row in got if row[1] < 39} == {"Rest"}


def test_many_nested_scores_are_looked_up_or_refused(library) -> None:
    """Catches a query with a part for each cut of each cell: ``by_lookup=False``."""
    rng = np.random.default_rng(1)
    values = [rng.integers(0, 90, 900) / 4, rng.integers(0, 60, 900), rng.integers(-9, 900, 900)]
    frame = summary_of(list(zip(*values, strict=True)))
    frame.loc[3, "total_spend"] = np.nan
    frame.loc[4, "inactive"] = np.nan
    scorer = RFMScorer.fit(frame, bins=40, method="nested")
    expected, given = plain(scorer.score(frame)), library(frame)
    if isinstance(given, duckdb.DuckDBPyRelation):
        with pytest.raises(InputError, match=r"1,600 cells of 39 cuts.*collect the summary before"):
            scorer.score(given)
        given = given.to_arrow_table()
    assert plain(scorer.score(given)) == expected


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"bins": {"recency": 1}}, "whole number from 2 to 100"),
        ({"bins": (5, 5)}, "three of them"),
        ({"bins": {"length": 5}}, r"not_an_axis \(bins: 'length'\).*extra="),
        ({"cuts": {"recency": [30, 20]}}, "each above the one before"),
        ({"cuts": {"recency": []}}, "not_cuts"),
        ({"cuts": {"recency": [1, 1]}}, "not_cuts"),
        ({"cuts": {"recency": [1, np.nan]}}, "not_cuts"),
        ({"cuts": {"recency": "abc"}}, "not_cuts"),
        ({"cuts": {"inactive": [1]}}, "not_an_axis"),
        ({"cuts": [1, 2]}, "not_a_mapping"),
        ({"cuts": {"recency": [1]}, "bins": {"recency": 3}}, "bins_and_cuts"),
        ({"cuts": {"recency": [1]}, "bins": (3, 5, 5)}, "bins_and_cuts"),
        ({"extra": {"r": "T"}}, "not_a_free_name"),
        ({"extra": {"monetary": "T"}}, "not_a_free_name"),
        ({"extra": {"": "T"}}, "not_a_free_name"),
        ({"extra": ["T"]}, "not_a_mapping"),
        ({"less_is_better": "T"}, "not_an_axis"),
        ({"method": "hughes"}, "'independent' or 'nested'"),
        ({"weights": (1, 1)}, "three numbers"),
        ({"weights": (0, 0, 0)}, "not all 0"),
        ({"weights": (1, 1, -1)}, "none below 0"),
        ({"weights": (1, 1, np.nan)}, "three numbers"),
        ({"weights": {"T": 1}}, "mapping from axis"),
        ({"weights": 1}, "three numbers"),
    ],
)
def test_options_that_cannot_be_followed_are_named(wrong, message) -> None:
    frame = summary_of([(float(i), i, 10.0 * i) for i in range(10)])
    with pytest.raises(InputError, match=message):
        RFMScorer.fit(frame, **wrong)


def test_all_faults_of_the_options_come_at_once() -> None:
    frame = summary_of([(1.0, 1, 1.0)])
    with pytest.raises(InputError) as caught:
        RFMScorer.fit(frame, cuts={"recency": [2, 1], "T": [1]}, less_is_better=["late"])
    assert [f.fault for f in caught.value.faults] == ["not_an_axis", "not_an_axis", "not_cuts"]


def test_a_scorer_made_by_hand_must_hang_together() -> None:
    frame = summary_of([(float(i), i % 3, 10.0 * i) for i in range(9)])
    saved = RFMScorer.fit(frame, method="nested").to_dict()
    with pytest.raises(InputError, match="as many weights"):
        RFMScorer.from_dict({**saved, "weights": [1.0]})
    with pytest.raises(InputError, match="recency has no cuts"):
        RFMScorer.from_dict({**saved, "recency": {**saved["recency"], "cuts": None}})
    with pytest.raises(InputError, match="'recent'"):
        RFMScorer.from_dict({**saved, "recency": {**saved["recency"], "name": "recent"}})
    with pytest.raises(InputError, match="names of their own"):
        RFMScorer.from_dict({**saved, "extra": [saved["monetary"]]})
    nested = saved["frequency"]["nested"]
    within = {**saved["recency"], "nested": {**nested, "within": ["frequency"]}}
    with pytest.raises(InputError, match="nested in axes before it"):
        RFMScorer.from_dict({**saved, "recency": within})
    broken = {**saved["frequency"], "nested": {**nested, "cuts": nested["cuts"][:2]}}
    with pytest.raises(InputError, match="need 5 cells"):
        RFMScorer.from_dict({**saved, "frequency": broken})
    broken = {**saved["frequency"], "nested": {**nested, "cuts": [[1.0, 2.0]] * 5}}
    with pytest.raises(InputError, match="5 scores need 4 finite cuts"):
        RFMScorer.from_dict({**saved, "frequency": broken})
