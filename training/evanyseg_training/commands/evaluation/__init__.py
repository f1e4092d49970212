"""Commands that measure and report."""

from .comparison import rivals
from .evaluate import evaluate
from .heldout import heldout
from .report import report

COMMANDS = {"rivals": rivals, "heldout": heldout, "evaluate": evaluate, "report": report}
