"""Commands of the built-in estimator, in the order of its stages."""

from .architectures import architectures
from .blend import hedges
from .calibrate import calibrate
from .export import export
from .gbdt import trees
from .head import head
from .train import estimator

COMMANDS = {
    "estimator": estimator,
    "head": head,
    "hedges": hedges,
    "trees": trees,
    "calibrate": calibrate,
    "export": export,
    "architectures": architectures,
}
