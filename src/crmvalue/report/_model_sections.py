"""The sections on the model: what it foretold, and how well it fits."""

from __future__ import annotations

import pandas as pd

from crmvalue import plot
from crmvalue.report import _model_words
from crmvalue.report._blocks import Block, Items, Tables, Text, facts_of, grid, picture
from crmvalue.report.labels import period_name


def tracking(tables: Tables) -> list[Block]:
    frame = tables.get("tracking")
    if frame is None:
        return []
    days = pd.to_datetime(frame["end_date"]).diff().dt.days
    period = period_name(days.iloc[-1])
    sums, each = (plot.tracking(frame, cumulative=c, period=period) for c in (True, False))
    facts = facts_of(tables)
    when = ""
    if "calibration_end" in facts and "holdout_end" in facts:
        when = f"Fitted up to {facts['calibration_end']}, held out up to {facts['holdout_end']}. "
    told = _model_words.holdout(tables.get("holdout"))
    return [
        Items(told),
        picture(
            sums,
            "tracking-sum",
            "Line chart: repeat purchases so far, actual and expected. " + " ".join(told),
            when + "Purchases after a customer's first, added up since the start.",
        ),
        picture(
            each,
            "tracking-period",
            f"Line chart: repeat purchases per {period}, actual and expected.",
            f"The same {period} by {period}: the model smooths seasons, campaigns and chance.",
        ),
    ]


def fit(tables: Tables) -> list[Block]:
    blocks: list[Block] = []
    counts, holdout = tables.get("frequency"), tables.get("holdout")
    if counts is not None:
        sentence = _model_words.frequency(counts)
        blocks.append(Text(sentence))
        label = f"Bar chart: customers by number of repeat purchases. {sentence}"
        caption = "Customers by number of repeat purchases, as they are and as the model expects."
        blocks.append(picture(plot.frequency(counts), "frequency", label, caption))
        kinds = {"actual": "count", "expected": "count"}
        blocks += grid(counts, "Customers by number of repeat purchases", kinds=kinds, folded=True)
    if holdout is not None:
        blocks += grid(holdout, "The holdout in figures")
    return blocks
