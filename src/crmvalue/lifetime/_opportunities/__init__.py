"""BG/BB: time is counted in opportunities, each of which is taken or not.

The files are those of `_purchases` and `_model`, with n for T, and `to_come`, the opportunities to
come of a customer who is still there.
"""
