"""Columns of a frame as covariates: `design` by names or by a `formula`, `factors`, `checks`."""
