"""The words of the page, as data: columns, items, and the sentences that explain them."""

from __future__ import annotations

from crmvalue._print import LINES

FIGURES = {"revenue": "revenue", "profit": "contribution", "lifetime_value": "lifetime value"}
"""What figures are called; `profit` is before the costs that no customer causes."""

UNITS = {"D": "days", "W": "weeks", "M": "months", "Y": "years"}

PERIODS = {
    "day": (1, 1),
    "week": (7, 7),
    "month": (28, 31),
    "quarter": (90, 92),
    "year": (365, 366),
}
"""Periods by the fewest and the most days that they have."""

COLUMNS: dict[str, tuple[str, str]] = {
    "action": ("What to do", "text"),
    "active_share": ("Likely active", "share"),
    "activity": ("Activity", "text"),
    "activity_cost": ("Activity cost", "cents"),
    "actual": ("Actual", "number"),
    "amount": ("Amount", "money"),
    "assigned": ("Charged to customers", "money"),
    "at_level": ("Kept above customers", "money"),
    "average_order": ("Average order", "cents"),
    "cause": ("Likely cause", "text"),
    "change": ("Change", "money"),
    "cohort": ("First purchase in", "date"),
    "column": ("Column", "text"),
    "contacts_per_year": ("Contacts a year", "count"),
    "cost": ("Cost", "money"),
    "credit_days": ("Days to pay", "count"),
    "cumulative_revenue": ("Revenue so far", "money"),
    "cumulative_revenue_per_customer": ("for each customer", "cents"),
    "customer_id": ("Customer", "id"),
    "customers": ("Customers", "count"),
    "customers_after": ("Now", "count"),
    "customers_before": ("Then", "count"),
    "discount_cap": ("Highest discount", "share"),
    "downgraded": ("Moved down", "count"),
    "driver_volume": ("Used volume", "number"),
    "effective_number": ("Effective number", "count"),
    "error": ("The model", "error"),
    "estimate": ("Estimate", "number"),
    "examples": ("Examples", "text"),
    "expected": ("Expected", "number"),
    "expected_purchases_year": ("Orders next year", "decimal"),
    "expected_spend": ("Spend per order", "cents"),
    "expected_stay": ("Periods they stay", "decimal"),
    "fault": ("Fault", "text"),
    "figure": ("Figure", "text"),
    "first_purchase": ("First purchase", "date"),
    "from_tier": ("Was", "text"),
    "gap": ("Lacks to gold", "money"),
    "gap_share": ("of what they have", "share"),
    "gini": ("Gini index", "decimal"),
    "got": ("Found", "number"),
    "herfindahl": ("Herfindahl index", "number"),
    "idle": ("Idle", "money"),
    "item": ("Item", "text"),
    "last_purchase": ("Last purchase", "date"),
    "level": ("Level", "text"),
    "lifetime_value": ("Lifetime value", "money"),
    "likelihood": ("Still active", "share"),
    "line": ("Line", "text"),
    "lost": ("Gone", "count"),
    "lower": ("Lower limit", "number"),
    "mean_inactive": ("Mean time since last purchase", "decimal"),
    "meaning": ("What it means", "text"),
    "measure": ("Measure", "text"),
    "model": ("Model", "text"),
    "money": ("Money", "cents"),
    "moved_in": ("Moved in", "count"),
    "n_purchases": ("Orders", "count"),
    "new": ("New", "count"),
    "orders": ("Orders", "count"),
    "orders_after": ("since then", "count"),
    "orders_before": ("Orders before", "count"),
    "parameter": ("Parameter", "text"),
    "pareto_point": ("Pareto point", "share"),
    "passed": ("Passed", "text"),
    "practical_volume": ("Practical volume", "number"),
    "probability_alive": ("Still active", "share"),
    "profit": ("Contribution", "money"),
    "purchases": ("Repeat purchases", "text"),
    "rate": ("Rate", "cents"),
    "reason": ("Reason", "text"),
    "required": ("Needed", "text"),
    "returned": ("Came back", "count"),
    "revenue": ("Revenue", "money"),
    "rfm_score": ("RFM", "text"),
    "rows": ("Rows", "count"),
    "segment": ("Segment", "text"),
    "service_level": ("Service", "text"),
    "share_at_risk": ("of it", "share"),
    "share_of_customers": ("of all customers", "share"),
    "share_of_lifetime_value": ("of all lifetime value", "share"),
    "share_of_profit": ("of all contribution", "share"),
    "share_of_revenue": ("of all revenue", "share"),
    "stage": ("Stage", "text"),
    "std_error": ("Standard error", "number"),
    "threshold": ("From", "cents"),
    "tier": ("Tier", "text"),
    "tier_by_activity": ("By activity", "text"),
    "tier_by_volume": ("By volume", "text"),
    "to_tier": ("Is", "text"),
    "top_10_share": ("Best 10\N{NO-BREAK SPACE}% hold", "share"),
    "top_1_share": ("Best 1\N{NO-BREAK SPACE}% hold", "share"),
    "top_20_share": ("Best 20\N{NO-BREAK SPACE}% hold", "share"),
    "total": ("Total", "money"),
    "total_spend": ("Spend", "cents"),
    "unchanged": ("Stayed", "count"),
    "upgraded": ("Moved up", "count"),
    "upper": ("Upper limit", "number"),
    "value": ("Value", "text"),
    "value_after": ("Value now", "money"),
    "value_at_risk": ("At risk", "money"),
    "value_before": ("Value then", "money"),
}
"""What a column is called on the page, and what kind of figure it holds."""

