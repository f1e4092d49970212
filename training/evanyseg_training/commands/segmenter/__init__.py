"""Commands of the built-in segmenter."""

from .evaluate import segmenter_eval
from .export import segmenter_export
from .train import segmenter

COMMANDS = {"segmenter": segmenter, "segmenter-eval": segmenter_eval, "segmenter-export": segmenter_export}
