"""Clusters of customers: found once, ordered by value, and the same for whoever is scored."""

from __future__ import annotations

import itertools
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_info, threadpool_limits

from crmvalue._table import to_pandas
from crmvalue._value import Value
from crmvalue.errors import InputError, MissingExtraError
from crmvalue.tiers._k_means import Points, distances, jaccard, silhouette
from crmvalue.tiers.clusters import ValueClusters

COLUMNS = ["inactive", "frequency", "spend"]


def business(size: int = 60, seed: int = 0) -> pd.DataFrame:
    """Three kinds of customers far apart, in mixed order."""
    rng = np.random.default_rng(seed)
    kind = rng.permutation(np.arange(size) % 3)
    spread = rng.uniform(0.9, 1.1, (3, size))
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:03d}" for i in range(size)],
            "inactive": np.array([50.0, 10.0, 1.0])[kind] * spread[0],
            "frequency": np.array([1, 5, 30])[kind],
            "spend": np.array([20.0, 300.0, 4000.0])[kind] * spread[2],
            "kind": kind,
        }
    )


points = st.lists(
    st.tuples(st.integers(-6, 30).map(lambda k: k / 2), st.integers(0, 5)), min_size=1, max_size=14
)


def test_clusters_that_are_there_are_found_and_ordered_by_value() -> None:
    frame = business()
    clusters = ValueClusters.fit(frame, COLUMNS, rng=1)
    assert clusters.k == 3
    assert clusters.by == "spend"
    found = clusters.assign(frame)["cluster"].astype(str)
    assert found.tolist() == [str(3 - kind) for kind in frame["kind"]]
    choice = clusters.choice
    assert choice.columns.tolist() == ["k", "inertia", "silhouette", "chosen"]
    assert choice["k"].tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert choice.loc[choice["chosen"], "k"].tolist() == [3]
    assert choice["silhouette"].idxmax() == 1
    assert (choice["inertia"].diff().dropna() < 0).all()
    by_time = ValueClusters.fit(frame, COLUMNS, by="inactive", k=3, rng=1)
    assert by_time.assign(frame)["cluster"].tolist() == [str(1 + kind) for kind in frame["kind"]]
    assert by_time.choice["chosen"].tolist() == [True]
    assert repr(by_time) == "ValueClusters(3 clusters by inactive on inactive, frequency, spend)"
    other = ValueClusters.fit(frame.assign(profit=-frame["spend"]), COLUMNS, by="profit", rng=1)
    assert other.assign(frame)["cluster"].tolist() == by_time.assign(frame)["cluster"].tolist()


def test_profile_and_stability() -> None:
    frame = business()
    clusters = ValueClusters.fit(frame, COLUMNS, rng=1)
    profile = clusters.profile(frame)
    assert profile["cluster"].tolist() == ["1", "2", "3"]
    assert profile["customers"].tolist() == [20, 20, 20]
    assert profile["value"].is_monotonic_decreasing
    assert np.isclose(profile["value"].sum(), frame["spend"].sum())
    assert np.isclose(profile["share_of_value"].sum(), 1)
    best = frame[frame["kind"] == 2]
    assert np.isclose(profile["mean_spend"][0], best["spend"].mean())
    assert profile["median_inactive"][0] == best["inactive"].median()
    assert profile["median_frequency"].tolist() == [30, 5, 1]
    few = clusters.profile(best.drop(columns="kind"))
    assert few["customers"].tolist() == [20, 0, 0]
    assert few[["mean_spend", "median_spend"]].iloc[1:].isna().all(axis=None)
    # What is really there comes again; two clusters where there are three do not as well.
    stable = clusters.stability(frame, 20, rng=1)
    assert stable.columns.tolist() == ["cluster", "customers", "jaccard", "recovered", "dissolved"]
    assert (stable["jaccard"] == 1).all()
    assert (stable["recovered"] == 1).all()
    assert (stable["dissolved"] == 0).all()
    cut = ValueClusters.fit(frame, COLUMNS, k=6, rng=1).stability(frame, 20, rng=1)
    assert (cut["jaccard"] < 0.99).any()
    assert cut["customers"].sum() == 60
    assert cut["jaccard"].between(0, 1).all()
    pd.testing.assert_frame_equal(stable, clusters.stability(frame[::-1], 20, rng=1))


