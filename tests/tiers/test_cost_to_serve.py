"""The cost-to-serve map: its corners have their names, in every library."""

from __future__ import annotations

import pandas as pd

from crmvalue.tiers.cost_to_serve import cost_to_serve_map


def test_the_cost_to_serve_map_names_its_four_corners(library) -> None:
    corners = pd.DataFrame(
        {"margin": [0.5, 0.5, 0.1, 0.1], "served": [0.1, 0.4, 0.1, 0.4], "quadrant": "old"}
    )
    named = {"margin": "margin", "cost": "served"}
    served = cost_to_serve_map(corners, **named, cuts=(0.25, 0.3))
    wanted = ["passive", "carriage trade", "bargain basement", "aggressive"]
    assert cost_to_serve_map(library(corners), **named, cuts=(0.25, 0.3)) == served
    assert served.assign(corners)["quadrant"].tolist() == wanted
    assert corners["quadrant"].tolist() == ["old"] * 4
    assert repr(served) == "TwoAxisMatrix(x served at 0.25, y margin at 0.3)"
