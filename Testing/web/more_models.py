"""The page's server with a second segmenter, and a learner that is quick: `python -m web.more_models`."""

from __future__ import annotations

import sys

from doubles import ThresholdSegmenter
from evanyseg.models import ModelSpec, segmenters
from EvanySegSlicerLib.presenters.learning import learning
from EvanySegSlicerLib.web.__main__ import main
from scene.learner import QUICK


def prepared() -> None:
    double = ModelSpec("threshold", "Threshold (a double)", lambda *_: ThresholdSegmenter(), note="A double.")
    segmenters.register(double)
    learning.AdaptationOptions = lambda: QUICK


if __name__ == "__main__":
    prepared()
    sys.exit(main())
