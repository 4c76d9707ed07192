"""The report: one page about all customers that opens offline."""

from crmvalue.report.page import render, to_html

__all__ = ["render", "to_html"]
