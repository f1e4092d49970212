"""A folder that is watched: masks that arrive are scored, once, when their files are whole."""
