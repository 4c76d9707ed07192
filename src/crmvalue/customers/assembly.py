"""The parts of a result, put together with the tables around them."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from crmvalue._frame import Table
from crmvalue._stats import FloatArray
from crmvalue._table import Column, table
from crmvalue.costing import ActivityCosts
from crmvalue.customers import headline, overview
from crmvalue.customers.explain import Trace
from crmvalue.customers.follow_up import follow_up_tables
from crmvalue.customers.holdout import HoldoutCheck
from crmvalue.customers.model import ValueModel
from crmvalue.customers.previous import Previous
from crmvalue.customers.profitability import profitability_tables
from crmvalue.customers.result import CustomerValue
from crmvalue.lifetime.frequency import frequency_table
from crmvalue.rfm.segment_summary import segment_summary
from crmvalue.tiers import whale_curve
from crmvalue.transactions import Log, LogCheck


class Assembly:
    """What a run has made, and the tables that are read off it."""

    def __init__(
        self,
        customers: Any,
        model: ValueModel,
        log: Log,
        holdout: HoldoutCheck | None,
        costs: ActivityCosts | None,
        statement: Any,
        messages: tuple[str, ...],
        fits: dict[str, Any],
        *,
        cohorts: Any,
        previous: Previous | None = None,
        ledger_note: str = "",
    ) -> None:
        self.customers = Table(customers, "customers")
        self.model, self.log, self.holdout, self.costs = model, log, holdout, costs
        self.statement, self.messages, self.fits = statement, messages, fits
        self.ledger_note, self.cohorts, self.previous = ledger_note, cohorts, previous
        self.tier = np.array(self.customers.frame["tier"].cast(nw.String).to_list(), dtype=object)

    def number(self, column: str) -> FloatArray:
        """A column of the customers, NaN where it is not known."""
        return self.customers.numbers(column, null=True)

    def result(self, quality: LogCheck) -> CustomerValue:
        """The result with all its tables."""
        return CustomerValue(
            tables=MappingProxyType(self._tables(quality)),
            model=self.model,
            quality=quality,
            fits=MappingProxyType(self.fits),
            holdout=self.holdout,
            costs=self.costs,
            messages=self.messages,
            _trace=self._trace(),
        )

    def _tables(self, quality: LogCheck) -> dict[str, Any]:
        native, like, profit = self.customers.frame.to_native(), self.log.frame, bool(self.costs)
        segments = self.customers.frame["segment"].cast(nw.String).to_list()
        tiers = overview.tier_table(self.number, self.tier, self.model, like, profit=profit)
        whale_by = "profit" if profit else "lifetime_value"
        bins = self.model.rfm.recency.bins
        tables = {
            "customers": native,
            "tiers": tiers,
            "segments": segment_summary(native, segments=self.model.rfm.segments),
            "rfm_grid": overview.rfm_grid(self.number, segments, bins, like),
            "concentration": overview.concentration_table(self.number, like, profit=profit),
            "whale_curve": whale_curve(
                self.customers.frame.select("customer_id", whale_by).to_native(), by=whale_by
            ),
            "statement": self.statement,
            "statement_by_tier": overview.tier_statement(
                self.statement, self.customers.frame["customer_id"], self.tier
            ),
            "frequency": frequency_table(self.model.purchases, native),
            "left_out": quality.left_out,
            "faults": quality.faults,
            "quality": headline.quality_table(quality, self.log),
            "headline": headline.headline(self.number, tiers, self.costs, profit=profit),
            "facts": headline.facts(
                self.log,
                self.model,
                self.holdout,
                self.messages,
                {"whale_by": whale_by, "ledger_note": self.ledger_note},
            ),
            "limits": headline.limits(self.log, self.messages),
            "cohorts": self.cohorts,
            **follow_up_tables(self.customers, self.model),
        }
        if self.previous is not None:
            tables |= self.previous.tables(self.customers, self.log)
        if self.fits:
            tables["parameters"] = self._parameters()
        if self.holdout is not None:
            tables |= {"tracking": self.holdout.tracking, "holdout": self.holdout.totals}
        if self.costs is not None:
            tables |= {
                "activities": self.costs.activities,
                "reconciliation": self.costs.reconciliation,
                **profitability_tables(self.customers, self.statement, self.costs),
            }
        return tables

    def _parameters(self) -> Any:
        found: dict[str, list[Any]] = {"model": []}
        for fit in self.fits.values():
            params = fit.params()
            found["model"] += [type(fit.model).__name__] * len(params)
            for column in params.columns:
                found.setdefault(str(column), []).extend(params[column].tolist())
        columns: dict[str, Column] = {
            name: values if isinstance(values[0], str) else np.array(values, dtype=np.float64)
            for name, values in found.items()
        }
        return table(columns, self.log.frame)

    def _trace(self) -> Trace:
        tiers = self.model.tiers
        return Trace(
            ids=self.customers.frame["customer_id"],
            log=self.log,
            costs=self.costs,
            column=self.number,
            tier=self.tier,
            thresholds={"gold from": tiers.gold, "lead up to": tiers.lead},
            band=self.model.band,
            earlier=None
            if self.previous is None
            else self.previous.ranks(self.customers.frame["customer_id"]),
            tier_by=tiers.by,
            purchase_model=repr(self.model.purchases),
            spend_model=repr(self.model.spend),
            has_goods=not bool(np.isnan(self.number("cost_of_goods_sold")).all()),
        )
