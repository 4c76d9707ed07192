"""What every room stands on: sums, distinct ids, tables, saved values, errors."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
import pickle
import subprocess
import sys
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crmvalue as cv
from crmvalue._frame import Table, enter, need
from crmvalue._keys import Keys, factorize, keys, places, take
from crmvalue._stats import check_conserved, round_to_cents, safe_sum, snap_zero
from crmvalue._table import Labels, table, to_pandas
from crmvalue._threads import BLOCK, by_blocks, side_by_side
from crmvalue._value import Value
from crmvalue.errors import ConservationError, FaultList, InputError, MissingExtraError
from crmvalue.tiers._thresholds import ThresholdTiers

MONEY = st.floats(-1e9, 1e9, allow_subnormal=False)


@given(st.lists(MONEY, max_size=50), st.randoms(use_true_random=False))
def test_safe_sums_do_not_depend_on_the_order(values, random):
    """Catches `np.sum` in place of `math.fsum`."""
    shuffled = list(values)
    random.shuffle(shuffled)
    assert safe_sum(values) == safe_sum(shuffled)


@given(st.lists(MONEY, min_size=1, max_size=50))
def test_rounded_cents_add_up_to_the_rounded_total(values):
    """Catches plain `np.round`: three times 1/3 gives .99."""
    rounded = round_to_cents(np.array(values))
    assert np.abs(rounded - np.array(values)).max() <= 0.01 + 1e-6
    assert round(safe_sum(rounded) * 100) == pytest.approx(
        round(safe_sum(np.array(values) * 100)), abs=1
    )


def test_thirds_of_a_cent_are_given_to_the_largest_remainders():
    assert round_to_cents(np.full(3, 1 / 3)).tolist() == [0.34, 0.33, 0.33]
    assert round_to_cents(np.array([0.29, 1.1, -0.29])).tolist() == [0.29, 1.1, -0.29]


def test_conservation_is_checked_to_half_a_cent():
    check_conserved("stage", 10.0, [4.0, 6.004])
    with pytest.raises(ConservationError, match="stage: the parts add up to"):
        check_conserved("stage", 10.0, [4.0, 6.006])
    with pytest.raises(ConservationError):
        check_conserved("stage", math.nan, [4.0, 6.0])


def test_sums_that_are_zero_but_for_rounding_are_zero():
    noise = 10.10 + 20.20 - 30.30
    assert noise != 0
    assert snap_zero(np.array([noise, 0.01]), np.array([60.6, 60.6])).tolist() == [0.0, 0.01]


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: cv.MBGNBD(r=0.2, alpha=4.0, a=0.8, b=2.4).sample(9, T=40.0, rng=rng),
        lambda rng: cv.BGBB(alpha=1.2, beta=0.7, gamma=0.6, delta=2.7).sample(9, n=6, rng=rng),
        lambda rng: cv.ShiftedBetaGeometric(alpha=0.7, beta=3.8).sample(9, periods=4, rng=rng),
        lambda rng: cv.datasets.simulate_transactions(9, rng=rng),
        lambda rng: cv.datasets.simulate_business(rng=rng, customers=30)["transactions"],
    ],
)
def test_a_seed_stands_for_its_generator(draw):
    pd.testing.assert_frame_equal(draw(3), draw(np.random.default_rng(3)))
    assert not draw(3).equals(draw(4))
    for odd in (None, -1, 1.0, True, "1"):
        with pytest.raises(InputError, match="rng must be a numpy Generator"):
            draw(odd)


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "int64", "uint8", "uint64"])
def test_whole_number_ids_of_any_width_come_back_as_they_were(kind):
    info = np.iinfo(kind)
    ids = np.array([info.max, info.min, info.max // 2, info.max], dtype=kind)
    for make in (pd.Series, pl.Series):
        found = factorize(nw.from_native(make(ids), series_only=True))
        assert found.values.to_list() == sorted(set(ids.tolist()))
        values = found.values.to_list()
        assert [values[code] for code in found.codes] == ids.tolist()


IDS = st.one_of(
    st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=30),
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1),
)


@given(IDS)
def test_ids_are_factorized_alike_in_every_library(ids):
    """Catches `return Keys(codes, values)` without ranking in `factorize`."""
    expected = sorted(set(ids))
    for backend in ("pandas", "polars", "pyarrow"):
        kind = nw.String() if isinstance(ids[0], str) else nw.Int64()
        found = factorize(nw.new_series("id", ids, kind, backend=backend))
        assert found.values.to_list() == expected
        assert [expected[code] for code in found.codes] == ids


@pytest.mark.parametrize("hashes", [[1, 1, 1, 1], [1, 2, 1, 1], [2**63, 1, 2**63, 1], [5, 1, 5, 9]])
def test_a_hash_collision_is_seen(monkeypatch, hashes):
    """ "b", "a", "b", "c": all share a hash, or two of the three, or only a slot, or nothing."""
    series = nw.new_series("id", ["b", "a", "b", "c"], nw.String(), backend="polars")
    table = dict(zip(["b", "a", "b", "c"], hashes, strict=True))
    monkeypatch.setattr(
        pl.Series, "hash", lambda self: pl.Series([table[t] for t in self], dtype=pl.UInt64)
    )
    assert factorize(series).values.to_list() == ["a", "b", "c"]
    assert factorize(series).codes.tolist() == [1, 0, 1, 2]


def test_ids_are_found_across_libraries_and_types_must_agree():
    known = factorize(nw.new_series("id", ["a", "c"], nw.String(), backend="pandas"))
    other = nw.new_series("id", ["c", "b"], nw.String(), backend="polars")
    assert known.find(other).tolist() == [1, -1]
    with pytest.raises(InputError, match="ids of different types"):
        known.find(nw.new_series("id", [1, 2], nw.Int64(), backend="pandas"))
    assert isinstance(known, Keys)


def test_what_is_not_found_takes_the_missing_value():
    """Catches values taken at -1, which are those of the last id."""
    among = nw.new_series("id", ["a", "c"], nw.String(), backend="pandas")
    at = places(nw.new_series("id", ["c", "b", "a"], nw.String(), backend="polars"), among)
    assert at.tolist() == [1, -1, 0]
    assert take(np.array([5, 7]), at).tolist() == [7, -1, 5]
    np.testing.assert_array_equal(take(np.array([5.0, 7.0]), at, np.nan), [7.0, np.nan, 5.0])
    assert take(np.array([True, True]), at, False).tolist() == [True, False, True]


def test_every_row_of_a_repeated_id_counts_and_none_without_one():
    """Catches the first row of an id left out, and missing ids that count as equal."""
    ids = pd.Series(["a", None, "b", "a", None], dtype="object")
    found = keys(nw.from_native(ids, series_only=True), FaultList(), column="id")
    assert found.repeated.tolist() == [True, False, False, True, False]
    once = keys(nw.from_native(ids[:3], series_only=True), FaultList(), column="id")
    assert not once.repeated.any()


def test_a_table_gathers_its_faults():
    given_table = Table(
        pd.DataFrame({"id": ["a", None], "x": [1.0, np.inf], "t": ["x", "y"]}), "costs", ["id"]
    )
    given_table.keys("id")
    given_table.numbers("x", minimum=2.0)
    given_table.numbers("t")
    with pytest.raises(InputError) as caught:
        given_table.finish()
    assert [f.fault for f in caught.value.faults] == [
        *("missing_id", "missing_or_not_finite", "too_small", "not_a_number")
    ]
    assert str(caught.value).startswith("costs can't be used:")


def test_raw_numbers_keep_whole_ones_as_they_are(library):
    """Catches a frame's whole numbers passed over to turn them into floats."""
    frame = library(pd.DataFrame({"whole": [3, -1], "half": [0.5, np.inf], "text": ["x", "y"]}))
    data = Table(frame, "values")
    whole, half = data.raw_numbers("whole"), data.raw_numbers("half")
    assert (whole.dtype, whole.tolist()) == (np.int64, [3, -1])
    assert (half.dtype, half.tolist()) == (np.float64, [0.5, np.inf])
    assert not data.faults
    data.raw_numbers("text")
    assert [(fault.fault, fault.column) for fault in data.faults] == [
        ("not_a_number", "values.text")
    ]


