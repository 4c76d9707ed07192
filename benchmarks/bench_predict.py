"""Predictions for many customers: P(alive), expected purchases, discounted purchases.

Usage: python benchmarks/bench_predict.py [--customers 100000 1000000] [--runs 3] [--no-peer]

Kind data have daily ages, unkind data ages to the second. The peer gives P(alive) and the
conditional expectation of BG/NBD, on the same data in the same run.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from crmvalue.lifetime import BGNBD, MBGCNBD, MBGNBD, ParetoNBD

PARAMETERS = {"r": 0.45, "alpha": 5.5, "a": 0.85, "b": 2.0}
MODELS = {
    "BG/NBD": BGNBD(**PARAMETERS),
    "MBG/NBD": MBGNBD(**PARAMETERS),
    "Pareto/NBD": ParetoNBD(r=0.55, alpha=10.6, s=0.61, beta=11.7),
    "MBG/CNBD-2": MBGCNBD(k=2, r=0.9, alpha=5.5, a=0.85, b=2.0),
}
HORIZON = 52.0


def simulate(model: Any, customers: int, *, daily: bool) -> pd.DataFrame:
    rng = np.random.default_rng(customers)
    days = rng.uniform(182, 455, customers)
    summary = model.sample(customers, T=(np.floor(days) if daily else days) / 7, rng=rng)
    if daily:
        summary["recency"] = np.floor(summary["recency"] * 7) / 7
    return summary


def median_time(run: Callable[[], Any], runs: int) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def predict_peer(data: pd.DataFrame) -> None:
    history = (data["frequency"], data["recency"], data["T"])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        lifetimes = importlib.import_module("lifetimes")
        fitter = lifetimes.BetaGeoFitter()
        fitter.params_ = pd.Series(PARAMETERS)
        fitter.conditional_probability_alive(*history)
        fitter.conditional_expected_number_of_purchases_up_to_time(HORIZON, *history)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-peer", action="store_true")
    options = parser.parse_args()
    print(
        f"{'model':10} {'data':7} {'customers':>10} {'P(alive), E s':>13} {'peer s':>8} "
        f"{'10 % s':>8}"
    )
    for name, model in MODELS.items():
        for kind in ("kind", "unkind"):
            for customers in options.customers:
                data = simulate(model, customers, daily=kind == "kind")
                history = (data["frequency"], data["recency"], data["T"])

                def both(model: Any = model, history: Any = history) -> None:
                    model.probability_alive(*history)
                    model.expected_purchases(*history, horizon=HORIZON)

                def discounted(model: Any = model, history: Any = history) -> None:
                    model.discounted_expected_transactions(*history, annual_discount_rate=0.1)

                row = f"{name:10} {kind:7} {customers:10,} {median_time(both, options.runs):13.3f}"
                peer = name == "BG/NBD" and not options.no_peer
                row += f" {median_time(lambda d=data: predict_peer(d), options.runs):8.3f}" * peer
                # On unkind data every customer is a double sum of its own: minutes.
                if kind == "kind":
                    row += " " * 9 * (not peer) + f" {median_time(discounted, options.runs):8.3f}"
                print(row)


if __name__ == "__main__":
    main()
