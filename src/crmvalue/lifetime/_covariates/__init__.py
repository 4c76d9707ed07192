"""Models whose parameters depend on covariates: their likelihood and its estimation."""
