"""The page as a reader has it: in a browser, with the network off."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Request,
    sync_playwright,
)

from crmvalue.report import to_html

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path to open pages in")

HOSTILE = "</script><b>=1+1"
ROWS = 120


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--headless"]
        )
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def page_file(
    make_tables: Callable[[int], dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    tables = make_tables(ROWS)
    customers = tables["customers"]
    customers.loc[7, "customer_id"] = HOSTILE
    customers.loc[8, "lifetime_value"] = None
    path: Path = tmp_path_factory.mktemp("page") / "report.html"
    to_html(tables, path)
    return path


@pytest.fixture
def page(browser: Browser, page_file: Path) -> Iterator[Page]:
    """The page opened offline; at the end it has asked for nothing and complained of nothing."""
    seen: list[str] = []
    context = browser.new_context(offline=True)
    opened = context.new_page()

    def on_request(request: Request) -> None:
        if request.url != page_file.as_uri() and not request.url.startswith("data:"):
            seen.append(f"request {request.url}")

    def on_console(message: ConsoleMessage) -> None:
        seen.append(f"console {message.type}: {message.text}")

    def on_error(error: Error) -> None:
        seen.append(f"error {error}")

    opened.on("request", on_request)
    opened.on("console", on_console)
    opened.on("pageerror", on_error)
    opened.goto(page_file.as_uri())
    yield opened
    context.close()
    assert seen == []


def column(page: Page, number: int) -> list[str]:
    return page.locator(f"#customer-table tbody tr > :nth-child({number})").all_text_contents()


def heading_of(page: Page, name: str) -> Locator:
    return page.locator("#customer-table").get_by_role("columnheader", name=name)


def money(texts: list[str]) -> list[float]:
    return [float(t.replace(",", "").replace("−", "-")) for t in texts if t != "–"]


def test_draws_fifty_rows_and_more_on_demand(page: Page) -> None:
    assert len(column(page, 1)) == 50
    assert page.locator("#customer-status").text_content() == "50 of 120 customers shown"
    page.locator("#customer-more").click()
    page.locator("#customer-more").click()
    assert len(column(page, 1)) == ROWS
    assert page.locator("#customer-more").is_hidden()


def test_search_filters_rows(page: Page) -> None:
    page.locator("#customer-search").fill("c00001")
    assert len(column(page, 1)) == 10
    assert all(text.startswith("C00001") for text in column(page, 1))
    assert "10 of 10 matching customers" in (page.locator("#customer-status").text_content() or "")
    page.locator("#customer-search").fill("gold champions")
    assert set(column(page, 2)) == {"gold"}
    assert set(column(page, 3)) == {"Champions"}
    page.locator("#customer-search").fill("nobody is called so")
    assert column(page, 1) == []
    page.locator("#customer-search").fill("")
    assert len(column(page, 1)) == 50


def test_sorting_by_click_and_by_key(page: Page) -> None:
    heading = heading_of(page, "Lifetime value")
    assert heading.get_attribute("aria-sort") == "descending"
    page.locator("#customer-more").click()
    page.locator("#customer-more").click()
    values = column(page, 4)
    assert values[-1] == "–"
    assert money(values) == sorted(money(values), reverse=True)
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert money(column(page, 4)) == sorted(money(column(page, 4)))
    customer = heading_of(page, "Customer")
    customer.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert customer.get_attribute("aria-sort") == "ascending"
    assert heading.get_attribute("aria-sort") == "none"
    assert column(page, 1)[:3] == ["C000000", "C000001", "C000002"]
    tier = heading_of(page, "Tier")
    tier.get_by_role("button").press("Space")
    assert column(page, 2)[0] == "gold"  # in the order of the tiers, not of the alphabet


def test_unknown_values_come_last_in_both_directions(page: Page) -> None:
    heading = heading_of(page, "Lifetime value").get_by_role("button")
    for _ in range(2):
        heading.click()
        page.locator("#customer-more").click()
        page.locator("#customer-more").click()
        assert column(page, 4)[-1] == "–"


def test_hostile_id_shows_as_text(page: Page) -> None:
    page.locator("#customer-search").fill("=1+1")
    assert column(page, 1) == [HOSTILE]
    assert page.locator("b").count() == 0


def test_pictures_are_named_and_the_page_fits_a_phone(page: Page) -> None:
    assert page.locator("svg[role=img][aria-label]").count() == page.locator("svg").count() == 11
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


LETTERS = """Math.min(...Array.from(document.querySelectorAll("svg text")).map((text) => {
    const { a, b } = text.getScreenCTM();
    return Math.hypot(a, b) * parseFloat(getComputedStyle(text).fontSize); }))"""
"""The height of the smallest letters in pictures, in pixels."""


def test_pictures_scroll_where_their_text_would_be_too_small(page: Page) -> None:
    """Catches letters of 7 pixels on a phone: leave out the least width of pictures."""
    page.set_viewport_size({"width": 390, "height": 800})
    widths = "[...document.querySelectorAll('.picture')].map((p) => p.scrollWidth - p.clientWidth)"
    assert min(page.evaluate(widths)) > 100
    assert page.evaluate(LETTERS) > 9
    shadows = page.locator(".wide").first.evaluate("(box) => getComputedStyle(box).background")
    assert shadows.count("linear-gradient") == 4  # two shadows, and what hides them at the ends
    page.set_viewport_size({"width": 1200, "height": 800})
    assert max(page.evaluate(widths)) == 0
