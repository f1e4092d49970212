"""Tables that are scored by several processes or machines, through Dask: the same rows, in the same order."""
