"""Quality Sentinel's own experiments, small: what the class adds, and masks of the wrong object."""