@settings(max_examples=8)
@given(points, st.randoms(use_true_random=False), st.sampled_from(["standard", "robust"]))
def test_clusters_hang_on_no_order_of_rows_and_equals_never_part(rows, random, scale) -> None:
    """Catches k-means on the rows as they come, in place of the distinct ones in order."""
    frame = pd.DataFrame(rows, columns=["a", "b"])
    one = ValueClusters.fit(frame, ["a", "b"], scale=scale, rng=2)
    shuffled = rows[:]
    random.shuffle(shuffled)
    assert (
        ValueClusters.fit(
            pd.DataFrame(shuffled, columns=["a", "b"]), ["a", "b"], scale=scale, rng=2
        )
        == one
    )
    found = one.assign(frame)["cluster"].tolist()
    assert len(set(zip(rows, found, strict=True))) == len(set(rows))
    # The same for each alone, and after a journey as JSON.
    again = Value.from_json(one.to_json())
    assert again == one
    assert isinstance(again, ValueClusters)
    assert again.assign(frame.head(1))["cluster"].tolist() == found[:1]
    assert again.choice.equals(one.choice)
    # Ordered by value: the means of b fall.
    means = one.profile(frame)["mean_b"].dropna()
    assert (means.diff().dropna() <= 1e-9).all()


@settings(max_examples=30)
@given(points, st.data())
def test_the_silhouette_is_that_of_scikit_learn(rows, data) -> None:
    """Catches a customer who counts among the others of their own cluster: ``size`` for ``- 1``."""
    places, counts = np.unique(np.array(rows, dtype=float), axis=0, return_counts=True)
    codes = np.array(
        data.draw(st.lists(st.integers(0, 3), min_size=len(places), max_size=len(places)))
    )
    found = silhouette(distances(Points(places, counts)), counts, codes)
    labels, everybody = np.repeat(codes, counts), np.repeat(places, counts, axis=0)
    if 2 <= len(set(codes.tolist())) < len(labels):
        assert np.isclose(found, silhouette_score(everybody, labels))
    else:
        assert np.isnan(found) or found == 0


def test_jaccard_by_hand() -> None:
    codes, others, counts = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), np.array([3, 1, 2, 2])
    # 3 of 4 came again whole; of the 4 of the second all came, with one more.
    assert jaccard(codes, others, counts, 3)[:2].tolist() == [0.75, 0.8]
    assert np.isnan(jaccard(codes, others, counts, 3)[2])


def test_every_library_gives_the_same(library) -> None:
    frame = business().drop(columns="kind")
    expected = ValueClusters.fit(frame, COLUMNS, rng=np.random.default_rng(4))
    clusters = ValueClusters.fit(library(frame), COLUMNS, rng=4)
    assert clusters == expected
    gaps = frame.assign(spend=frame["spend"].mask(frame.index == 2), _x0=1, cluster="old")
    assigned = clusters.assign(library(gaps))
    wanted = expected.assign(gaps)
    assert wanted["cluster"].isna().tolist() == [i == 2 for i in range(60)]
    assert wanted.columns.tolist() == gaps.columns.tolist()
    if isinstance(assigned, pl.LazyFrame):
        assigned = assigned.collect()
    got = to_pandas(assigned).sort_values("customer_id", ignore_index=True)
    assert got["cluster"].astype(object).where(got["cluster"].notna(), None).tolist() == (
        wanted["cluster"].astype(object).where(wanted["cluster"].notna(), None).tolist()
    )
    for name, options in (("profile", {}), ("stability", {"n": 5, "rng": 1})):
        table = to_pandas(getattr(clusters, name)(library(frame), **options))
        pd.testing.assert_frame_equal(
            table.astype({"cluster": str}),
            getattr(expected, name)(frame, **options).astype({"cluster": str}),
        )


