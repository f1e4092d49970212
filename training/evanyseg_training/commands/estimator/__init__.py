"""Commands of the built-in estimator, in the order of its stages."""

from .architectures import architectures
from .blend import blend
from .calibrate import calibrate
from .class_table import class_table
from .export import export
from .gbdt import gbdt
from .head import head
from .intervals import intervals
from .train import estimator

COMMANDS = {
    "estimator": estimator,
    "head": head,
    "blend": blend,
    "gbdt": gbdt,
    "calibrate": calibrate,
    "export": export,
    "intervals": intervals,
    "architectures": architectures,
    "class-table": class_table,
}