@pytest.mark.parametrize("dtype", ["Int64", "int64[pyarrow]"])
@pytest.mark.parametrize("missing", [[], [None]])
def test_whole_numbers_of_every_type_of_pandas_are_read(dtype, missing):
    """Catches the cast of Arrow's, which refuses a number that no float is equal to."""
    data = Table(pd.DataFrame({"points": pd.array([2**60 + 1, 5, *missing], dtype)}), "values")
    read = data.numbers("points", null=True)
    np.testing.assert_array_equal(read, [2.0**60, 5.0, *[np.nan] * len(missing)])


@pytest.mark.parametrize("rows", [0, 1, BLOCK, 2 * BLOCK + 1])
def test_work_on_blocks_of_rows_meets_every_row_once(rows):
    seen = by_blocks(np.arange(rows).__getitem__, rows)
    np.testing.assert_array_equal(np.concatenate([[], *seen]), np.arange(rows))


def test_work_side_by_side_keeps_its_order_and_its_errors():
    def work(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        return -item

    for rows in (1, BLOCK):
        assert side_by_side(work, iter([2, 0, 1]), rows=rows) == [-2, 0, -1]
        assert side_by_side(work, [], rows=rows) == []
        with pytest.raises(ValueError, match="three"):
            side_by_side(work, [1, 3], rows=rows)


def test_labels_may_point_through_a_short_array(library):
    frame = enter(library(pd.DataFrame({"a": [1]})), "frame")
    labels = Labels(np.array([2, 0, 1, -1], dtype=np.int8), ["x", "y"], via=np.array([1, -1, 0]))
    built = to_pandas(table({"label": labels}, like=frame))["label"]
    assert built.astype(object).where(built.notna(), None).tolist() == ["x", "y", None, None]
    assert built.cat.categories.tolist() == ["x", "y"]


def test_decimals_are_money_in_every_library(library):
    frame = pd.DataFrame({"x": [Decimal("1.25"), Decimal("-2.50")]})
    assert Table(library(frame), "t").numbers("x").tolist() == [1.25, -2.5]


def test_tables_leave_in_the_library_they_came_in(library):
    like = enter(library(pd.DataFrame({"a": [1]})), "t")
    made = table(
        {
            "id": ["x", "y"],
            "n": np.array([1, 2]),
            "v": np.array([1.5, np.nan]),
            "day": np.array(["2024-01-01", "NaT"], dtype="datetime64[D]"),
            "tier": Labels(np.array([1, -1]), ["gold", "steel"]),
            "flag": np.array([True, False]),
            "none": [None, None],
        },
        like,
    )
    back = to_pandas(made)
    assert back["id"].tolist() == ["x", "y"]
    assert back["n"].dtype == np.int64
    assert back["v"].isna().tolist() == [False, True]
    assert back["day"].iloc[0] == pd.Timestamp("2024-01-01")
    assert back["day"].isna().tolist() == [False, True]
    assert back["tier"].astype(object).where(back["tier"].notna(), None).tolist() == ["steel", None]
    assert back["flag"].tolist() == [True, False]
    assert back["none"].isna().all()


@dataclass(frozen=True, eq=False)
class Sample(Value):
    number: float
    name: str
    rows: tuple[Any, ...]
    when: dt.date
    array: Any
    inner: Any = None


def sample(number: float = math.inf) -> Sample:
    array = np.array([1.0, math.nan, 3.0])
    inner = cv.BGNBD(r=0.2, alpha=4.0, a=0.8, b=2.4)
    return Sample(number, "x", ((1, "a"), (2.5, None)), dt.date(2024, 1, 1), array, inner)


SAVED = sample().to_dict()


def test_a_value_comes_back_from_json_as_it_was():
    value = sample()
    text = value.to_json()
    json.loads(text)  # plain JSON: no Infinity, no NaN
    again = Sample.from_json(text)
    assert again == value
    assert hash(again) == hash(value)
    assert again.to_json() == text
    assert again.rows == value.rows
    assert again.inner == value.inner
    assert isinstance(Value.from_json(text), Sample)
    assert sample(1.0) != value
    assert value != "x"
    assert "<code>" in value._repr_html_()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "expects the mapping that to_dict gives"),
        ({"type": "GammaGamma"}, "expected a saved Sample, got 'GammaGamma'"),
        ({"type": "Nothing"}, "expected a saved Sample, got 'Nothing'"),
        ({"type": "Sample", "format": 99}, "saved by a newer crmvalue"),
        ({"type": "Sample", "format": "new"}, "is a whole number; got 'new'"),
        ({"type": "Sample", "format": None}, "is a whole number; got None"),
        ({"type": "Sample", "format": True}, "is a whole number; got True"),
        ({"type": "Sample", "number": 1, "odd": 2}, "not known \\['odd'\\]"),
        ({"type": "Sample"}, "missing \\['array', 'name', 'number', 'rows', 'when'\\]"),
        ({**SAVED, "odd": 2}, "missing \\[\\], not known \\['odd'\\]"),
    ],
)
def test_what_is_not_a_saved_value_is_refused(data, words):
    with pytest.raises(InputError, match=words):
        Sample.from_dict(data)