CUSTOMER_COLUMNS = (
    "customer_id",
    "tier",
    "segment",
    "lifetime_value",
    "profit",
    "total_spend",
    "activity_cost",
    "n_purchases",
    "first_purchase",
    "last_purchase",
    "probability_alive",
    "expected_purchases_year",
    "expected_spend",
    "rfm_score",
)
"""Columns of the customer table on the page; those that are null for everybody are left out."""

FACTS = {
    "as_of": "Valued as of",
    "first_date": "First day of the log",
    "rows": "Rows of the log",
    "unit": "Unit of time",
    "horizon": "Horizon of the lifetime value",
    "annual_discount_rate": "Annual discount rate",
    "purchase_model": "Model of purchases",
    "spend_model": "Model of spend",
    "calibration_end": "Holdout check: fitted up to",
    "holdout_end": "Holdout check: held against the log up to",
    "tier_by": "Tiers by",
    "band": "Band about the thresholds",
    "whale_by": "Whale curve of",
    "currency_note": "Currency",
    "ledger_note": "Cost ledger",
    "crmvalue_version": "Version of crmvalue",
    "messages": "Messages",
}

CONCENTRATION = (
    "The Gini index is 0 where all customers bring the same and 1 where one brings everything; "
    "with customers who lose money it can be higher. The Pareto point is the share p of customers "
    "who hold the other 1 \N{MINUS SIGN} p of the total: 20\N{NO-BREAK SPACE}% where the rule of "
    "80 and 20 holds. The effective number says how many customers, all equal, would be as "
    "concentrated."
)

SEGMENTS = (
    "Scores compare your customers with each other: who bought recently bought later than most of "
    "the others, and that can still be long ago; who buys often buys more often than most."
)

MOVEMENTS = (
    "A period is the time between the two results. Customers stay so many on average if they go on "
    "moving at this pace."
)

WATCH_LIST = (
    "These customers were gold and have stepped down, are gone, or lost 30\N{NO-BREAK SPACE}% of "
    "their {figure} or more; those who took most away stand first."
)

WATCH_LIST_CAUSES = (
    "The cause is read from what they bought since the earlier result and in as many days before "
    "it. Other: they bought no less than before, and the value fell with the time they are silent "
    "or with what they cost."
)

FOLLOW_UP = (
    "The nearer to gold and the likelier still active, the higher a customer stands; one order or "
    "a talk may be enough."
)

POLICY = (
    "What a tier is entitled to is for you to decide; these terms are a place to start from and no "
    "finding."
)

ACTIVITIES = "Cost that is kept above customers, such as rent, can't be traced to any one of them."

DISTORTION = {
    "over_costed": "Over-costed by volume: they pay for others",
    "under_costed": "Under-costed by volume: others pay for them",
    "flips_to_loss": "Profitable by volume, at a loss by activity",
    "flips_to_profit": "At a loss by volume, profitable by activity",
    "misallocated": "Misallocated (half of all differences)",
}
"""Lines of the comparison of two ways of costing that the page shows."""

LEVERS = {
    "price": "a higher price",
    "order size": "the same volume in fewer orders",
    "returns": "fewer returns",
    "service level": "less service",
}

QUALITY = {
    "rows": ("Rows in the log", "count"),
    "duplicates": ("Rows that repeat another exactly (counted and kept)", "count"),
    "money_in": ("Money in the log", "cents"),
    "money_valued": ("Money valued", "cents"),
    "money_left_out": ("Money left out", "cents"),
}

VALUE_LINES = {
    "discount": "discounts",
    "cost_of_goods": "cost of goods",
    "selling_cost": "selling cost",
    "service_cost": "service cost",
    "maintenance_cost": "cost of keeping the customer",
    "capital_cost": "cost of capital",
}
"""Lines of the lifetime value that are 0 for everybody where they were not given."""

SUBTOTALS = ("pocket_revenue", "gross_margin", "contribution", "economic_profit")

FIRST_ROWS = 20
"""Rows of a ranked list of customers that the page shows."""

PRINTED_ROWS = 200
"""Rows of a table that the page shows; only the customer table has more."""


def label_of(column: str) -> str:
    """What a column or line is called; its own name, made readable, where no other is known."""
    if column in COLUMNS:
        return COLUMNS[column][0]
    return LINES.get(column, column.replace("_", " ").strip().capitalize())


def figure_name(column: str) -> str:
    """What a column of money is called within a sentence."""
    return FIGURES.get(column, label_of(column).lower())


def kind_of(column: str, numeric: bool) -> str:
    """What kind of figure a column holds."""
    known = COLUMNS.get(column, ("", "number" if numeric else "text"))[1]
    return known if numeric or known in ("text", "id", "date") else "text"


def period_name(days: float) -> str:
    """What a period of so many days is called."""
    named = (name for name, (least, most) in PERIODS.items() if least <= days <= most)
    return next(named, "period")
