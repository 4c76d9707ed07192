"""From a likelihood to estimates, and how sure they are.

`search` finds the maximum, `profile` the limits of parameters, `uncertainty` the intervals of what
a model says; `fitted` names what a model must answer for that.
"""
