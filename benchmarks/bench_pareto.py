"""Fits of Pareto/NBD and NBD, Pareto/NBD beside `lifetimes` on the same data in one run.

Usage: python benchmarks/bench_pareto.py [--customers 100000 1000000] [--runs 3] [--peer-at-most N]

Kind data have daily ages, as a log of dates gives them; unkind data have ages to the second, so
that no two histories are alike. A time counts only where the log-likelihood is no lower than the
peer's; both log-likelihoods are printed in the same formula (ours). The peer takes half a minute
for 100,000 customers and draws its start at random: it runs once, and on no more customers.
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

from crmvalue.lifetime.nbd import NBD
from crmvalue.lifetime.pareto_nbd import ParetoNBD

TRUTH = ParetoNBD(r=0.55, alpha=10.6, s=0.61, beta=11.7)
MODELS = {"Pareto/NBD": ParetoNBD, "NBD": NBD}


def simulate(customers: int, *, daily: bool) -> pd.DataFrame:
    rng = np.random.default_rng(customers)
    days = rng.uniform(182, 455, customers)
    summary = TRUTH.sample(customers, T=(np.floor(days) if daily else days) / 7, rng=rng)
    if daily:
        summary["recency"] = np.floor(summary["recency"] * 7) / 7
    return summary


def timed(run: Callable[[], Any], runs: int) -> tuple[float, Any]:
    times, result = [], None
    for _ in range(runs):
        start = time.perf_counter()
        result = run()
        times.append(time.perf_counter() - start)
    return statistics.median(times), result


def fit_peer(data: pd.DataFrame) -> Any:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        fitter = importlib.import_module("lifetimes").ParetoNBDFitter(penalizer_coef=0.0)
        try:
            fitter.fit(data["frequency"], data["recency"], data["T"])
        except Exception as error:  # the peer raises its own ConvergenceError on some data
            return f"failed: {type(error).__name__}"
    return ParetoNBD(**{name: float(value) for name, value in fitter.params_.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peer-at-most", type=int, default=100_000)
    options = parser.parse_args()
    print(
        f"{'model':10} {'data':7} {'customers':>10} {'histories':>10} {'ours s':>8} {'peer s':>8} "
        f"{'ratio':>6} {'our LL':>16} {'LL - peer LL':>13}"
    )
    for name, model in MODELS.items():
        for kind in ("kind", "unkind"):
            for customers in options.customers:
                data = simulate(customers, daily=kind == "kind")
                ours, fit = timed(lambda m=model, d=data: m.fit(d), options.runs)
                row = f"{name:10} {kind:7} {customers:10,} {fit.n_histories:10,} {ours:8.3f}"
                if model is NBD or customers > options.peer_at_most:
                    print(f"{row} {'':8} {'':6} {fit.log_likelihood:16.3f}", flush=True)
                    continue
                peer, found = timed(lambda d=data: fit_peer(d), 1)
                gain = found
                if not isinstance(found, str):
                    history = (data["frequency"], data["recency"], data["T"])
                    gain = f"{fit.log_likelihood - found.log_likelihood(*history).sum():13.6f}"
                print(
                    f"{row} {peer:8.3f} {peer / ours:6.1f} {fit.log_likelihood:16.3f} {gain}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
