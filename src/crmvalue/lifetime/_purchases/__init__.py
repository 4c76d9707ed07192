"""Models of purchases in continuous time.

`model` fits, predicts and samples; `expectations` and `distributions` answer for every one of them
from the few quantities that `_model.mechanism` names.
"""
