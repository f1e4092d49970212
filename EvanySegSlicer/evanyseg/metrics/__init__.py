"""How good predictions are. A metric is a function (truth [n], prediction [n], weights [B, n]) -> [B].

Weights are counts: row b says how often each case is in resample b, so that one call gives a whole bootstrap, and a row
of ones gives the point estimate. An integer weight w is exactly the same as writing the case down w times.
"""
