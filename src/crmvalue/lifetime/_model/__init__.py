"""What every model rests on.

`model` is its base, `histories` reads the data, `estimation` is the one flow that fits it, and
`mechanism` names what a model of purchases gives.
"""
