"""The page of the ablation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evanyseg.io.write import write_text

from ...candidates.mask_sources import OTHER_OBJECT
from ...reporting.run_report import markdown_of
from .run import Ablation
from .tables import LOW, ablation_table, people, wrong_table

if TYPE_CHECKING:
    import pandas as pd

PAGE = "sentinel.md"
TITLE = "## Told the class (Quality Sentinel)"


def write_page(folder: Path, found: Ablation, scored: pd.DataFrame | None, trained: int, told: str) -> Path:
    """sentinel.md. trained: masks that the arms were trained on; told: command, commit and settings."""
    test = found.test[found.test.mask_source != OTHER_OBJECT]
    others = len(found.test) - len(test)
    sets = f"{test.set.nunique()} sets"
    beside = ""
    if scored is not None:
        number = (scored.kind == OTHER_OBJECT).sum()
        beside = f" The built-in estimator: {number} and {len(scored) - number} masks of the same people."
    text = (
        f"{TITLE}\n\n{told}. Small crops around the mask, one small network for all arms and equal steps: what is "
        f"asked is the order of the paper's arms, not its numbers. Trained on {trained} masks; measured on {len(test)} "
        f"masks by segmenters that saw none of these {len(set(people(test)))} people, {test.label.nunique()} classes "
        f"of {sets} pooled by name (SD of the true Dice {test.dice.std():.3f}); 95 % intervals over people. MAP@k: "
        f"classes with more than k masks.\n\n{markdown_of(ablation_table(found))}\n"
        f"Percent of masks scored below {LOW}: {others} neat outlines of another object (true Dice below .1), good "
        "masks (true Dice above .8) under the name of a class that is not on the image, and under their own."
        f"{beside}\n\n{markdown_of(wrong_table(found, scored))}"
    )
    write_text(folder / PAGE, text)
    return folder / PAGE
