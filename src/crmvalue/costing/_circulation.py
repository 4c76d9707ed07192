"""How cost circulates among support departments, and whether it finds a way out of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import breadth_first_order, connected_components
from scipy.sparse.linalg import splu

from crmvalue._keys import Keys
from crmvalue._stats import FloatArray, group_sum
from crmvalue.costing._cells import Cells, cells
from crmvalue.costing._departments import BoolArray, listed
from crmvalue.errors import FaultList, InputError

DENSE = 400
"""Up to so many support departments, the exact elimination of a dense matrix is quick."""


def shares(served: Cells, counted: BoolArray, size: int) -> Cells:
    """The services that count, as shares of each provider."""
    rows, quantity = served.rows[counted], served.values[counted]
    most = np.zeros(size)
    np.maximum.at(most, rows, quantity)
    part = quantity / most[rows]  # so that no sum of quantities overflows
    share = part / group_sum(rows, part, size)[rows]
    kept = share > 0
    return cells(rows[kept], served.columns[counted][kept], share[kept], (size, size))


def stuck_departments(
    names: Keys, own: FloatArray, support: BoolArray, served: Cells, flows: Cells
) -> BoolArray:
    """Support departments from which nothing can reach an operating one; no cost is in them.

    Raises
    ------
    InputError
        Naming the closed sets of departments, and those that have cost and nobody to pass it to.
    """
    size = len(own)
    links = sp.csr_array((flows.values, (flows.rows, flows.columns)), shape=(size, size))
    stuck = ~_reached(links.T, ~support)
    faults = FaultList()
    silent = stuck & (np.bincount(flows.rows, minlength=size) == 0)
    lost = silent & _reached(links, own > 0)
    serves = np.bincount(served.rows, minlength=size) > 0
    if (mute := lost & ~serves).any():
        faults.add(
            "no_services",
            column="services.provider",
            examples=listed(names, mute),
            expected="the cost of these departments can't be passed on; add what they do for "
            "others to services, or set support to False",
        )
    if (late := lost & serves).any():
        faults.add(
            "no_services_counted",
            column="services.provider",
            examples=listed(names, late),
            expected="these departments serve only support departments, which direct leaves out "
            "and step_down has closed before; close them earlier in order, or use reciprocal",
        )
    for members in _closed_sets(links, stuck & ~silent):
        faults.add(
            "closed_set",
            column="services",
            examples=listed(names, members),
            expected="these departments serve only one another, so that their cost never leaves "
            "them; add a service of one of them to an operating department",
        )
    faults.raise_if_any("the services of support departments")
    return stuck


def _reached(links: Any, starts: BoolArray) -> BoolArray:
    """The nodes that can be reached from any of `starts` along the links."""
    size = len(starts)
    root = sp.csr_array(starts.astype(float)[None, :])
    graph = sp.block_array([[links, None], [root, sp.csr_array((1, 1))]], format="csr")
    found = np.zeros(size + 1, dtype=bool)
    found[breadth_first_order(graph, size, return_predecessors=False)] = True
    return found[:size]


def _closed_sets(links: Any, among: BoolArray) -> list[BoolArray]:
    """The sets of these nodes that all reach one another and nothing else."""
    places = np.flatnonzero(among)
    inner = links[places][:, places].tocoo()
    count, label = connected_components(inner, directed=True, connection="strong")
    left = np.zeros(count, dtype=bool)
    left[label[inner.row][label[inner.row] != label[inner.col]]] = True
    # What leaves for a department without services is that department's fault.
    outward = np.asarray(links[places][:, np.flatnonzero(~among)].sum(axis=1)).ravel() > 0
    left[label[outward]] = True
    sets = []
    for code in np.flatnonzero(~left):
        members = np.zeros(len(among), dtype=bool)
        members[places[label == code]] = True
        sets.append(members)
    return sets


def gross_cost(own: FloatArray, passing: BoolArray, flows: Cells, names: Keys) -> FloatArray:
    """Own and received cost of the departments that pass it on, 0 for all others."""
    places = np.flatnonzero(passing)
    inside = passing[flows.columns]
    size = len(own)
    leak = group_sum(flows.rows[~inside], flows.values[~inside], size)[places]
    at = (flows.rows[inside], flows.columns[inside])
    among = sp.csr_array((flows.values[inside], at), shape=(size, size))[places][:, places]
    gross = np.zeros(size)
    if len(places) <= DENSE:
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            gross[places] = _eliminate(own[places], among.toarray(), leak)
    else:
        gross[places] = splu((sp.eye_array(len(places)) - among.T).tocsc()).solve(own[places])
    if not np.isfinite(gross).all():
        raise InputError(
            f"the departments {listed(names, ~np.isfinite(gross))} serve almost only one "
            "another: the little that leaves them is beyond the range of numbers. Cure: mend the "
            "quantities of services"
        )
    return gross


def _eliminate(own: FloatArray, among: FloatArray, leak: FloatArray) -> FloatArray:
    """Solve x = own + among' x, where each row of `among` and its `leak` add up to 1.

    Departments are closed one after the other, each with the cost that would come back to it
    folded into its shares (Grassmann, Taksar and Heyman 1985, "Regenerative analysis and steady
    state distributions for Markov chains", Operations Research 33(5)). Nothing is subtracted, so
    that however little leaves a circle of departments, no digits of it are lost.
    """
    among, leak, inflow = among.copy(), leak.copy(), own.copy()
    outflow = np.empty(len(own))
    for k in range(len(own) - 1, -1, -1):
        outflow[k] = leak[k] + among[k, :k].sum()
        onward, back = among[k, :k] / outflow[k], among[:k, k]
        among[:k, :k] += np.outer(back, onward)
        leak[:k] += back * (leak[k] / outflow[k])
        inflow[:k] += inflow[k] * onward
    gross = np.empty(len(own))
    for k in range(len(own)):
        gross[k] = (inflow[k] + gross[:k] @ among[:k, k]) / outflow[k]
    return gross
