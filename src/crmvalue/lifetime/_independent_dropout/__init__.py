"""NBD, Pareto/NBD and GGompertz/NBD: leaving has nothing to do with buying, if anyone leaves.

`model` is what they share; the integrals over the time of leaving are in `two_powers` (Pareto) and
`gompertz`.
"""
