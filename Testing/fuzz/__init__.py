"""Damaged files of every format against the command line: `python3 dev.py fuzz --files 1000`."""
