"""For your own test suites: results that must stay as they were."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from crmvalue.baseline import Baseline, Reference, Result, check, drift_text
from crmvalue.baseline.source import read_source
from crmvalue.errors import InputError

UPDATE = "CRMVALUE_UPDATE_BASELINES"
"""Set this variable of the environment to 1 to write baselines instead of checking them."""

__all__ = ["assert_matches_baseline", "assert_no_drift", "baseline_fixture"]


def assert_no_drift(
    result: Result,
    baseline: Reference,
    tolerances: Mapping[str, float] | None = None,
    *,
    previous: Result | None = None,
) -> None:
    """Fail unless every line of `check` has passed.

    Parameters
    ----------
    result, baseline, tolerances, previous
        As in `crmvalue.check`.

    Raises
    ------
    AssertionError
        With the table of the lines that failed.
    InputError
        As `crmvalue.check`.

    Examples
    --------
    >>> import crmvalue as cv
    >>> result = cv.value_customers(cv.datasets.load_cdnow(sample=True))
    >>> assert_no_drift(result, result.baseline())
    """
    __tracebackhide__ = True  # pytest shows the caller's line
    table = check(result, baseline, tolerances, previous=previous)
    if not table["passed"].all():
        raise AssertionError(drift_text(table, failed_only=True))


def assert_matches_baseline(
    result: Result,
    path: str | PathLike[str],
    tolerances: Mapping[str, float] | None = None,
    *,
    update: bool | None = None,
    previous: Result | None = None,
) -> None:
    """Fail unless a result is like the baseline in a file; write that file when asked to.

    Parameters
    ----------
    result, tolerances, previous
        As in `crmvalue.check`.
    path : path
        The file, to be kept beside the tests.
    update : bool, optional
        Write the file instead of checking, folders on the way too. By default what the environment
        says: true where ``CRMVALUE_UPDATE_BASELINES`` is 1. A file that isn't there is a failure,
        so that a check can't be lost unseen.

    Raises
    ------
    AssertionError
        If there is no file, or with the table of the lines that failed.
    InputError
        As `crmvalue.check`; for an update that would write a result that does not add up.

    Examples
    --------
    >>> import tempfile
    >>> import crmvalue as cv
    >>> result = cv.value_customers(cv.datasets.load_cdnow(sample=True))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     assert_matches_baseline(result, f"{folder}/cdnow.json", update=True)  # once
    ...     assert_matches_baseline(result, f"{folder}/cdnow.json")  # in every later run
    """
    __tracebackhide__ = True
    file = Path(path)
    if update is None:
        update = os.environ.get(UPDATE, "") == "1"
    if update:
        baseline = Baseline.of(result)
        check(result, baseline, tolerances, previous=previous)  # refuses what a check would
        broken = check(result, baseline)
        if not broken["passed"].all():
            raise InputError(
                "this result does not add up, so no baseline is made of it: "
                + drift_text(broken, failed_only=True)
            )
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(baseline.to_json().encode())
        return
    if not file.is_file():
        read_source(result)  # what is no result at all is told first
        raise AssertionError(
            f"there is no baseline {str(file)!r}; to write it, run with {UPDATE}=1"
        )
    try:
        assert_no_drift(result, file, tolerances, previous=previous)
    except AssertionError as error:
        raise AssertionError(
            f"{error}\n\nIf this is as it should be, write {str(file)!r} anew: run with {UPDATE}=1"
        ) from None


def baseline_fixture(folder: str | PathLike[str]) -> Any:
    """Make a pytest fixture that holds results against baselines in a folder.

    pytest is imported here and nowhere else, and nothing is registered for other suites.

    Parameters
    ----------
    folder : path
        Where the baselines are: a full path, or one from pytest's root folder (its ``rootdir``,
        where pyproject.toml or pytest.ini is), wherever pytest is run.

    Returns
    -------
    fixture
        It gives a function ``(result, name=None, tolerances=None, **keywords)``, which is
        `assert_matches_baseline` with the file ``folder/name.json``; `name` is that of the test,
        with its parameters, by default. A file that one run would write for two tests is an
        InputError: name one of them with ``name=``.

    Raises
    ------
    InputError
        By the function that it gives: where two tests would write one file, and as
        `assert_matches_baseline`.
    AssertionError
        By that function, as `assert_matches_baseline`.

    Examples
    --------
    In conftest.py:

    >>> from crmvalue.testing import baseline_fixture
    >>> matches_baseline = baseline_fixture("tests/baselines")

    and in a test::

        def test_customer_values(matches_baseline, result):
            matches_baseline(result, tolerances={"totals": 0.02})
    """
    import pytest

    writers: dict[Path, str] = {}

    @pytest.fixture
    def matches_baseline(request: pytest.FixtureRequest) -> Callable[..., None]:
        def matches(
            result: Result,
            name: str | None = None,
            tolerances: Mapping[str, float] | None = None,
            **keywords: Any,
        ) -> None:
            __tracebackhide__ = True
            plain = re.sub(r"[^\w.-]+", "_", name or request.node.name).strip("_")
            file = request.config.rootpath / folder / f"{plain}.json"
            test = request.node.nodeid
            # Who is first keeps the file: the second would be held against what isn't its own.
            if writers.setdefault(file, test) != test:
                raise InputError(
                    f"{str(file)!r} is the baseline of {writers[file]!r} too; name it with name="
                )
            assert_matches_baseline(result, file, tolerances, **keywords)

        return matches

    return matches_baseline
