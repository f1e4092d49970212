"""Does an estimator that learns from a few corrected cases judge the others of that set better?"""
