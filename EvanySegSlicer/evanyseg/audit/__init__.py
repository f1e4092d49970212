"""Auditing a data set without a reference: which labels are good, which cases are worst, whom the labels serve worse.

layouts: where cases come from; case: what one is; measure: scoring a case; classes and groups: what is said of labels
and of metadata; suspicions: names that may be exchanged; ranking: which cases to take; page: the HTML.
Quality Sentinel (arXiv 2406.00327) audits data sets so: the mean over ten uniform slices stands for a volume.
"""