def test_labels_are_categories_and_queries_stay_queries() -> None:
    frame = business().drop(columns="kind")
    clusters = ValueClusters.fit(frame, COLUMNS, rng=1)
    labels = clusters.assign(frame)["cluster"].dtype
    assert labels.categories.tolist() == ["1", "2", "3"]
    assert isinstance(clusters.assign(pl.from_pandas(frame).lazy()), pl.LazyFrame)


@pytest.mark.parametrize("rows", [0, 60])
def test_the_categories_are_the_clusters_whoever_is_there(library, rows) -> None:
    """Catches the columns of an empty frame as categories."""
    frame = business().drop(columns="kind")
    clusters = ValueClusters.fit(frame, COLUMNS, rng=1)
    found = nw.from_native(clusters.assign(library(frame.head(rows))))
    dtype = found.collect_schema()["cluster"]
    if isinstance(dtype, nw.Enum):
        categories = list(dtype.categories)
    else:  # pyarrow, in the order in which they come
        categories = sorted(found["cluster"].cat.get_categories().to_list())
    assert categories == ["1", "2", "3"]


def test_threads_that_fit_side_by_side_leave_the_settings_of_the_process(monkeypatch) -> None:
    """Catches searches that are not done one at a time: leave out ``_LOCK``."""
    search, place, together = KMeans.fit, itertools.count(), Barrier(4, timeout=0.3)

    def slow(self, *args, **options):
        wait = 0.05 * next(place)  # who begins first ends first
        with suppress(BrokenBarrierError):  # it breaks where one waits for those who may not begin
            together.wait()
            time.sleep(wait)
        return search(self, *args, **options)

    def fit(seed: int) -> ValueClusters:
        return ValueClusters.fit(business(30), COLUMNS, k=3, rng=seed)

    alone = [fit(seed) for seed in range(4)]
    monkeypatch.setattr(KMeans, "fit", slow)
    with threadpool_limits(2):
        filters, threads = list(warnings.filters), threadpool_info()
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(fit, range(4))) == alone
        assert list(warnings.filters) == filters
        assert threadpool_info() == threads


def test_ties_constants_and_few_customers() -> None:
    one = pd.DataFrame({"a": [5.0], "b": [2]})
    clusters = ValueClusters.fit(one, ["a", "b"], rng=1)
    assert clusters.k == 1
    assert clusters.choice[["k", "inertia"]].values.tolist() == [[1, 0]]
    assert clusters.choice["silhouette"].isna().all()
    assert clusters.choice["chosen"].tolist() == [True]
    assert clusters.assign(one)["cluster"].tolist() == ["1"]
    assert clusters.stability(one, 3, rng=1)["jaccard"].tolist() == [1]
    constant = pd.DataFrame({"a": [0.1] * 50, "b": [7] * 50})
    assert ValueClusters.fit(constant, ["a", "b"], rng=1).k == 1
    # 80 % have one purchase; a constant column moves nobody.
    heavy = pd.DataFrame({"orders": [1] * 80 + [2] * 15 + [40] * 5, "same": 0.1})
    for scale in ("standard", "robust"):
        clusters = ValueClusters.fit(heavy, ["same", "orders"], scale=scale, rng=1)
        assert clusters.choice["k"].tolist() == [2, 3]
        found = clusters.assign(heavy)["cluster"].astype(str)
        assert found.iloc[0] == str(clusters.k)
        assert found.iloc[-1] == "1"
    with pytest.raises(InputError, match="k is 4, but only 3 of the customers differ"):
        ValueClusters.fit(heavy, ["orders"], k=4, rng=1)
    assert ValueClusters.fit(heavy, ["orders"], k=3, rng=1).k == 3
    assert ValueClusters.fit(heavy, "orders", k=1, rng=1).k == 1


