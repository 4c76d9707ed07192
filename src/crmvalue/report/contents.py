"""What the page is made of, as data: its sections in their order, and what each begins with."""

from __future__ import annotations

from typing import NamedTuple


class Section(NamedTuple):
    """A section of the page.

    Attributes
    ----------
    name : str
        The id of its heading.
    title : str
        Its heading.
    lead : str
        What the reader is looking at.
    absent : str
        Why the section is empty, where its tables are not there.
    """

    name: str
    title: str
    lead: str
    absent: str


TITLE = "Customer value report"

SECTIONS = (
    Section("headline", "At a glance", "", "The result came without headline figures."),
    Section(
        "concentration",
        "Who makes the value",
        "Customers stand from the most to the least valuable, and the curve adds up what they "
        "bring. Where it falls, customers cost more than they bring.",
        "The result came without a whale curve.",
    ),
    Section(
        "tiers",
        "Tiers",
        "Customers in tiers by what they bring, and the share that each tier has of all customers "
        "and of the totals.",
        "The result came without tiers.",
    ),
    Section(
        "movement",
        "Who moved between tiers",
        "The same customers in an earlier result and in this one.",
        "There is nothing to compare with, because no earlier result was given.",
    ),
    Section(
        "rfm",
        "How recently and how often they buy",
        "Every customer has one score for how recently they bought and one for how often; the "
        "highest is best. The two together name the segment.",
        "There is no grid, because the customers were not scored by recency and frequency.",
    ),
    Section(
        "cohorts",
        "Cohorts",
        "Customers by the period of their first purchase, and what became of them since.",
        "The result came without cohorts.",
    ),
    Section(
        "follow_up",
        "What follows",
        "Who could become gold, what gold may take away, and what a tier is entitled to.",
        "The result came without tables of what follows from its tiers.",
    ),
    Section(
        "tracking",
        "Did the model foresee what happened?",
        "The model was fitted on the first part of the log alone, and then had to foretell the "
        "rest. The closer the two lines in the shaded part, the more its forecasts can be trusted.",
        "There is no holdout check: the model came ready-made, or the log is too short to leave a "
        "part of it out.",
    ),
    Section(
        "fit",
        "How well the model fits",
        "A sound model expects about as many customers with no, one, two and more repeat purchases "
        "as there are.",
        "There is no comparison of actual and expected customers in this result.",
    ),
    Section(
        "limits",
        "What the model can't see",
        "Use the figures with this in mind.",
        "The result came without a list of limits.",
    ),
    Section(
        "data",
        "Gaps in the data",
        "What was found in the log, what was left out of it, and how much money that is.",
        "The result came without a check of the log.",
    ),
    Section(
        "statement",
        "Profit and loss by tier",
        "From revenue to contribution, line by line; costs and deductions are negative.",
        "There is no profit and loss, because no costs were given.",
    ),
    Section(
        "totals",
        "From revenue to profit",
        "What all customers contribute, less what can't be traced to any one of them.",
        "There are no totals, because no cost ledger was given.",
    ),
    Section(
        "distortion",
        "What spreading costs by revenue would hide",
        "The same costs twice: spread over customers by their revenue, as is often done, and "
        "traced to the customers who cause them.",
        "There is no comparison, because no cost ledger was given.",
    ),
    Section(
        "cost_to_serve",
        "What is left after serving them",
        "Customers by net margin and by what it costs to serve them; each axis is cut at its "
        "median.",
        "There is no map, because no cost ledger was given.",
    ),
    Section(
        "activities",
        "What activities cost",
        "The costs of the ledger by activity. Idle cost is capacity that was paid for and not "
        "used; no customer is charged for it.",
        "There are no activities, because no cost ledger was given.",
    ),
    Section(
        "customers",
        "Customers",
        "Click a heading to sort; type to search by customer, tier, segment or date.",
        "The result came without a table of customers.",
    ),
    Section(
        "parameters",
        "Parameters of the models",
        "For the analyst: what was estimated, with 95 % confidence limits.",
        "Nothing was estimated for this result: its models came ready-made.",
    ),
    Section(
        "facts",
        "How this report was made",
        "",
        "The result came without notes on how it was made.",
    ),
)