def test_a_field_that_came_after_the_file_takes_its_default():
    older = {name: part for name, part in SAVED.items() if name not in ("format", "inner")}
    assert Sample.from_dict(older) == dataclasses.replace(sample(), inner=None)
    log = cv.datasets.load_cdnow(sample=True)
    scorer = cv.RFMScorer.fit(cv.customer_summary(log))

    def as_before(part):
        """As it was saved before scorers had further axes and tables of segments had notes."""
        if isinstance(part, dict):
            later = ("extra", "weights", "notes", "nested")
            return {k: as_before(v) for k, v in part.items() if k not in later}
        return [as_before(v) for v in part] if isinstance(part, list) else part

    again = cv.RFMScorer.from_dict(as_before(scorer.to_dict()))
    bare = dataclasses.replace(scorer.segments, notes={})
    assert again == dataclasses.replace(scorer, segments=bare)


def test_text_that_is_not_json_is_refused():
    for text in ("{", b"\xff", "[" * 100_000):
        with pytest.raises(InputError, match="text that is not JSON"):
            Sample.from_json(text)
    for nothing in (None, 3, SAVED):
        with pytest.raises(InputError, match=r"(?s)takes the text that to_json gave.*read it from"):
            cv.RFMScorer.from_json(nothing)
    with pytest.raises(InputError, match="expected a saved ThresholdTiers"):
        ThresholdTiers.from_json('{"type": "ThresholdTiers"}')  # what others are made of is none


