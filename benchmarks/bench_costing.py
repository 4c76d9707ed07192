"""Activity-based costing of many customers, beside one polars join and group-by of the same rows.

Run: python benchmarks/bench_costing.py [driver rows in millions]

Ten million sparse driver rows of a million customers and 50 activities are costed end to end: from
polars frames through `activity_costs` to the table of totals. The peer joins a rate to each row and
sums the products by customer. Peak memory is that of a process that reads the rows and does one
of the two.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from crmvalue.costing import activity_costs

ACTIVITIES = 50
ROWS_PER_CUSTOMER = 10
RUNS = 3


def ledger(rows: int) -> dict[str, pl.DataFrame]:
    """Two resources per activity, and drivers of a few activities of each customer."""
    rng = np.random.default_rng(0)
    names = np.array([f"activity {i:02d}" for i in range(ACTIVITIES)])
    resources = [f"resource {i:02d}" for i in range(2 * ACTIVITIES)]
    return {
        "resources": pl.DataFrame(
            {"resource": resources, "cost": rng.uniform(1e5, 1e6, 2 * ACTIVITIES)}
        ),
        "resource_drivers": pl.DataFrame(
            {"resource": resources, "activity": np.tile(names, 2), "share": 1.0}
        ),
        "activity_drivers": pl.DataFrame(
            {
                "customer_id": rng.integers(0, max(rows // ROWS_PER_CUSTOMER, 1), rows),
                "activity": pl.Series(names).gather(rng.integers(0, ACTIVITIES, rows)),
                "quantity": rng.integers(1, 20, rows).astype(float),
            }
        ),
    }


def ours(tables: dict[str, pl.DataFrame]) -> Any:
    return activity_costs(**tables).totals


def peer(tables: dict[str, pl.DataFrame]) -> Any:
    drivers = tables["activity_drivers"]
    rates = drivers.select(pl.col("activity").unique()).with_columns(rate=pl.lit(2.5))
    return (
        drivers.join(rates, on="activity")
        .group_by("customer_id")
        .agg((pl.col("quantity") * pl.col("rate")).sum())
    )


WORK: dict[str, Callable[[dict[str, pl.DataFrame]], Any]] = {
    "tables alone": lambda tables: tables,
    "polars: join and group-by": peer,
    "crmvalue: activity_costs(...).totals": ours,
}


def peak(name: str, folder: str) -> float:
    """Peak memory, in GB, of a process of its own."""
    command = [sys.executable, __file__, name, folder]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def work_alone(name: str, folder: str) -> None:
    """Read the tables, do the work, and print the most memory that it took."""
    files = sorted(Path(folder).glob("*.arrow"))
    WORK[name]({file.stem: pl.read_ipc_stream(file) for file in files})
    # Linux counts in kilobytes, macOS in bytes.
    unit = 1e9 if sys.platform == "darwin" else 1e6
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)


def main(rows: int) -> None:
    tables = ledger(rows)
    times: dict[str, list[float]] = {name: [] for name in WORK}
    for _ in range(RUNS):  # in turn, so that a busy machine slows both
        for name, work in WORK.items():
            start = time.perf_counter()
            work(tables)
            times[name].append(time.perf_counter() - start)
    best = {name: min(found) for name, found in times.items()}
    base = best["polars: join and group-by"]
    print(f"{rows:,} driver rows, best of {RUNS}")
    print(f"  {'':38s} {'time':>9s} {'of polars':>10s} {'peak memory':>12s}")
    with tempfile.TemporaryDirectory() as folder:
        for table, frame in tables.items():
            frame.write_ipc_stream(Path(folder) / f"{table}.arrow")
        for name, seconds in best.items():
            memory = peak(name, folder)
            print(f"  {name:38s} {seconds:7.2f} s {seconds / base:10.2f} {memory:9.2f} GB")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        work_alone(*sys.argv[1:])
    else:
        main(round(float(sys.argv[1] if len(sys.argv) > 1 else 10) * 1e6))