def test_losses_keep_their_sign_on_the_log_scale() -> None:
    frame = pd.DataFrame({"profit": [-1000.0, -900.0, -1100.0, 0.0, 1.0, 900.0, 1000.0, 1100.0]})
    clusters = ValueClusters.fit(frame, ["profit"], k=3, rng=1)
    assert clusters.assign(frame)["cluster"].tolist() == ["3"] * 3 + ["2"] * 2 + ["1"] * 3
    plain = ValueClusters.fit(frame, ["profit"], k=3, log=False, rng=1)
    assert [axis.logged for axis in plain.axes] == [False]
    mixed = ValueClusters.fit(frame.assign(a=1.0), ["a", "profit"], k=2, log="a", rng=1)
    assert [axis.logged for axis in mixed.axes] == [True, False]
    far = pd.DataFrame({"v": [1e299, -1e299, 1e299, 3.0]})
    for log in (True, False):
        assert (
            ValueClusters.fit(far, ["v"], k=2, log=log, rng=1).assign(far)["cluster"].notna().all()
        )


def test_rows_within_rounding_of_each_other_share_a_cluster() -> None:
    near = pd.DataFrame({"v": [1.0, 1.0 + 2e-16, 1.0 + 1e-15, 1e6, 1e6 + 1e-9]})
    clusters = ValueClusters.fit(near, ["v"], log=False, rng=1)
    assert clusters.choice["k"].tolist() == [2]
    assert clusters.assign(near)["cluster"].tolist() == ["2"] * 3 + ["1"] * 2


def test_large_data_are_sampled_for_the_silhouette_only(monkeypatch) -> None:
    monkeypatch.setattr("crmvalue.tiers._cluster_search.SHOWN", 200)
    frame = pd.concat([business(120, seed) for seed in range(3)], ignore_index=True)
    clusters = ValueClusters.fit(frame, COLUMNS, rng=1)
    assert clusters == ValueClusters.fit(frame[::-1], COLUMNS, rng=1)
    assert clusters.k == 3
    assert clusters.profile(frame)["customers"].sum() == len(frame)


def test_every_fault_is_named(library) -> None:
    frame = pd.DataFrame({"a": [1.0, np.nan], "b": [np.inf, 1.0]})
    with pytest.raises(InputError) as caught:
        ValueClusters.fit(library(frame), ["a", "b"], rng=1)
    assert {f.column for f in caught.value.faults} == {"values.a", "values.b"}
    with pytest.raises(InputError, match="at least one customer"):
        ValueClusters.fit(library(frame.head(0)), ["a", "b"], rng=1)
    with pytest.raises(InputError, match="values lacks the column 'c'"):
        ValueClusters.fit(library(frame), ["a", "c"], rng=1)
    clusters = ValueClusters.fit(business(), COLUMNS, k=2, rng=1)
    with pytest.raises(InputError, match="values lacks the columns 'inactive', 'frequency'"):
        clusters.assign(library(pd.DataFrame({"spend": [1.0]})))
    with pytest.raises(InputError, match="not_a_number"):
        clusters.assign(library(pd.DataFrame({name: ["x"] for name in COLUMNS})))
    nobody = to_pandas(clusters.assign(library(business().head(0))))
    assert nobody.empty
    assert "cluster" in nobody
    with pytest.raises(InputError, match="at least 2 draws"):
        clusters.stability(library(business()), 1, rng=1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"columns": []}, "one or more different columns"),
        ({"columns": ["spend", "spend"]}, "one or more different columns"),
        ({"k": 0}, "at least 1 cluster"),
        ({"k": 2.0}, "at least 1 cluster"),
        ({"log": ["kind"]}, "log must be True, False"),
        ({"scale": "minmax"}, "'standard' or 'robust'"),
        ({"rng": None}, "rng must be a numpy Generator"),
        ({"by": 3}, "name of a column"),
    ],
)
def test_options_are_checked(options, said) -> None:
    with pytest.raises(InputError, match=said):
        ValueClusters.fit(business(), **{"columns": COLUMNS, "rng": 1, **options})


def test_scikit_learn_is_asked_for_by_its_extra(monkeypatch) -> None:
    clusters = ValueClusters.fit(business(), COLUMNS, k=2, rng=1)
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(MissingExtraError, match=r"crmvalue\[ml\]"):
        ValueClusters.fit(business(), COLUMNS, rng=1)
    # What was fitted needs it no more.
    assert len(clusters.assign(business())) == 60
