"""How often 95 % intervals hold the truth, over simulated sets of customers.

Usage: python benchmarks/bench_coverage.py [--models BGNBD ...] [--sets 500] [--customers 2000]
                                           [--processes 2]

Each set is drawn from the model at the parameters below, fitted, and asked for its intervals: of
the parameters by `Fit.params` (profile likelihood; beside it, as "curvature", what the standard
errors alone would give), of predictions by `Fit.interval` (delta method). With 500 sets the
coverage printed has a standard error of 1 %. Sets whose fit is not sound are counted, not left out.
"""

from __future__ import annotations

import argparse
import importlib
import time
import warnings
from multiprocessing import Pool
from typing import Any

import numpy as np
import pandas as pd

from crmvalue.errors import ConvergenceWarning

# Module, parameters, range of ages T in weeks. Customers arrive evenly over a quarter.
MODELS: dict[str, tuple[str, dict[str, float], tuple[float, float]]] = {
    "BGNBD": ("bg_nbd", {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}, (65, 78)),
    "MBGNBD": ("mbg_nbd", {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}, (65, 78)),
    "ParetoNBD": (
        "pareto_nbd",
        {"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669},
        (65, 78),
    ),
    "NBD": ("nbd", {"r": 0.385, "alpha": 12.072}, (65, 78)),
    "GammaGamma": ("gamma_gamma", {"p": 6.25, "q": 3.744, "gamma": 15.444}, (65, 78)),
}
QUANTITIES: list[tuple[str, tuple[float, ...], dict[str, float]]] = [
    ("expected_purchases_new_customer", (52.0,), {}),
    ("expected_purchases", (2.0, 40.0, 70.0), {"horizon": 52.0}),
    ("expected_purchases", (0.0, 0.0, 70.0), {"horizon": 52.0}),
    ("probability_alive", (2.0, 40.0, 70.0), {}),
]
SPEND: list[tuple[str, tuple[float, ...], dict[str, float]]] = [
    ("expected_spend", (0.0, 0.0), {}),
    ("expected_spend", (2.0, 22.35), {}),
]


def truth_of(name: str) -> tuple[Any, Any]:
    module, parameters, _ = MODELS[name]
    model = getattr(importlib.import_module(f"crmvalue.lifetime.{module}"), name)
    return model, model(**parameters)


def simulate(name: str, customers: int, rng: np.random.Generator) -> pd.DataFrame:
    _, truth = truth_of(name)
    T = rng.uniform(*MODELS[name][2], customers)
    if name != "GammaGamma":
        return truth.sample(customers, T=T, rng=rng)
    summary = truth_of("BGNBD")[1].sample(customers, T=T, rng=rng)
    x = np.maximum(summary["frequency"].to_numpy(), 1)
    rate = rng.gamma(truth.q, 1 / truth.gamma, customers)
    return summary.assign(monetary_value=rng.gamma(truth.p * x, 1 / (rate * x)))


def one_set(task: tuple[str, int, int]) -> tuple[bool, list[tuple[float, float, float]]]:
    """Whether the fit is sound, and (lower, upper, truth) of everything."""
    name, customers, number = task
    model, truth = truth_of(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = model.fit(simulate(name, customers, np.random.default_rng([number, 1])))
        params = fit.params()
        found = []
        for row in params.itertuples():
            reach = 1.96 * row.std_error / row.estimate
            right = getattr(truth, row.parameter)
            found.append((row.lower, row.upper, right))
            found.append((row.estimate * np.exp(-reach), row.estimate * np.exp(reach), right))
        for quantity, arguments, named in quantities_of(name):
            interval = fit.interval(quantity, *arguments, **named)
            right = getattr(truth, quantity)(*arguments, **named)
            found.append((float(interval.lower), float(interval.upper), float(right)))
    return fit.converged, found


def quantities_of(name: str) -> list[tuple[str, tuple[float, ...], dict[str, float]]]:
    if name == "GammaGamma":
        return SPEND
    # Whoever bought once is alive for certain under BG/NBD, and nobody leaves under NBD.
    return [entry for entry in QUANTITIES if not (name == "NBD" and "alive" in entry[0])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--sets", type=int, default=500)
    parser.add_argument("--customers", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    print(
        f"{'model':11} {'quantity':48} {'truth':>9} {'covered %':>9} {'below %':>8} {'above %':>8}"
    )
    with Pool(options.processes) as pool:
        for name in options.models:
            start = time.perf_counter()
            tasks = [(name, options.customers, number) for number in range(options.sets)]
            results = pool.map(one_set, tasks, chunksize=10)
            sound = sum(converged for converged, _ in results)
            both = [(parameter, f"{parameter} (curvature)") for parameter in MODELS[name][1]]
            labels = [label for pair in both for label in pair] + [
                f"{quantity}({', '.join(f'{v:g}' for v in (*arguments, *named.values()))})"
                for quantity, arguments, named in quantities_of(name)
            ]
            for label, column in zip(
                labels, zip(*(r for _, r in results), strict=True), strict=True
            ):
                lower, upper, truth = np.array(column).T
                below, above = 100 * np.mean(truth < lower), 100 * np.mean(truth > upper)
                held = 100 * np.mean((lower <= truth) & (truth <= upper))
                print(f"{name:11} {label:48} {truth[0]:9.4g} {held:9.1f} {below:8.1f} {above:8.1f}")
            seconds = time.perf_counter() - start
            print(f"{name:11} sound fits: {sound} of {options.sets}; {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
