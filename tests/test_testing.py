"""The helpers for users' own suites, used as they would be."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from unittest import mock

import pytest

import crmvalue as cv
from crmvalue.errors import InputError
from crmvalue.io import write_result
from crmvalue.testing import UPDATE, assert_matches_baseline, assert_no_drift


@pytest.fixture(scope="module")
def log():
    return cv.datasets.load_cdnow(sample=True)


@pytest.fixture(scope="module")
def result(log):
    return cv.value_customers(log)


@pytest.fixture(scope="module")
def dearer(log, result):
    return cv.value_customers(log.assign(amount=2 * log["amount"]), model=result.model)


@pytest.fixture(autouse=True)
def _no_update(monkeypatch):
    monkeypatch.delenv(UPDATE, raising=False)


def test_drift_fails_with_the_lines_that_failed(result, dearer):
    baseline = result.baseline()
    assert_no_drift(result, baseline)
    with pytest.raises(AssertionError) as caught:
        assert_no_drift(dearer, baseline)
    message = str(caught.value)
    assert "FAILED  totals.revenue" in message
    assert "passed" not in message
    assert_no_drift(
        dearer,
        baseline,
        dict.fromkeys(("totals", "psi", "tier_share", "segment_share", "concentration"), 9),
    )


def test_the_first_baseline_is_written_only_when_asked(result, dearer, tmp_path, monkeypatch):
    path = tmp_path / "baselines" / "shop.json"
    with pytest.raises(AssertionError, match=f"to write it, run with {UPDATE}=1"):
        assert_matches_baseline(result, path)
    assert not path.exists()
    assert_matches_baseline(result, path, update=True)
    assert path.read_text(encoding="utf-8") == result.baseline().to_json()
    assert_matches_baseline(result, path)
    with pytest.raises(AssertionError, match=r"write .* anew") as caught:
        assert_matches_baseline(dearer, str(path))
    assert "totals.revenue" in str(caught.value)
    monkeypatch.setenv(UPDATE, "1")
    assert_matches_baseline(dearer, path)
    monkeypatch.setenv(UPDATE, "0")
    assert_matches_baseline(dearer, path)
    with pytest.raises(AssertionError):
        assert_matches_baseline(result, path, update=False)


def test_no_baseline_is_made_of_what_does_not_add_up(result, tmp_path):
    from dataclasses import replace

    customers = result.customers.assign(lifetime_value=1.0)
    broken = replace(result, tables={**result.tables, "customers": customers})
    with pytest.raises(InputError, match=r"reconciliation\.lifetime_value"):
        assert_matches_baseline(broken, tmp_path / "a.json", update=True)
    assert not list(tmp_path.iterdir())


def test_what_is_no_result_is_told_first(tmp_path):
    for update in (False, True):
        with pytest.raises(InputError, match="got int"):
            assert_matches_baseline(3, tmp_path / "a.json", update=update)


SUITE = {
    "pytest.ini": "[pytest]",
    "tests/conftest.py": """
        from pathlib import Path

        from crmvalue.testing import baseline_fixture

        matches_baseline = baseline_fixture("tests/baselines")
        matches_elsewhere = baseline_fixture(Path(__file__).parents[1] / "elsewhere")
    """,
    "tests/test_shop.py": """
        import pytest
        from crmvalue.errors import InputError
        from crmvalue.testing import UPDATE

        @pytest.mark.parametrize("terms", ["a/b"])
        def test_values(matches_baseline, monkeypatch, terms):
            with pytest.raises(AssertionError, match="there is no baseline"):
                matches_baseline("out")
            monkeypatch.setenv(UPDATE, "1")
            matches_baseline("out")
            matches_baseline("out", "named", {"totals": 0.01})

        @pytest.mark.parametrize("terms", ["a_b"])
        def test_values_again(matches_baseline, monkeypatch, terms):
            monkeypatch.setenv(UPDATE, "1")
            with pytest.raises(InputError, match="name it with name="):
                matches_baseline("out", "named")
            with pytest.raises(InputError, match="'totel'"):
                matches_baseline("out", tolerances={"totel": 1})

        def test_a_full_path(matches_elsewhere):
            matches_elsewhere("out", update=True)
    """,
}


def test_the_fixture_in_a_suite_of_its_own(result, tmp_path):
    """Run inside tests/: fails where the folder follows the working directory."""
    (tmp_path / "tests").mkdir()
    with mock.patch("crmvalue.io.to_html"):
        write_result(result, tmp_path / "tests" / "out")
    for name, text in SUITE.items():
        (tmp_path / name).write_text(textwrap.dedent(text))
    source = str(Path(cv.__file__).parents[1])

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--color=no"]
    environment = {**os.environ, "PYTHONPATH": source, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        command,
        cwd=tmp_path / "tests",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    written = {str(path.relative_to(tmp_path).as_posix()) for path in tmp_path.rglob("*.json")}
    assert {path for path in written if "/out/" not in path} == {
        "tests/baselines/named.json",
        "tests/baselines/test_values_a_b.json",
        "elsewhere/test_a_full_path.json",
    }