def test_a_result_in_the_place_of_a_frame_names_its_tables():
    values = pd.DataFrame(
        {
            "customer_id": [1, 2],
            "tier": ["gold", "lead"],
            "value": [9.0, 1.0],
            "probability_alive": [0.5, 0.5],
        }
    )
    risk = cv.gold_at_risk(values, value="value")
    moved = cv.migration(values, values)
    value = cv.value_customers(cv.datasets.load_cdnow(sample=True))
    for thing, tables in (
        (risk, r"got GoldAtRisk\. Cure: pass one of its tables: \.customers, \.tiers$"),
        (moved, r"got Migration\..* \.counts, .*\.movements, .*\.value_flow$"),
        (value, r"got CustomerValue\..* \.concentration, \.customers, \.statement, \.tiers$"),
        (cv.GammaGamma(p=6, q=4, gamma=15), r"got GammaGamma\. Cure: build one"),
        (5, r"got int\. Cure: build one, for example with pandas"),
    ):
        with pytest.raises(InputError, match=tables):
            enter(thing, "values")


def test_a_file_that_was_edited_is_one_error():
    """Catches a traceback out of the middle of a constructor."""
    saved = cv.RFMScorer.fit(cv.customer_summary(cv.datasets.load_cdnow(sample=True))).to_dict()
    marks = ({"map": 3}, {"float": "x"}, {"date": "x"}, {"array": [[1], [1, 2]]})
    for odd in (None, "x", [None], *marks):
        for place in ("bins", "cuts"):
            recency = {**saved["recency"], place: odd}
            with pytest.raises(InputError):
                cv.RFMScorer.from_dict({**saved, "recency": recency})
    with pytest.raises(InputError, match="no saved GammaGamma any more: could not convert"):
        cv.GammaGamma.from_dict(
            {**cv.GammaGamma(p=6, q=4, gamma=15).to_dict(), "p": {"float": "x"}}
        )


