"""The page's server with two more segmenters, of which one's weights are not here, and a learner that is quick:
`python -m web.more_models`."""

from __future__ import annotations

import hashlib
import sys

from doubles import ThresholdSegmenter
from engine.weight_server import CONTENT
from evanyseg.models import ModelSpec, segmenters
from evanyseg.weights.files import WeightFile
from EvanySegSlicerLib.presenters.learning import learning
from EvanySegSlicerLib.web.__main__ import main
from scene.learner import QUICK

WEIGHTS = WeightFile(
    "fetched", "Fetched (a double)", "fetched.bin", "nowhere", "Apache-2.0", "nobody", "https://nowhere.invalid/x",
    len(CONTENT), hashlib.sha256(CONTENT).hexdigest(),
)  # fmt: skip


def prepared() -> None:
    double = ModelSpec("threshold", "Threshold (a double)", lambda *_: ThresholdSegmenter(), note="A double.")
    segmenters.register(double)
    fetched = ModelSpec("fetched", "Fetched (a double)", lambda *_: ThresholdSegmenter(), WEIGHTS, note="A double.")
    segmenters.register(fetched)
    learning.AdaptationOptions = lambda: QUICK


if __name__ == "__main__":
    prepared()
    sys.exit(main())
