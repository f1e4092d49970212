"""Commands that measure and report."""

from .comparison import comparison
from .differences import differences
from .evaluate import evaluate
from .heldout import heldout
from .report import report

COMMANDS = {
    "comparison": comparison,
    "heldout": heldout,
    "evaluate": evaluate,
    "differences": differences,
    "report": report,
}