def test_an_error_keeps_its_faults_through_pickle():
    faults = FaultList()
    faults.add("missing", column="x", rows=2, examples="row 1", expected="fill them")
    with pytest.raises(InputError) as caught:
        faults.raise_if_any("the table")
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert again.faults == caught.value.faults


def test_a_missing_extra_is_named():
    with pytest.raises(MissingExtraError, match=r"pip install 'crmvalue\[plot\]'"):
        need("no_such_module", "plot", "drawing")


def test_every_error_raised_on_purpose_is_in_one_place():
    for name in cv.errors.__all__:
        kind = getattr(cv.errors, name)
        if issubclass(kind, Exception):
            base = (
                cv.errors.CrmvalueWarning if issubclass(kind, Warning) else cv.errors.CrmvalueError
            )
            assert issubclass(kind, base)


def test_the_front_door_loads_neither_matplotlib_nor_scikit_learn_nor_pytest():
    code = (
        "import sys, crmvalue, crmvalue.testing; "
        "print(sorted({m.split('.')[0] for m in sys.modules} "
        "& {'matplotlib', 'sklearn', 'duckdb', 'lifetimes', 'pytest'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_public_name_is_there_and_documented():
    for name in cv.__all__:
        assert getattr(cv, name).__doc__, name


def test_a_table_of_pandas_shares_no_changes_with_what_it_was_made_of():
    """Catches an id or an array of the caller's that a change of the result writes to."""
    given = pd.DataFrame({"customer_id": [1, 2]}, index=[7, 8])
    values = np.array([0.5, 1.5])
    made = table({"customer_id": enter(given, "given")["customer_id"], "value": values})
    made.loc[0, "customer_id"], made.loc[0, "value"] = 9, 9.0
    assert (given["customer_id"].tolist(), values.tolist()) == ([1, 2], [0.5, 1.5])
    given.loc[8, "customer_id"] = values[1] = 4
    assert (made["customer_id"].tolist(), made["value"].tolist()) == ([9, 2], [9.0, 1.5])


def test_a_column_without_rows_keeps_its_type_in_every_library(library):
    """Catches ids of nobody that leave as text, and then can't be joined with numbers."""
    none = pd.DataFrame({"customer_id": pd.Series([], dtype="int64")})
    for like in (none, pl.from_pandas(none)):
        frame = enter(library(none), "none")
        source = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
        made = table({"customer_id": source["customer_id"]}, like=enter(like, "like"))
        assert nw.from_native(made).schema["customer_id"] == nw.Int64
