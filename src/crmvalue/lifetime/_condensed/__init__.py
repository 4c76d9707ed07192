"""BG/CNBD-k and MBG/CNBD-k: customers of `_beta_geometric` with gaps of k stages.

`mechanism` holds the formulas, as `sums` over stages or, over long horizons, over `nodes`; `counts`
those of numbers of purchases; `model` reads and samples gaps, `estimation` also finds k.
"""
