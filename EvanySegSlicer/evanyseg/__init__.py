"""EvanySeg's engine: segment with a SAM variant, score the mask without ground truth.

    import evanyseg

    result = evanyseg.segment(image, box=evanyseg.BoxPrompt(30, 20, 180, 160))
    print(result.estimate.dice, result.estimate.low, result.estimate.high)

The names below are the public API; they are imported when first used, so that `import evanyseg` costs next to nothing.
Everything else may change between versions.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import load_estimator as load_estimator
    from .api import load_segmenter as load_segmenter
    from .api import score as score
    from .api import score_files as score_files
    from .api import segment as segment
    from .errors import EvanySegError as EvanySegError
    from .prompts import BoxPrompt as BoxPrompt
    from .prompts import PointPrompt as PointPrompt
    from .results import QualityEstimate as QualityEstimate

__version__ = "0.1.0"

_PUBLIC = {
    "score": "api",
    "score_files": "api",
    "segment": "api",
    "load_estimator": "api",
    "load_segmenter": "api",
    "BoxPrompt": "prompts",
    "PointPrompt": "prompts",
    "QualityEstimate": "results",
    "EvanySegError": "errors",
}
__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
