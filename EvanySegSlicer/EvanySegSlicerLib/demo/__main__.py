"""`python -m EvanySegSlicerLib.demo` is `evanyseg demo`, also where no entry points are installed."""

import sys

from evanyseg.cli import main

sys.exit(main(["demo", *sys.argv[1:]], {"demo": "EvanySegSlicerLib.demo.command:demo"}))
