"""How much the trees should trust the network: measured on held-out sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.utils.data import DataLoader

from evanyseg.nets.builtin_estimator import BuiltinEstimatorNet
from evanyseg.quality.context import AUXILIARY_COUNT
from evanyseg.quality.gbdt import NETWORK
from evanyseg.quality.modes import MODES, NO_PROMPT, WITH_BOX, WITHOUT_BOX

from .gbdt import TreeOptions, collect, fit_trees, tree_inputs_of
from .module import macro_metrics
from .samples.data import UNSEEN, EstimatorData
from .samples.fixed import FixedData, fixed_samples

if TYPE_CHECKING:
    import pandas as pd

BLENDS = (0.0, 0.25, 0.4, 0.5, 0.75, 1.0)
SHARES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def blend_table(
    net: BuiltinEstimatorNet,
    train: EstimatorData,
    held: EstimatorData,
    groups: int = 2500,
    per_set: int = 150,
    factors: tuple[float, float] = (WITH_BOX, WITHOUT_BOX),
) -> pd.DataFrame:
    """Rows (mode, answer, masks, r, MAE; macro means over the sets of `held`): the network alone, then trees fitted on
    `groups` groups of `train` with each blend, then both together. factors: window factor with and without a box."""
    import pandas as pd

    inputs, true = collect(net, train, groups, UNSEEN, flips=False)
    options = TreeOptions(levels=())  # the Dice alone
    whole, measured = fit_trees(inputs, true, options), fit_trees(inputs[:, :AUXILIARY_COUNT], true, options)
    rows = []
    for mode, factor in zip(MODES, factors, strict=True):
        picks = fixed_samples(held, per_set, 9, mode == NO_PROMPT)
        sets = [name for _, name in picks]
        seen, dice = tree_inputs_of(net, DataLoader(FixedData(held, picks, factor, mode == NO_PROMPT), 32), flips=False)
        a, b = whole.predict(seen)[:, 0], measured.predict(seen[:, :AUXILIARY_COUNT])[:, 0]
        answers = {"network alone": seen[:, AUXILIARY_COUNT + NETWORK.index("dice")]}
        answers |= {f"trees, blend {h:g}": (1 - h) * a + h * b for h in BLENDS}
        trees = answers["trees, blend 0.4"]
        answers |= {
            f"network {share:g}, trees, blend 0.4": share * answers["network alone"] + (1 - share) * trees
            for share in SHARES
        }
        for name, answer in answers.items():
            metrics = macro_metrics(answer, dice, sets)
            rows.append({"mode": mode, "answer": name, "masks": len(dice), "r": metrics["r"], "MAE": metrics["mae"]})
    return pd.DataFrame(rows).round(4)
