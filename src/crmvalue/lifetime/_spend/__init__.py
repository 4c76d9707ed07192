"""Gamma-gamma and the normal model of spend: repeat buyers as they are read, and likelihoods."""
