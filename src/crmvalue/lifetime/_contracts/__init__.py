"""The shifted beta-geometric: `renewals` of cohorts under contract, and what a `model` gives."""
