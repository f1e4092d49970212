"""Commands that measure and report."""

from .comparison import rivals
from .differences import differences
from .evaluate import evaluate
from .heldout import heldout
from .report import report

COMMANDS = {"rivals": rivals, "heldout": heldout, "evaluate": evaluate, "differences": differences, "report": report}
