"""`python -m evanyseg_training ...` is the same as `evanyseg-train ...`."""

from .cli import main

main()
