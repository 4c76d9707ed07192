"""Real data, which come with the lifetimes package and are read without importing it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pandas as pd

from crmvalue.errors import MissingExtraError


def load_cdnow(sample: bool = False) -> pd.DataFrame:
    """Load the CDNOW purchase log: 23,570 customers who first bought in early 1997.

    Needs the extra ``lifetimes``, whose package carries the data; it is read without importing it.

    Parameters
    ----------
    sample : bool
        The 1/10 sample that the papers use, 2,357 customers under its own ids 1 to 2357.

    Returns
    -------
    pandas.DataFrame
        customer_id (int64), date (midnight), discs (int64), amount (US dollars, float64): 69,659
        rows, 6,919 in the sample. Rows of amount 0 are free orders.

    References
    ----------
    Fader, P. S. and Hardie, B. G. S. (2001), Forecasting repeat sales at CDNOW: a case study,
    Interfaces 31(3), S94-S107.

    Examples
    --------
    >>> import crmvalue as cv
    >>> log = cv.datasets.load_cdnow()
    >>> len(log), log["customer_id"].nunique()
    (69659, 23570)
    """
    path = _data_folder() / ("CDNOW_sample.txt" if sample else "CDNOW_master.txt")
    columns = ["customer_id", "date", "discs", "amount"]
    names = ["master_id", *columns] if sample else columns
    log = pd.read_csv(path, sep=r"\s+", names=names, skiprows=0 if sample else 1)
    log["date"] = pd.to_datetime(log["date"].astype(str), format="%Y%m%d")
    return log[columns]


def load_donations() -> pd.DataFrame:
    """Load the donations to a public radio station by those who first gave in 1995.

    Each of the six years after that is an opportunity to give again. Needs the extra ``lifetimes``,
    whose package carries the data; it is read without importing it.

    Returns
    -------
    pandas.DataFrame
        frequency (years with a gift), recency (the last of them, 0 for none), n (6) and weight (how
        many donors share this history), int64: 22 rows, 11,104 donors.

    References
    ----------
    Fader, P. S., Hardie, B. G. S. and Shang, J. (2010), Customer-base analysis in a discrete-time
    noncontractual setting, Marketing Science 29(6), 1086-1108, table 1.

    Examples
    --------
    >>> import crmvalue as cv
    >>> donations = cv.datasets.load_donations()
    >>> len(donations), donations["weight"].sum().item()
    (22, 11104)
    """
    donations = pd.read_csv(_data_folder() / "donations.csv")
    donations.columns = pd.Index(["frequency", "recency", "n", "weight"])
    return donations


def _data_folder() -> Path:
    spec = importlib.util.find_spec("lifetimes")
    if spec is None or spec.origin is None:
        raise MissingExtraError(
            "these data come with the lifetimes package: "
            "python -m pip install 'crmvalue[lifetimes]'"
        )
    return Path(spec.origin).parent / "datasets"
