"""The command line: read files, call a room, write files."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

import crmvalue
from crmvalue._files import read_table
from crmvalue._table import to_pandas
from crmvalue.baseline import check, drift_text
from crmvalue.customers import CustomerValue, ValueModel, value_customers
from crmvalue.customers.model import read_model
from crmvalue.datasets import demo_costs, load_cdnow
from crmvalue.errors import ConvergenceWarning, CrmvalueError
from crmvalue.io import check_target, write_result

_NAMES = {"annual_discount_rate": "--discount-rate", "tolerances": "--tolerance"}
_KEYWORD = re.compile(
    r"(?<![\w./'\"-])(costs|cost_lines|attributes|customer|date|amount|left_out|as_of|time_zone"
    r"|refunds|faults|unit|horizon|annual_discount_rate|calibration_end|tier_by|model|previous"
    r"|band|tolerances)=(?=(\S*[^\s.,;:)])?)"
)


class BadInput(click.ClickException):
    """What the caller can mend: told in words, with exit code 2 and no traceback."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(_for_the_shell(message))


def _for_the_shell(text: str) -> str:
    """Call options as they are called here, where the library has keywords: `--tier-by profit`."""

    def option(found: re.Match[str]) -> str:
        name = _NAMES.get(found[1], "--" + found[1].replace("_", "-"))
        return f"{name} " if found[2] else name

    if text.startswith("transactions lacks"):
        text = text.replace("name them in the call", "name them with customer=, date= and amount=")
    return _KEYWORD.sub(option, text).replace("math.inf", "inf")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(crmvalue.__version__, prog_name="crmvalue")
def main() -> None:
    """What each customer is worth, what each one costs, and what to do about it."""


