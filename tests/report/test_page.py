from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmvalue.errors import InputError
from crmvalue.report import render, to_html
from crmvalue.report.contents import SECTIONS
from crmvalue.report.labels import period_name

Tables = dict[str, Any]
HOSTILE = "</script><b>=1+1\u2028&amp;'\""
EIGHT_MB = 8_000_000
DATA = re.compile('<script type="application/json" id="customer-data">(.*?)</script>', re.DOTALL)


class Page(HTMLParser):
    """The text of a page by element, and what in it points elsewhere."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.outside: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name in ("src", "href", "action", "srcset") and not str(value).startswith(
                ("#", "data:,")
            ):
                self.outside.append(f"{tag} {name}={value}")


def data_of(html: str) -> dict[str, dict[str, Any]]:
    found = DATA.search(html)
    assert found
    return {column["name"]: column for column in json.loads(found[1])}


def test_page_is_whole_and_points_nowhere(tables: Tables) -> None:
    html = render(tables)
    page = Page(html)
    assert page.outside == []
    assert "http:" not in html
    assert "https:" not in html
    assert len(page.ids) == len(set(page.ids))
    assert {section.name for section in SECTIONS} <= set(page.ids)
    assert page.tags.count("svg") == page.tags.count("figcaption") == 11
    for section in SECTIONS:
        assert section.absent not in html


def test_headline_stands_first_and_says_its_figures(tables: Tables) -> None:
    html = render(tables)
    assert [html.index(f'id="{section.name}"') for section in SECTIONS] == sorted(
        html.index(f'id="{section.name}"') for section in SECTIONS
    )
    for figure in ("2,500,316", "81\xa0%", "1.2 years", "The cost ledger is illustrative."):
        assert figure in html


def test_same_text_from_every_library(
    tables: Tables, library: Callable[[pd.DataFrame], Any]
) -> None:
    few = {name: tables[name] for name in ("facts", "tiers", "segments", "left_out", "customers")}
    same = {name: library(frame) for name, frame in few.items()}
    assert render(same) == render(few)


def test_costs_are_told_in_words(tables: Tables) -> None:
    html = render(tables)
    for sentence in (
        "Customers contribute 200.00; the operating profit is 150.00 (17\xa0% of revenue).",
        "25\xa0% of the cost would stand at the wrong customers, and 40 customers would look",
        "2 customers cost more than they bring, 15.00 together.",
        "The same volume in fewer orders alone would bring 1 of them to break-even",
    ):
        assert sentence in html


def test_moves_cohorts_and_what_follows_are_told_in_words(tables: Tables) -> None:
    html = render(tables).replace("\xa0", " ")
    for sentence in (
        "Of 290 customers then, 23 moved up, 25 moved down and 12 left; 21 joined and 1 came back.",
        "The lifetime value of all was 3,120.00 and is 4,680.00 now.",
        "The first 20 of 30; the table has them all.",
        "33 % of customers bought in the month after that of their first purchase.",
        "The first cohort has brought 19.00 a customer so far, 10.00 of it in its first month.",
        "The first 20 of 25; the table has them all.",
        "would bring 40,000 next year; with the probability that some have left, 8,000 of it",
        "at least 500",
    ):
        assert sentence in html
    assert "W19" in html
    assert "W20" not in html
    assert "Orders that close it" not in html  # null for everybody


def test_a_band_is_told_under_both_tables_that_it_touches(tables: Tables) -> None:
    """Catches a list of who is nearest to gold that contradicts the table of tiers."""
    assert "band of" not in render(tables)
    band = pd.DataFrame({"item": ["band"], "value": ["0.1"]})
    tiers = tables["tiers"].assign(threshold=[104.0, 0.0, np.nan])
    given = {**tables, "facts": pd.concat([tables["facts"], band]), "tiers": tiers}
    html = render(given).replace("\xa0", " ")
    for sentence in (
        "A band of 10 % was used: who had a tier",
        "steel rises to gold from 114.40 and gold falls below 93.60.",
        "What lacks to gold is counted to 114.40, the threshold of gold and the band of 10 %",
        "Band about the thresholds</th><td>10 %</td>",
    ):
        assert sentence in html, sentence
    nobody = render({**given, "tiers": tiers.assign(threshold=np.nan)}).replace("\xa0", " ")
    assert "band of 10" not in nobody  # nobody is gold: there is no threshold to speak of


def test_a_watch_list_without_causes_or_customers(tables: Tables) -> None:
    watched = tables["watch_list"].assign(cause="unknown", orders_before=None, orders_after=None)
    html = render({"watch_list": watched})
    assert "W0" in html
    assert "Likely cause" not in html
    assert "Who stepped down" in html
    assert "Nobody stepped down" in render({"watch_list": watched.head(0)})


def test_one_cohort_of_one_period(tables: Tables) -> None:
    html = render({"cohorts": tables["cohorts"].head(1)})
    assert "The first cohort has brought 10.00 a customer so far" in html
    assert "of customers bought in the" not in html


def test_without_gold_nothing_of_gold_is_at_risk(tables: Tables) -> None:
    risk = tables["gold_at_risk"].assign(share_at_risk=np.nan)
    assert "Nobody is gold" in render({"gold_at_risk": risk})


def test_every_section_says_why_it_is_empty() -> None:
    html = render({})
    for section in SECTIONS:
        assert section.absent in html.replace("&#39;", "'")


def test_lines_missing_from_the_lifetime_value_are_named(tables: Tables) -> None:
    customers = tables["customers"].assign(cost_of_goods=-1.0, discount=0.0, service_cost=0.0)
    given = {"headline": tables["headline"], "customers": customers}
    assert "The lifetime value counts no discounts or service cost, for none was given." in render(
        given
    )
    given["customers"] = customers.assign(discount=-2.0, service_cost=-0.5)
    assert "The lifetime value counts no" not in render(given)


def test_period_of_tracking_is_read_from_its_dates(tables: Tables) -> None:
    tracking = tables["tracking"]
    facts = pd.DataFrame({"item": ["unit"], "value": ["days"]})
    assert "Repeat purchases week by week" in render({"tracking": tracking, "facts": facts})
    days = tracking.assign(end_date=pd.date_range("2024-01-01", periods=len(tracking)))
    assert "Repeat purchases day by day" in render({"tracking": days})
    assert "Repeat purchases period by period" in render({"tracking": days[::3]})


def test_nothing_left_out_is_said(tables: Tables) -> None:
    empty = {name: tables[name].head(0) for name in ("left_out", "faults")}
    html = render({"quality": tables["quality"], **empty})
    assert "Nothing was left out of the log." in html
    assert "No faults were found in the log." in html


def test_statement_of_revenue_alone_is_no_profit_and_loss(tables: Tables) -> None:
    statement = tables["statement_by_tier"]
    revenue = statement[statement["line"] == "net_revenue"]
    again = revenue.assign(line="contribution")
    html = render({"statement_by_tier": pd.concat([revenue, again])})
    assert "There is no profit and loss, because no costs were given." in html


def test_error_of_the_holdout_in_words(tables: Tables) -> None:
    html = render(tables).replace("\xa0", " ")
    assert "16,800 expected, 15,000 happened. The model overstates by 12 %." in html
    assert "114 expected, 120 happened. The model understates by 5.0 %." in html
    assert "Error per customer: 0.61." in html


def test_printed_money_of_tiers_adds_up(tables: Tables) -> None:
    """Catches rounding each tier by itself: leave out ``add_up`` in `_tiers`."""
    shown = render({"tiers": tables["tiers"]})
    rows = re.findall(r'<th scope="row">(?:gold|steel|lead)</th>(.*)</tr>', shown)
    revenue = [re.findall(r'"number">([^<]*)<', row)[3] for row in rows]
    assert revenue == ["60,001", "30,000", "10,000"]


def test_the_column_profit_has_one_name_and_it_is_not_that_of_what_is_left_at_the_end(
    tables: Tables,
) -> None:
    """Catches one word for the sum of customers and for the sum less what none of them causes."""
    tier_by = pd.DataFrame({"item": ["tier_by", "whale_by"], "value": ["profit", "profit"]})
    html = render({**tables, "facts": tier_by}).replace("\xa0", " ")
    for words in (
        "Of all contribution, the best",
        "% of contribution and",
        "Tiers by contribution",
    ):
        assert words in html, words
    for words in ("of profit", "all profit", "by profit", ">Profit<", "the profit is"):
        assert words not in html, words


def test_losses_make_the_share_of_gold_higher_and_the_page_says_why(tables: Tables) -> None:
    by = pd.DataFrame({"item": ["tier_by"], "value": ["lifetime_value"]})
    tiers = tables["tiers"].assign(lifetime_value=[100.0, 20.0, -1.0])
    why = "Gold is found by its share of the positive value alone"
    assert why in render({"tiers": tiers, "facts": by})
    for other in (0.0, -0.1, np.nan, -500.0):  # no or tiny losses, or a total without shares
        tiers["lifetime_value"] = [100.0, 20.0, other]
        assert why not in render({"tiers": tiers, "facts": by})


def test_what_segments_say_is_said_to_be_a_comparison(tables: Tables) -> None:
    told = tables["segments"].assign(meaning="They bought recently.", action="Wait.")
    caveat = "Scores compare your customers with each other"
    assert caveat in render({"segments": told})
    assert caveat not in render({"segments": tables["segments"]})  # nothing is said of them


@pytest.mark.parametrize(
    ("days", "name"),
    [(1, "day"), (7, "week"), (28, "month"), (31, "month"), (92, "quarter"), (366, "year"),
     (14, "period"), (float("nan"), "period")],
)  # fmt: skip
def test_a_period_is_called_by_its_days(days: float, name: str) -> None:
    assert period_name(days) == name


def test_null_columns_and_missing_values(tables: Tables) -> None:
    customers = tables["customers"].assign(profit=np.nan, activity_cost=np.nan)
    customers.loc[3, "lifetime_value"] = np.nan
    customers.loc[4, "segment"] = None
    customers.loc[5, "last_purchase"] = pd.NaT
    columns = data_of(render({"customers": customers}))
    assert "profit" not in columns
    assert columns["lifetime_value"]["values"][3] is None
    assert columns["segment"]["values"][4] is None
    assert columns["last_purchase"]["values"][5] is None
    tiers = tables["tiers"].assign(profit=np.nan, share_of_profit=np.nan)
    assert "of all contribution" not in render({"tiers": tiers})


def test_hostile_names_are_text_everywhere(tables: Tables) -> None:
    def poison(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.copy()
        for column in frame:
            is_text = frame[column].dtype == object or pd.api.types.is_string_dtype(frame[column])
            keeps = column in ("kind", "item", "figure", "line", "tier")
            if is_text and not keeps:
                frame[column] = [f"{HOSTILE}{i}" for i in range(len(frame))]
        return frame

    hostile = {name: poison(frame) for name, frame in tables.items()}
    hostile["tiers"]["tier"] = [HOSTILE, f"{HOSTILE}2", f"{HOSTILE}3"]
    hostile["statement_by_tier"]["line"] += HOSTILE
    html = render(hostile)
    assert "<b>" not in html
    assert html.count("</script>") == 2
    assert "\u2028" not in (DATA.search(html) or [""])[0]
    assert data_of(html)["customer_id"]["values"][0] == f"{HOSTILE}0"
    assert Page(html).tags.count("script") == 2


def test_broken_text_is_written(tables: Tables, tmp_path: Path) -> None:
    ids = pd.Series(["bad\udcff", "NUL\x00", *tables["customers"]["customer_id"][2:]], dtype=object)
    to_html({"customers": tables["customers"].assign(customer_id=ids)}, tmp_path / "page.html")
    html = (tmp_path / "page.html").read_text("utf-8")
    assert data_of(html)["customer_id"]["values"][:2] == ["bad\udcff", "NUL\x00"]


def test_long_whole_ids_keep_their_digits(tables: Tables) -> None:
    ids = np.arange(300) + 2**60
    columns = data_of(render({"customers": tables["customers"].assign(customer_id=ids)}))
    assert columns["customer_id"]["values"][-1] == str(2**60 + 299)


def test_all_of_25_000_customers_within_8_mb(make_tables: Callable[[int], Tables]) -> None:
    tables = make_tables(25_000)
    html = render(tables)
    assert len(html.encode()) < EIGHT_MB
    assert len(data_of(html)["customer_id"]["values"]) == 25_000
    assert "this page holds" not in html


def test_more_customers_are_cut_to_the_highest_and_lowest(
    make_tables: Callable[[int], Tables],
) -> None:
    customers = make_tables(26_000)["customers"]
    html = render({"customers": customers})
    assert (
        "Of 26,000 customers this page holds the 10,000 with the highest lifetime value and the "
        "2,000 with the lowest" in html
    )
    held = data_of(html)["customer_id"]["values"]
    falling = customers.sort_values("lifetime_value", ascending=False, kind="stable")["customer_id"]
    assert held == sorted([*falling[:10_000], *falling[-2_000:]])


@pytest.mark.parametrize("rows", [600, 25_000])
def test_ids_too_long_for_the_page_cut_it_further(
    rows: int, make_tables: Callable[[int], Tables]
) -> None:
    tables = make_tables(rows)
    long = "é" * (20_000_000 // rows)
    tables["customers"]["customer_id"] = [f"{i:05d}{long}" for i in range(rows)]
    html = render({"customers": tables["customers"]})
    held = len(data_of(html)["customer_id"]["values"])
    assert len(html.encode()) < EIGHT_MB
    assert 0 < held < rows
    assert f"Of {rows:,} customers this page holds the" in html


def test_long_tables_and_texts_are_cut_and_say_so() -> None:
    table = pd.DataFrame({"reason": ["x" * 5000] * 300, "rows": range(300)})
    html = render({"left_out": table})
    assert "The first 200 of 300 rows are shown." in html
    assert len(html) < 100_000 + 200 * 400


def test_file_is_replaced_whole_or_left_alone(
    tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    path.write_text("before")
    with monkeypatch.context() as patch:

        def full(*_: object) -> None:
            raise OSError("disk full")

        patch.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="disk full"):
            to_html({"limits": tables["limits"]}, path)
    assert path.read_text() == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    to_html({"limits": tables["limits"]}, path)
    assert path.read_text("utf-8") == render({"limits": tables["limits"]})
    with pytest.raises(InputError, match="no folder"):
        to_html({}, tmp_path / "nowhere" / "report.html")


def test_not_a_mapping_is_refused(tables: Tables) -> None:
    with pytest.raises(InputError, match="mapping of table names"):
        render(tables["tiers"]["tier"])


def test_same_bytes_under_another_hash_seed(tables: Tables, tmp_path: Path) -> None:
    """Catches a set of labels written in its own order: let `grid` take ``set(wanted)``."""
    few = {name: tables[name] for name in ("concentration", "tiers", "facts", "customers")}
    for name, frame in few.items():
        frame.to_pickle(tmp_path / f"{name}.pkl")
    script = (
        "import pathlib, sys, pandas as pd\n"
        "from crmvalue.report import to_html\n"
        "files = sorted(pathlib.Path(sys.argv[1]).glob('*.pkl'))\n"
        "to_html({f.stem: pd.read_pickle(f) for f in files}, sys.argv[2])"
    )
    path = tmp_path / "page.html"
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), str(path)],
        env={**os.environ, "PYTHONHASHSEED": "20"},
        check=True,
    )
    assert path.read_text("utf-8") == render(few)
