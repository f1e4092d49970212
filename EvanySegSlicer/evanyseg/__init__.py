"""EvanySeg's engine: segment with a SAM variant, judge the mask without ground truth.

numpy only at import; torch and timm load when a model is created. Registered models:
`evanyseg.models.registry.segmenters`, `evanyseg.models.registry.estimators` (filled by `evanyseg.models`).
"""

__version__ = "0.1.0"
