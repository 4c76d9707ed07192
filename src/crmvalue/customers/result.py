"""`CustomerValue`: every customer's figures, the tables around them, and the way they came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from crmvalue._keys import plain, plain_ids
from crmvalue.costing import ActivityCosts
from crmvalue.customers.explain import Trace, trace_table
from crmvalue.customers.holdout import HoldoutCheck
from crmvalue.customers.model import ValueModel
from crmvalue.errors import InputError
from crmvalue.transactions import LogCheck

if TYPE_CHECKING:
    from crmvalue.baseline import Baseline


@dataclass(frozen=True, eq=False, repr=False)
class CustomerValue:
    """What `value_customers` found. Tables are in the library of the log.

    Attributes
    ----------
    tables : mapping of str to frame
        Every table by name; those that this run has no data for are not there:

        - customers, tiers, segments, rfm_grid, concentration, whale_curve, statement,
          statement_by_tier
        - cohorts: of `cohort_table`, by months where the log spans up to 24 of them, else by
          quarters up to 6 years, else by years
        - gold_gap: the steel customers by how near and likely they are to become gold (of
          `gold_gap`, with the probability of being alive as likelihood; with a band, gold is from
          beyond it)
        - gold_at_risk: by tier, the revenue that the next year would bring if everybody were
          still active (value), and that times the probability that they are not (value_at_risk)
        - tier_policy: what each tier may be entitled to, a place to start from
        - data_gates: whether the data are enough for scores, of `rfm_gates`
        - with `previous`: earlier_tiers (customer_id, tier and the figure that decides it, of all
          customers there), migration (of `Migration.value_flow`), movements, migration_shares, and
          watch_list, all by the figure that decides the tier. The watch list has those who were
          gold and have stepped down, are gone, or lost 30 % of that figure or more; the function
          `watch_list` lists those of all tiers. Its cause compares what was bought since the
          earlier result with as many days before it; it is "unknown" where the log does not reach
          so far back
        - of a fit: parameters, frequency, tracking, holdout
        - with `costs`: activities, reconciliation, statement_totals, whale_peak, cost_to_serve,
          levers, cost_comparison, distortion, tier_changes
        - left_out, faults, quality, and the words of the report: headline, facts, limits
    model : ValueModel
        What was learned; ``model.to_json()`` is the ``model.json`` that values a new log.
    quality : LogCheck
        What was found in the log and what was left out of it.
    fits : mapping of str to Fit
        The fits of ``purchases`` and ``spend``; empty where a model was given.
    holdout : HoldoutCheck or None
        How the model did on the part of the log it had not seen.
    costs : ActivityCosts or None
        The costed ledger.
    messages : tuple of str
        What should be known before these figures are used.

    Examples
    --------
    >>> import crmvalue as cv
    >>> result = cv.value_customers(cv.datasets.load_cdnow(sample=True))
    >>> result.tiers[["tier", "customers"]].to_numpy().tolist()
    [['gold', 471], ['steel', 1886], ['lead', 0]]
    >>> first = result.customers.iloc[0]
    >>> first["tier"], round(float(first["lifetime_value"]), 2)
    ('steel', 178.1)
    >>> result.messages
    ('No cost lines were given, so that lifetime value is discounted revenue, not profit.',)
    """

    tables: Mapping[str, Any]
    model: ValueModel
    quality: LogCheck
    fits: Mapping[str, Any]
    holdout: HoldoutCheck | None
    costs: ActivityCosts | None
    messages: tuple[str, ...]
    _trace: Trace = field(repr=False)

    @property
    def customers(self) -> Any:
        """One row per customer, by rising id, always with all columns."""
        return self.tables["customers"]

    @property
    def tiers(self) -> Any:
        """What each tier holds of customers, revenue, profit and lifetime value."""
        return self.tables["tiers"]

    @property
    def concentration(self) -> Any:
        """How unequal revenue, profit and lifetime value are."""
        return self.tables["concentration"]

    @property
    def statement(self) -> Any:
        """Profit and loss of each customer over the log."""
        return self.tables["statement"]

    def explain(self, customer_id: object = None) -> Any:
        """Trace why a customer has this cost, this value and this tier.

        Parameters
        ----------
        customer_id : optional
            The customer; by default all of them, with their id in front.

        Returns
        -------
        frame
            step, item, quantity, rate, amount, source. The steps, in this order:

            - ledger: the lines of the cost ledger that reach this customer, whole
            - activity_cost: the customer's part of each of them (item), by activity (source):
              quantity of the driver x rate
            - total_spend: the lines of the log, by day
            - profit: spend less cost of goods and activity cost
            - expectation: what the models expect, as quantities
            - lifetime_value: each of its lines, per discounted purchase
            - tier: the figure that decides it, with the tier (source), and the thresholds (rate)
              as they held for this customer: with a band, the source says which way it moved them

            The amounts of a step add up to the customer's column of that name; those of `tier` to
            the figure that decides it, and those of `ledger` are the whole ledger lines.

        Raises
        ------
        InputError
            If there is no such customer.

        Examples
        --------
        >>> import crmvalue as cv
        >>> result = cv.value_customers(cv.datasets.load_cdnow(sample=True))
        >>> steps = result.explain(1)
        >>> value = steps[steps["step"] == "lifetime_value"]
        >>> print(value[["item", "quantity", "rate", "amount"]].round(2).to_string(index=False))
                item  quantity  rate  amount
        revenue_list      6.86 25.96   178.1
        """
        if customer_id is None:
            return trace_table(self._trace, np.arange(len(self._trace.ids)), with_id=True)
        ids = plain_ids(self._trace.ids)
        found = np.flatnonzero(ids == customer_id)
        if not len(found):
            raise InputError(
                f"there is no customer {customer_id!r}; the {len(ids):,} ids are of type "
                f"{type(plain(ids[0])).__name__}, such as {plain(ids[0])!r}"
            )
        return trace_table(self._trace, found.astype(np.int64), with_id=False)

    def to_html(self, path: str | PathLike[str]) -> None:
        """Write the report: one page that opens offline.

        Parameters
        ----------
        path : path
            The file to write; it is written whole or not at all.

        Raises
        ------
        InputError
            Where the folder of `path` is not there.
        MissingExtraError
            Where matplotlib, which draws the pictures, is not installed.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import crmvalue as cv
        >>> result = cv.value_customers(cv.datasets.load_cdnow(sample=True))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = pathlib.Path(folder, "report.html")
        ...     result.to_html(page)
        ...     page.read_text("utf-8")[:15]
        '<!doctype html>'
        """
        from crmvalue.report import to_html  # the one step against the flow: a door to the page

        to_html(self.tables, path)

    def baseline(self) -> Baseline:
        """Keep what this result is like, for `crmvalue.check` to hold later ones against.

        Returns
        -------
        Baseline
            Figures without customers; ``.to_json()`` is the ``baseline.json`` of a folder.

        Examples
        --------
        >>> import crmvalue as cv
        >>> result = cv.value_customers(cv.datasets.load_cdnow(sample=True))
        >>> kept = result.baseline()
        >>> bool(cv.check(result, kept)["passed"].all())
        True
        """
        from crmvalue.baseline import Baseline  # a door like that to the page

        return Baseline.of(self)

    def __repr__(self) -> str:
        return (
            f"CustomerValue({len(self._trace.ids):,} customers as of {self.quality.as_of}, "
            f"{self.model.purchases!r}, tiers by {self._trace.tier_by})"
        )
