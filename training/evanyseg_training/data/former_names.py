"""Names that stood in files before: read for one version, never written.

Tables (stores, candidates, held-out lists, runs), configuration files and the command line all go through here, so that
this file and its callers are all there is to delete.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evanyseg.quality.modes import FORMER_NO_PROMPT, NO_PROMPT

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    "maker": "mask_source",
    "family": "mask_method",
    "people": "human_annotator",
    "wide": "balanced",
    "natural": "unfiltered",
    "cut": "subgroup",
}
MODES = {FORMER_NO_PROMPT: NO_PROMPT}
LISTS = {"wide": "balanced", "real": "model-generated", "natural": "unfiltered"}
MASK_SOURCES = {
    "damage": "corruption",
    "unseen damage": "unseen corruption",
    "people": "annotator",
    "rival": "comparison",
}
MASK_METHODS = {"warp": "elastic deformation"}
SUBGROUPS = {"maker": "mask_source"}
VALUES: Mapping[str, Mapping[str, str]] = {
    "mode": MODES,
    "list": {**LISTS, **MASK_SOURCES},
    "mask_source": MASK_SOURCES,
    "subgroup": SUBGROUPS,
}
TABLES = {"metrics": "figures", "subgroups": "parts", "annotators": "people"}
"""Tables of a run, by what they are called now."""
SETTINGS = {
    "real": "by_methods",
    "transplanted": "texture",
    "warped": "elastic",
    "sources_out": "leave_out",
    "hedge": "blend",
}
"""Settings of configuration files."""


def with_current_names(table: pd.DataFrame) -> pd.DataFrame:
    """The table with columns and values as they are called now; itself where nothing was renamed."""
    table = table.rename(columns={old: new for old, new in COLUMNS.items() if old in table and new not in table})
    for column, values in VALUES.items():
        if column in table and table[column].isin(list(values)).any():
            table = table.assign(**{column: table[column].replace(dict(values))})
    if "mask_method" in table and table["mask_method"].astype(str).str.contains("|".join(MASK_METHODS)).any():
        table = table.assign(mask_method=table["mask_method"].map(current_method))
    return table


def current_method(name: str) -> str:
    """A method, or a mixture 'a + b' of two, as it is called now."""
    return " + ".join(MASK_METHODS.get(part, part) for part in str(name).split(" + "))


def former_method(name: str) -> str:
    """What a method was called first: held-out lists are drawn by hashes of that name, and stay as they are."""
    first = {new: old for old, new in MASK_METHODS.items()}
    return " + ".join(first.get(part, part) for part in name.split(" + "))


def with_current_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a file under the names that they have now."""
    return {SETTINGS.get(name, name): value for name, value in values.items()}


def with_current_modes(summary: Mapping[str, Any]) -> dict[str, Any]:
    """run.json with the modes and lists as they are called now."""
    out = dict(summary)
    if "turning" in out:
        out["turning"] = {MODES.get(mode, mode): found for mode, found in out["turning"].items()}
    if "differences" in out:
        keys = {key: key.split(", ") for key in out["differences"]}
        out["differences"] = {
            f"{LISTS.get(which, which)}, {MODES.get(mode, mode)}": out["differences"][key]
            for key, (which, mode) in keys.items()
        }
    return out


def with_current_description(stored: Mapping[str, Any]) -> dict[str, Any]:
    """An estimator's description (calibration.json) with its parts and modes as they are called now."""
    out = {"metrics" if name == "figures" else name: part for name, part in stored.items()}
    for name in ("factors", "calibration", "metrics"):
        out[name] = {MODES.get(mode, mode): value for mode, value in out[name].items()}
    return out


def table_path(folder: Path, name: str) -> Path:
    """folder/NAME.csv, or the file of its former name where only that is there."""
    return former_file(folder / f"{name}.csv", f"{TABLES.get(name, name)}.csv")


def former_file(path: Path, former: str) -> Path:
    """The path, or that of its former name beside it where only that is there."""
    other = path.with_name(former)
    return other if other.is_file() and not path.is_file() else path
