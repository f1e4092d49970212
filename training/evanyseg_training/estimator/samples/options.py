"""How training samples of the estimator are drawn."""

from __future__ import annotations

from dataclasses import dataclass

from evanyseg.quality.modes import TRAINING


@dataclass(frozen=True)
class DataOptions:
    """`group`: masks of one object in a row (for the ranking loss); `by_methods`: share of masks by methods and
    annotators (not by synthetic corruption) where the object has them; `without_box`: share scored without a prompt, by
    the mask's bounding box; `set_power`: a set of n objects is drawn with weight n ** set_power (0: all sets alike);
    `set_weight`: extra factors of single sets; `texture`: share of groups' masks shown on an image with other texture;
    `elastic`: share deformed together with its object and image; `painted`: share whose regions are painted anew;
    `hollow`: share whose object gets a cavity or a wall; `curves`: share with drawn thin structures instead;
    `foreground`: share whose object is all that the image shows on a dark background."""

    size: int = 128
    group: int = 4
    by_methods: float = 0.55
    without_box: float = 0.3
    factors: tuple[float, float] = TRAINING
    box_jitter: float = 0.07
    set_power: float = 0.4
    set_weight: tuple[tuple[str, float], ...] = (("totalseg_reference", 0.5),)
    texture: float = 0.0
    elastic: float = 0.0
    painted: float = 0.0
    hollow: float = 0.0
    curves: float = 0.0
    foreground: float = 0.0
    seed: int = 0
