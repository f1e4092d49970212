"""Commands that measure and report."""

from .adapt_eval import adapt_eval
from .adapt_learners import adapt_learners
from .audit_slices import audit_slices
from .comparison import comparison
from .differences import differences
from .eig_curves import eig_curves
from .evaluate import evaluate
from .heldout import heldout
from .performance import performance
from .rank_gain import rank_gain
from .report import report
from .sentinel import sentinel

COMMANDS = {
    "comparison": comparison,
    "heldout": heldout,
    "evaluate": evaluate,
    "differences": differences,
    "report": report,
    "adapt-eval": adapt_eval,
    "adapt-learners": adapt_learners,
    "eig-curves": eig_curves,
    "performance": performance,
    "audit-slices": audit_slices,
    "sentinel": sentinel,
    "rank-gain": rank_gain,
}
