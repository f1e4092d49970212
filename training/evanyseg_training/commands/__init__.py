"""One command per file; heavy imports inside the functions."""
