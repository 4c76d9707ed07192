"""`value_customers`: the whole way, from a transaction log to every customer's value and tier."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Unpack

from crmvalue._frame import IntoFrame, Table, collect, enter
from crmvalue._table import table
from crmvalue.costing.ledger import read_ledger
from crmvalue.customers import overview
from crmvalue.customers.assembly import Assembly
from crmvalue.customers.columns import RESULT, foreign_cost, join_columns, longer_ledger
from crmvalue.customers.follow_up import cohorts_of
from crmvalue.customers.holdout import HoldoutCheck, check_holdout, middle
from crmvalue.customers.model import ValueModel
from crmvalue.customers.previous import read_previous
from crmvalue.customers.result import CustomerValue
from crmvalue.customers.terms import Terms
from crmvalue.errors import FaultList, InputError
from crmvalue.lifetime import MBGNBD, GammaGamma
from crmvalue.rfm import RFMScorer
from crmvalue.summary import histories, unit_days
from crmvalue.summary.attributes import with_attributes
from crmvalue.summary.table import summary_columns
from crmvalue.tiers import ParetoTiers
from crmvalue.transactions import Log, LogKeywords, read_log, report_log
from crmvalue.transactions.dates import to_date, to_day
from crmvalue.transactions.query import count_duplicates
from crmvalue.transactions.tally import REFUND, REFUNDS_ONLY, Tally
from crmvalue.value import customer_lifetime_value, margin_rates
from crmvalue.value.cost_lines import read_cost_lines


def value_customers(
    transactions: IntoFrame,
    *,
    costs: Mapping[str, Any] | str | Path | None = None,
    cost_lines: IntoFrame | None = None,
    attributes: IntoFrame | None = None,
    unit: str | None = None,
    horizon: float | None = None,
    annual_discount_rate: float | None = None,
    calibration_end: object = None,
    tier_by: str | None = None,
    model: ValueModel | None = None,
    previous: CustomerValue | IntoFrame | str | PathLike[str] | None = None,
    band: float = 0.0,
    **log: Unpack[LogKeywords],
) -> CustomerValue:
    """Value every customer of a log: what they bought, cost and will bring, and their tier.

    Parameters
    ----------
    transactions : frame
        The log, a row per line; a lazy one is collected once.
    costs : mapping or path, optional
        The cost ledger: resources, resource_drivers, activity_drivers and, optionally, activities
        (as `activity_costs` takes them) and cost_lines; a mapping of frames, a folder that holds
        them as CSV or Parquet, or an Excel workbook with a sheet for each. It is taken whole, so
        that it must be of the same time as the log up to `as_of`.
    cost_lines : frame, optional
        line, basis, rate: as in `customer_lifetime_value`. Those of the ledger by default.
    attributes : frame, optional
        customer_id and whatever is known of customers; joined and kept.
    unit : {"W", "D", "M", "Y"}, optional
        Unit of ages and of `horizon`; weeks by default, or that of `model`.
    horizon : float, optional
        How far to value, in `unit`; without end by default, or that of `model`.
    annual_discount_rate : float, optional
        A year's cost of capital; 0.10 by default, or that of `model`.
    calibration_end : date or ISO 8601 text, optional
        Where the holdout check splits the log, the middle by default. The model that values
        customers is fitted on the whole log.
    tier_by : {"lifetime_value", "profit", "total_spend"}, optional
        The figure that decides the tier; lifetime_value by default, or that of `model`.
    model : ValueModel, optional
        From an earlier result (``result.model``, or ``ValueModel.from_json``): its parameters, cut
        points and thresholds are applied, and nothing is fitted.
    previous : CustomerValue, frame or path, optional
        An earlier result, its table of customers, or the folder that ``crmvalue value`` wrote it
        to: adds the tables of who moved between the tiers. Its tiers must be by the same figure,
        which a frame alone can't tell. They are compared as they are: with ``model=`` of that
        result the thresholds are the same, without it they may have moved too.
    band : float, default 0
        With `previous`: the share of a threshold by which a customer must pass it to leave the
        earlier tier, as in `ParetoTiers.assign`.
    **log
        The keywords of `check_transactions`: customer, date, amount (by default "amount": values
        need money), as_of, refunds, faults, left_out and time_zone.

    Returns
    -------
    CustomerValue
        ``.customers`` has one row per customer with all columns, null where not known: those of
        `customer_summary`, of `RFMScorer.score`, probability_alive, expected_purchases_year (in
        the next 365.25 days), those of `customer_lifetime_value`, cost_of_goods_sold,
        activity_cost, profit = total_spend - cost_of_goods_sold - activity_cost over the log (null
        without `costs`), tier, and the attributes.

    Raises
    ------
    InputError
        For any fault of the tables; if nobody bought twice, so that no model can be fitted; if
        tiers by profit are asked for without `costs`; if `previous` lacks customer_id, tier or
        the figure that decides it, has other tiers or a customer twice, or was made later than this
        log ends.

    Notes
    -----
    The model is MBG/NBD with gamma-gamma spend: under BG/NBD everybody who bought once would be
    alive for certain.

    Examples
    --------
    >>> import crmvalue as cv
    >>> log = cv.datasets.load_cdnow(sample=True)
    >>> result = cv.value_customers(log, annual_discount_rate=0.15)
    >>> print(result.tiers[["tier", "customers"]].to_string(index=False))
     tier  customers
     gold        468
    steel       1889
     lead          0
    """
    terms = Terms(model, unit, horizon, annual_discount_rate, tier_by)
    if terms.tier_by == "profit" and costs is None:
        raise InputError("tiers by profit need the cost ledger; pass costs=, or another tier_by=")
    log.setdefault("amount", "amount")
    if log["amount"] is None:
        raise InputError("lifetime values need money; name the column of the log with amount=")
    frame = collect(enter(transactions, "transactions"))
    native = frame.to_native()
    read = read_log(native, **log)
    earlier = read_previous(previous, band, terms.tier_by, read)
    quality = report_log(read.tally, count_duplicates(read.frame), read.frame)
    text_ids = not read.customers.values.dtype.is_numeric()
    ledger = None if costs is None else read_ledger(costs, text_ids=text_ids)
    lines = cost_lines
    if lines is None:
        lines = ledger.cost_lines if ledger is not None else None
    if lines is None and model is not None:
        lines = model.cost_line_table
    messages: list[str] = []
    if lines is None or not len(collect(enter(lines, "cost_lines"))):
        messages.append(
            "No cost lines were given, so that lifetime value is discounted revenue, not profit."
        )

    summary, attribute_note = with_attributes(
        _summarise(read, terms.unit), attributes, reserved=RESULT
    )
    fits: dict[str, Any] = {}
    messages += attribute_note
    holdout: HoldoutCheck | None = None
    if model is not None:
        messages += model.messages
    if model is None:
        fits = _fit(summary, terms.unit, read.tally)
        messages += [text for fit in fits.values() for text in fit.messages]
        end = middle(read)
        if calibration_end is not None:
            end = to_date(to_day(calibration_end, "calibration_end"))
        checked = check_holdout(native, read, MBGNBD, end, terms.unit, log)
        if isinstance(checked, str) and calibration_end is not None:
            raise InputError(checked)
        if isinstance(checked, str):
            messages.append(checked)
        else:
            holdout = checked
            messages += [f"In the holdout check: {text}" for text in checked.messages]
    purchases = fits["purchases"].model if model is None else model.purchases
    spend = fits["spend"].model if model is None else model.spend
    values = customer_lifetime_value(
        summary,
        purchases=purchases,
        spend=spend,
        horizon=terms.horizon,
        annual_discount_rate=terms.annual_discount_rate,
        cost_lines=lines,
    )
    scorer = RFMScorer.fit(summary) if model is None else model.rfm
    rates = margin_rates(summary, lines)
    activity = None if ledger is None else ledger.costs
    statement = overview.log_statement(read, rates, activity)
    columns = join_columns(summary, scorer, purchases, values, statement, activity, terms.unit)
    decided = Table(table(columns, read.frame), "customers")
    tiers = model.tiers if model is not None else ParetoTiers.fit(decided.frame, by=terms.tier_by)
    customers = tiers.assign(
        decided.frame.to_native(),
        previous=None if earlier is None else earlier.customers.to_native(),
        band=band,
    )
    bundle = ValueModel(
        purchases,
        spend,
        scorer,
        tiers,
        terms.horizon,
        terms.annual_discount_rate,
        tuple(read_cost_lines(lines, FaultList())),
        tuple(text for fit in fits.values() for text in fit.messages)
        if model is None
        else model.messages,
        float(band),
    )
    if earlier is not None:
        messages += earlier.notes(bundle, read)
    if activity is not None:
        messages += foreign_cost(activity, decided.frame["customer_id"])
        messages += longer_ledger(read)
    return Assembly(
        customers,
        bundle,
        read,
        holdout,
        activity,
        statement,
        tuple(messages),
        fits,
        cohorts=cohorts_of(read),
        previous=earlier,
        ledger_note="" if ledger is None else ledger.note,
    ).result(quality)


def _fit(summary: Any, unit: str, tally: Tally) -> dict[str, Any]:
    """Fit both models; where they can't be, say what was left out, which may be why."""
    try:
        return {"purchases": MBGNBD.fit(summary, unit=unit), "spend": GammaGamma.fit(summary)}
    except InputError as error:
        if not tally.left_out:
            raise
        parts = [f"{p.rows:,} of {tally.rows:,} rows left out: {p.reason}" for p in tally.left_out]
        refunds = sum(p.rows for p in tally.left_out if p.reason in (REFUND, REFUNDS_ONLY))
        signs = "; are the signs of the amounts reversed?" if refunds > tally.rows / 2 else ""
        raise InputError(f"{error}. Of the log, {'; '.join(parts)}{signs}", error.faults) from error


def _summarise(read: Log, unit: str) -> Any:
    return table(summary_columns(read, histories(read), read.as_of, unit_days(unit)), read.frame)
