"""Does an estimator that learns from a few corrected cases score the others of that set better?"""
