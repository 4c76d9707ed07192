"""RFM scores: the same for equal customers, whoever else is scored and in whatever library."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmvalue._table import to_pandas
from crmvalue.errors import InputError
from crmvalue.rfm import NO_PURCHASE, RECENCY_FREQUENCY_GRID, RFMScorer, ScoreAxis, SegmentTable

SCORES = ["r_score", "f_score", "m_score"]


def summary_of(rows: list[tuple[float, int, float]]) -> pd.DataFrame:
    inactive, frequency, spend = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "customer_id": np.arange(len(rows)),
            "inactive": np.array(inactive, dtype=float),
            "frequency": np.array(frequency, dtype=np.int64),
            "n_purchases": np.array(frequency, dtype=np.int64) + 1,
            "total_spend": np.array(spend, dtype=float),
        }
    )


def random_summary(n: int = 400, seed: int = 7) -> pd.DataFrame:
    """Customers with many ties, and some rows without a purchase."""
    rng = np.random.default_rng(seed)
    frame = summary_of(
        list(
            zip(
                rng.integers(0, 300, n) / 7.0,
                rng.geometric(0.5, n) - 1,
                np.round(rng.lognormal(3, 1, n), 2),
                strict=True,
            )
        )
    )
    frame["customer_id"] = [f"c{i:04d}" for i in range(n)]
    frame["n_purchases"] = frame["n_purchases"].astype(float)
    frame.loc[5, ["inactive", "n_purchases"]] = np.nan
    frame.loc[9, "n_purchases"] = 0
    frame.loc[11, "total_spend"] = np.nan
    return frame


def plain(column: pd.Series) -> list[object]:
    return [None if pd.isna(value) else value for value in column]


# Quarters, so that no difference between two values is lost to rounding.
rows = st.lists(
    st.tuples(
        st.integers(0, 200).map(lambda k: k / 4),
        st.integers(0, 8),
        st.integers(-400, 4000).map(lambda k: k / 4),
    ),
    min_size=1,
    max_size=40,
)
bin_counts = st.integers(2, 12)


@settings(max_examples=50)
@given(rows, bin_counts)
def test_scores_are_one_plus_the_cuts_below(customers, bins) -> None:
    """Catches ``scored >= cut`` in place of ``scored > cut``, and recency without its sign."""
    frame = pl.from_pandas(summary_of(customers))
    got = RFMScorer.fit(frame, bins=bins).score(frame)
    axes = (-frame["inactive"], frame["frequency"], frame["total_spend"])
    for score, values in zip(SCORES, axes, strict=True):
        cuts = np.quantile(values.to_numpy(), np.arange(1, bins) / bins)
        assert got[score].to_list() == [1 + int((cuts < v).sum()) for v in values]


@settings(max_examples=50)
@given(rows, bin_counts)
def test_better_never_scores_lower_and_equals_score_alike(customers, bins) -> None:
    """Catches a score that counts the cuts above: ``scored < cut``."""
    frame = pl.from_pandas(summary_of(customers))
    got = RFMScorer.fit(frame, bins=bins).score(frame)
    axes = (-frame["inactive"], frame["frequency"], frame["total_spend"])
    for score, values in zip(SCORES, axes, strict=True):
        pairs = sorted(set(zip(values.to_list(), got[score].to_list(), strict=True)))
        assert len(pairs) == values.n_unique()
        assert [score for _, score in pairs] == sorted(score for _, score in pairs)


@settings(max_examples=25)
@given(rows, st.randoms(use_true_random=False))
def test_scores_do_not_depend_on_row_order(customers, random) -> None:
    """Catches cuts at positions of unsorted rows: ``scored[[k * n // bins, ...]]``."""
    frame = pl.from_pandas(summary_of(customers))
    order = list(range(len(frame)))
    random.shuffle(order)
    scorer = RFMScorer.fit(frame)
    assert RFMScorer.fit(frame[order]) == scorer
    assert scorer.score(frame[order]).equals(scorer.score(frame)[order])


@settings(max_examples=25)
@given(rows, rows)
def test_frozen_cuts_give_the_same_answer_whoever_else_is_scored(customers, others) -> None:
    """Catches a score that fits the frame it is given: ``self = self.fit(summary)``."""
    frame = pl.from_pandas(summary_of(customers))
    scorer = RFMScorer.fit(frame)
    together = scorer.score(pl.from_pandas(summary_of(customers + others)))
    assert together.head(len(frame)).equals(scorer.score(frame))


@settings(max_examples=25)
@given(rows, st.integers(-60, 60))
def test_scaling_money_by_a_power_of_two_changes_no_score(customers, power) -> None:
    """Catches an absolute tolerance: ``scored > cut + 1e-9``."""
    frame = pl.from_pandas(summary_of(customers))
    scaled = frame.with_columns(pl.col("total_spend") * 2.0**power)
    got = RFMScorer.fit(scaled).score(scaled)
    assert got.equals(RFMScorer.fit(frame).score(frame))


@settings(max_examples=25)
@given(rows, bin_counts)
def test_json_round_trip(customers, bins) -> None:
    """Catches cuts whose sign is turned when an axis is made, and so again when it is loaded."""
    scorer = RFMScorer.fit(summary_of(customers), bins=bins)
    again = RFMScorer.from_json(scorer.to_json())
    assert again == scorer
    assert hash(again) == hash(scorer)
    assert again.bins.equals(scorer.bins)


@settings(max_examples=25)
@given(rows, bin_counts)
def test_bins_table_counts_the_customers_and_names_empty_scores(customers, bins) -> None:
    """Catches ``scored >= cut`` in the counts of the fit, and bounds of recency not turned."""
    frame = summary_of(customers)
    scorer = RFMScorer.fit(frame, bins=bins)
    got = scorer.score(pl.from_pandas(frame)).to_pandas()
    table = scorer.bins
    assert table["empty"].tolist() == (table["customers"] == 0).tolist()
    for score, axis in zip(SCORES, scorer.axes, strict=True):
        part = table[table["axis"] == axis.name].set_index("score")
        part = part.fillna({"lower": -np.inf, "upper": np.inf})
        counted = got[score].value_counts().reindex(part.index, fill_value=0)
        assert part["customers"].tolist() == counted.tolist()
        values = frame[axis.column]
        for own, value in zip(got[score], values, strict=True):
            low, high = part.loc[own, "lower"], part.loc[own, "upper"]
            inside = low <= value < high if axis.less_is_better else low < value <= high
            assert inside


def test_every_library_gives_the_same(library) -> None:
    frame = random_summary()
    expected_scorer = RFMScorer.fit(frame)
    scorer = RFMScorer.fit(library(frame))
    assert scorer == expected_scorer
    expected = expected_scorer.score(frame)
    result = scorer.score(library(frame))
    assert type(result) is type(library(frame))  # the same library, lazy in lazy out
    got = to_pandas(result).sort_values("customer_id", ignore_index=True)
    assert list(got.columns) == ["customer_id", *SCORES, "rfm_score", "segment"]
    for column in expected.columns:
        left, right = (
            f[column].astype(object).where(f[column].notna(), None) for f in (got, expected)
        )
        assert left.tolist() == right.tolist(), column


def test_in_memory_the_schema_and_the_row_order_are_kept() -> None:
    frame = random_summary().iloc[::-1]
    got = RFMScorer.fit(frame).score(frame)
    assert got["customer_id"].tolist() == frame["customer_id"].tolist()
    assert got.index.tolist() == list(range(len(frame)))
    assert got["r_score"].dtype == got["f_score"].dtype == np.int64
    assert got["segment"].cat.categories.tolist() == [*RECENCY_FREQUENCY_GRID.segments, NO_PURCHASE]


def test_schema_of_every_library_has_whole_numbers_text_and_a_categorical(library) -> None:
    import narwhals.stable.v2 as nw

    frame = random_summary().dropna(subset="total_spend")
    schema = nw.from_native(RFMScorer.fit(frame).score(library(frame))).collect_schema()
    assert [schema[c] for c in SCORES] == [nw.Int64] * 3
    assert schema["rfm_score"] == nw.String
    assert schema["segment"] in (nw.Enum, nw.Categorical)


def test_customers_without_purchases_score_zero(library) -> None:
    buyers = summary_of([(float(i), i, 10.0 * i) for i in range(10)])
    scorer = RFMScorer.fit(buyers)
    listed = buyers.astype({"frequency": float, "n_purchases": float})
    listed.loc[0, ["inactive", "frequency", "n_purchases", "total_spend"]] = np.nan
    listed.loc[1, "n_purchases"] = 0
    listed.loc[2, "inactive"] = np.nan
    listed.loc[3, "frequency"] = np.nan
    assert RFMScorer.fit(library(listed)) == RFMScorer.fit(listed.iloc[4:])
    got = to_pandas(scorer.score(library(listed))).sort_values("customer_id", ignore_index=True)
    assert got[SCORES].head(4).to_numpy().tolist() == [[0, 0, 0]] * 4
    assert got["rfm_score"].tolist()[:4] == ["000"] * 4
    assert got["segment"].tolist()[:4] == [NO_PURCHASE] * 4
    assert (got["segment"][4:] != NO_PURCHASE).all()


def test_without_amounts_money_is_null_and_the_segment_stands(library) -> None:
    frame = random_summary().drop(index=[5, 9]).assign(total_spend=np.nan)
    scorer = RFMScorer.fit(library(frame))
    assert scorer.monetary.cuts is None
    got = to_pandas(scorer.score(library(frame)))
    assert got["m_score"].isna().all()
    assert got["rfm_score"].isna().all()
    assert got["segment"].notna().all()
    assert scorer.bins.query("axis == 'monetary'")["empty"].all()
    assert RFMScorer.from_json(scorer.to_json()) == scorer


@pytest.mark.filterwarnings("ignore:.*is not a partition:crmvalue.errors.DataWarning")
def test_a_missing_amount_takes_the_segment_only_where_the_table_asks_for_money(library) -> None:
    frame = summary_of([(float(i), i, 10.0 * i) for i in range(10)])
    frame.loc[9, "total_spend"] = np.nan
    table = SegmentTable(
        "by money",
        (5, 5, 5),
        (("Can't say", None, None, (1, 5)), ("Everyone else", None, None, None)),
    )
    got = to_pandas(RFMScorer.fit(frame, segments=table).score(library(frame)))
    got = got.sort_values("customer_id", ignore_index=True)
    assert got["segment"].tolist()[:9] == ["Can't say"] * 9
    assert pd.isna(got["segment"][9])
    assert pd.isna(got["rfm_score"][9])


@pytest.mark.filterwarnings("ignore:.*is not a partition:crmvalue.errors.DataWarning")
def test_segments_need_five_bins_unless_a_table_is_given() -> None:
    frame = random_summary()
    got = RFMScorer.fit(frame, bins=4).score(frame)
    assert got["segment"].dropna().unique().tolist() == [NO_PURCHASE]
    halves = SegmentTable("halves", (4, 4, 4), (("Recent", (3, 4), None, None),))
    got = RFMScorer.fit(frame, bins=4, segments=halves).score(frame)
    assert set(got["segment"].dropna()) == {"Recent", NO_PURCHASE}
    assert got.loc[got["r_score"].between(1, 2), "segment"].isna().all()
    with pytest.raises(InputError, match=r"made for 4 scores of recency.*fit with bins=4"):
        RFMScorer.fit(frame, bins=5, segments=halves)


def test_more_than_nine_scores_are_told_apart(library) -> None:
    frame = summary_of([(30.0, 1, 5.0)] * 5 + [(float(20 - i), i, 10.0 * i) for i in range(20)])
    frame.loc[0, "n_purchases"] = 0
    got = to_pandas(RFMScorer.fit(frame, bins=12).score(library(frame)))
    digits = got[SCORES].astype(int).astype(str).agg("-".join, axis=1)
    assert got["rfm_score"].tolist() == digits.tolist()
    assert "12-12-12" in set(got["rfm_score"])


def test_heavy_ties_keep_their_scores_and_name_the_empty_ones() -> None:
    # Eight of ten customers bought once: qcut refuses, and ranks would part them.
    frame = summary_of([(3.0, 0, 20.0)] * 80 + [(2.0, 1, 40.0)] * 10 + [(1.0, 4, 90.0)] * 10)
    scorer = RFMScorer.fit(frame)
    assert sorted(scorer.score(frame)["f_score"].unique()) == [1, 5]
    empty = scorer.bins.query("axis == 'frequency' and empty")
    assert empty["score"].tolist() == [2, 3, 4]


def test_constants_and_one_customer_score_one() -> None:
    for frame in (summary_of([(2.0, 3, 5.0)]), summary_of([(2.0, 3, 5.0)] * 7)):
        got = RFMScorer.fit(frame).score(frame)
        assert set(got["rfm_score"]) == {"111"}
        assert set(got["segment"]) == {"Hibernating"}


def test_any_column_can_be_an_axis() -> None:
    frame = summary_of([(float(i), i, 10.0 * i) for i in range(10)]).rename(
        columns={"inactive": "days_away", "frequency": "orders", "total_spend": "margin"}
    )
    scorer = RFMScorer.fit(frame, recency="days_away", frequency="orders", monetary="margin")
    assert [axis.column for axis in scorer.axes] == ["days_away", "orders", "margin"]
    assert scorer.score(frame)["m_score"].tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert repr(scorer) == "RFMScorer(bins=(5, 5, 5), segments='recency-frequency grid')"


def test_decimals_and_nullable_numbers_score_like_floats() -> None:
    from decimal import Decimal

    frame = summary_of([(float(i), i, 10.0 * i) for i in range(10)])
    expected = RFMScorer.fit(frame).score(frame)
    decimals = frame.assign(total_spend=[Decimal(i) * 10 for i in range(10)])
    pd.testing.assert_frame_equal(RFMScorer.fit(decimals).score(decimals), expected)
    nullable = frame.convert_dtypes()
    got = RFMScorer.fit(nullable).score(nullable)
    assert got["rfm_score"].tolist() == expected["rfm_score"].tolist()
    assert got["segment"].tolist() == expected["segment"].tolist()


def test_what_cannot_be_scored_is_named(library) -> None:
    frame = random_summary()
    scorer = RFMScorer.fit(frame)
    with pytest.raises(InputError, match="summary lacks the column 'customer_id'"):
        scorer.score(library(frame.drop(columns="customer_id")))
    text = frame.assign(inactive="long", total_spend="much")
    for call in (scorer.score, RFMScorer.fit):
        with pytest.raises(InputError) as caught:
            call(library(text))
        assert {fault.column for fault in caught.value.faults} >= {
            "summary.inactive",
            "summary.total_spend",
        }
    with pytest.raises(InputError, match=r"not_finite in 1 row \(row 3: inf\)"):
        RFMScorer.fit(
            library(frame.assign(frequency=[np.inf if i == 3 else 1.0 for i in range(400)]))
        )


def test_a_fit_needs_buyers_and_sound_options() -> None:
    frame = random_summary()
    for nobody in (frame.head(0), frame.assign(n_purchases=0)):
        with pytest.raises(InputError, match="no_purchases"):
            RFMScorer.fit(nobody)
    for bins in (1, 101, 5.0, True, "5"):
        with pytest.raises(InputError, match="bins must be a whole number from 2 to 100"):
            RFMScorer.fit(frame, bins=bins)
    with pytest.raises(InputError, match="segments must be a SegmentTable"):
        RFMScorer.fit(frame, segments={"Champions": 5})
    with pytest.raises(InputError, match="summary must be a pandas"):
        RFMScorer.fit([1, 2])


def test_values_too_large_for_quantiles_are_named(library) -> None:
    """Catches cuts that are no numbers: the distance of two values overflows."""
    frame = summary_of([(1.0, 1, 1.7e308), (2.0, 2, -1.7e308), (3.0, 3, 5.0)])
    with pytest.raises(InputError) as caught:
        RFMScorer.fit(library(frame))
    (fault,) = caught.value.faults
    assert (fault.column, fault.fault, fault.rows) == ("summary.total_spend", "too_large", 2)
    large = frame.assign(total_spend=[1e300, -1e300, np.nan])
    assert RFMScorer.fit(library(large), bins=2).monetary.cuts == (0.0,)
    fixed = {"monetary": [0.0]}  # nothing is computed from these
    scored = RFMScorer.fit(library(frame), cuts=fixed, bins={"recency": 2}).score(frame)
    assert scored["m_score"].tolist() == [2, 1, 2]


@pytest.mark.parametrize("cuts", [(1.0, 2.0), (3.0, 2.0, 1.0), (1.0, 2.0, np.inf)])
def test_an_axis_needs_rising_finite_cuts(cuts) -> None:
    with pytest.raises(InputError, match="4 scores need 3 finite cuts in rising order"):
        ScoreAxis("recency", "inactive", True, 4, cuts, (1, 1, 1, 1))


def test_numbers_of_numpy_are_numbers_of_scores() -> None:
    frame = pd.DataFrame({"inactive": [1.0, 2.0], "frequency": [1, 2], "total_spend": [1.0, 2.0]})
    plain = RFMScorer.fit(frame, 5, weights=(1, 2, 3))
    for bins in (np.int64(5), {name: np.int32(5) for name in ("recency", "frequency")}):
        assert RFMScorer.fit(frame, bins, weights=np.array([1, 2, 3]).tolist()) == plain
    fixed = RFMScorer.fit(frame, np.int64(5), cuts={"monetary": [1.0]}, segments=None)
    assert [axis.bins for axis in fixed.axes] == [5, 5, 2]
    assert RFMScorer.from_json(fixed.to_json()) == fixed


def test_every_option_that_cannot_be_followed_is_named_at_once() -> None:
    frame = pd.DataFrame({"inactive": [1.0], "frequency": [1], "total_spend": [1.0]})
    with pytest.raises(InputError) as caught:
        RFMScorer.fit(frame, bins=1, weights=(-1, 0, 0), method="x", segments="grid")
    found = [fault.fault for fault in caught.value.faults]
    assert found == ["not_a_segment_table", "not_a_method", "not_bins", "not_weights"]