@main.command()
@click.argument("transactions", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
@click.option(
    "--costs",
    type=click.Path(path_type=Path),
    help="The cost ledger: a folder of tables, or an Excel workbook with a sheet for each.",
)
@click.option("--excel", is_flag=True, help="Write result.xlsx, too, with a sheet for each table.")
@click.option("--cost-lines", type=click.Path(path_type=Path), help="Table line, basis, rate.")
@click.option("--attributes", type=click.Path(path_type=Path), help="Table of customer_id, ...")
@click.option("--customer", default="customer_id", show_default=True, help="Column of customers.")
@click.option("--date", default="date", show_default=True, help="Column of dates (ISO 8601).")
@click.option("--amount", default="amount", show_default=True, help="Column of money.")
@click.option("--left-out", help="Column with your reason to leave a row out.")
@click.option("--as-of", help="Last day that counts; the last date in the log by default.")
@click.option("--time-zone", help="Zone whose calendar day counts.")
@click.option(
    "--refunds", type=click.Choice(["net", "drop", "refuse"]), default="net", show_default=True
)
@click.option(
    "--faults",
    type=click.Choice(["raise", "leave_out"]),
    default="raise",
    show_default=True,
    help="Stop at faulty rows, or leave them out and count them.",
)
@click.option("--unit", type=click.Choice(["D", "W", "M", "Y"]), help="Unit of time [default: W].")
@click.option("--horizon", type=float, help="How far to value, in units [default: without end].")
@click.option("--discount-rate", type=float, help="A year's cost of capital [default: 0.10].")
@click.option("--calibration-end", help="Where the holdout check splits the log.")
@click.option(
    "--tier-by",
    type=click.Choice(["lifetime_value", "profit", "total_spend"]),
    help="What decides the tier [default: lifetime_value].",
)
@click.option(
    "--model", type=click.Path(path_type=Path), help="A model.json to apply without fitting."
)
@click.option(
    "--previous", type=click.Path(path_type=Path), help="An earlier folder: who moved since?"
)
@click.option(
    "--band",
    type=float,
    default=0.0,
    show_default=True,
    help="With --previous: the share of a threshold to pass before a customer changes tier.",
)
def value(transactions: Path, out: Path, excel: bool, **options: Any) -> None:
    """Value every customer of TRANSACTIONS, a CSV or Parquet file."""

    def run() -> CustomerValue:
        log = read_table(transactions, ids=(options["customer"],))
        text_ids = options["customer"] in log and log[options["customer"]].dtype.kind not in "iuf"
        frames = {
            name: None if options[name] is None else read_table(options[name], text_ids=text_ids)
            for name in ("cost_lines", "attributes")
        }
        return value_customers(
            log,
            costs=options["costs"],
            **frames,
            unit=options["unit"],
            horizon=options["horizon"],
            annual_discount_rate=options["discount_rate"],
            calibration_end=options["calibration_end"],
            tier_by=options["tier_by"],
            model=None if options["model"] is None else _read_model(options["model"]),
            previous=options["previous"],
            band=options["band"],
            customer=options["customer"],
            date=options["date"],
            amount=options["amount"],
            as_of=options["as_of"],
            refunds=options["refunds"],
            faults=options["faults"],
            left_out=options["left_out"],
            time_zone=options["time_zone"],
        )

    _value_and_write(run, out, excel=excel)


@main.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
@click.option("--excel", is_flag=True, help="Write result.xlsx, too, with a sheet for each table.")
def demo(out: Path, excel: bool) -> None:
    """Run the whole job on the CDNOW log, with an illustrative ledger."""

    def run() -> CustomerValue:
        log = load_cdnow()
        return value_customers(log, costs=demo_costs(log))

    _value_and_write(run, out, excel=excel)


@main.command("check")
@click.argument("current", type=click.Path(path_type=Path))
@click.option(
    "--baseline",
    required=True,
    type=click.Path(path_type=Path),
    help="The baseline.json of an earlier result, or its folder.",
)
@click.option(
    "--tolerance",
    "tolerances",
    multiple=True,
    metavar="NAME=VALUE",
    help="How far a line, or a family of lines, may drift; may be given several times.",
)
@click.option(
    "--previous", type=click.Path(path_type=Path), help="An earlier folder: who changed tier?"
)
@click.option("--all", "all_lines", is_flag=True, help="Print the lines that have passed, too.")
def check_folder(
    current: Path,
    baseline: Path,
    tolerances: tuple[str, ...],
    previous: Path | None,
    all_lines: bool,
) -> None:
    """Hold CURRENT, the folder of a result, against a baseline.

    Exits with 0 if every line has passed, 1 if one has drifted, 2 if the input can't be used.
    """
    try:
        given = dict(_tolerance(text) for text in tolerances)
        table = check(current, baseline, given, previous=previous)
    except (CrmvalueError, OSError) as error:
        raise BadInput(str(error)) from error
    click.echo(drift_text(table, all_lines=all_lines))
    sys.exit(0 if table["passed"].all() else 1)


def _tolerance(text: str) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    try:
        return name, float(value)
    except ValueError:
        raise BadInput(f"--tolerance takes NAME=VALUE, such as totals=0.2; got {text!r}") from None


def _read_model(path: Path) -> ValueModel:
    if not path.is_file():
        raise BadInput(
            f"there is no file {str(path)!r}; expected a model.json of an earlier result"
        )
    return read_model(path)


def _value_and_write(run: Callable[[], CustomerValue], out: Path, *, excel: bool) -> None:
    try:
        check_target(out, excel=excel)
        with click.progressbar(length=3, label="Valuing customers", file=sys.stderr) as bar:
            bar.update(1)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # told below, as notes
                result = run()
            bar.update(1)
            write_result(result, out, excel=excel)
            bar.update(1)
    except (CrmvalueError, OSError) as error:
        raise BadInput(str(error)) from error
    click.echo(_summary(result))
    click.echo(f"Written to {out}: report.html, customers.csv, customers.parquet, model.json, ...")


def _summary(result: CustomerValue) -> str:
    """Headline figures and tiers, as a few lines of text."""
    formats = {"count": "{:,.0f}", "money": "{:,.2f}", "share": "{:.1%}"}
    rows = to_pandas(result.tables["headline"]).to_dict("records")
    lines = [
        f"{row['label']:<26}{formats[row['kind']].format(row['value']):>16}  {row['note']}"
        for row in rows
    ]
    tiers = to_pandas(result.tiers)[["tier", "customers", "revenue", "profit", "lifetime_value"]]
    known = tiers.dropna(axis="columns", how="all")
    shown = known.to_string(index=False, float_format="{:,.2f}".format)
    notes = [
        f"Left out: {part['rows']:,} rows, {part['money']:,.2f}: {part['reason']}"
        for part in to_pandas(result.quality.left_out).to_dict("records")
    ]
    notes += [f"Note: {text}" for text in result.messages]
    return "\n".join([*lines, "", shown, "", *notes]).rstrip()


if __name__ == "__main__":
    main()
