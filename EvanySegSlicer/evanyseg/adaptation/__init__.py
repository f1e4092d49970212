"""An estimator that learns from cases whose truth is known: corrected slices, a data set that is half annotated.

references -> candidates (masks of known Dice) -> features -> a small ensemble of trees, blended with the built-in
estimator by how much it helps on subjects it has not seen, and never in charge where it does not.
"""
