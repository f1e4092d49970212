"""SA-Med2D-20M: `images/MODALITY--DATASET--CASE--AXIS_SLICE.png`, and for each object of it a binary mask
`masks/<the same>--CLASS_INSTANCE.png`; class names in `SAMed2D_v1_class_mapping_id.json` (Ye et al. 2023)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from ...errors import DataError
from .record import Record


def read_sa_med2d(root: Path, use: str = "train") -> Iterator[Record]:
    """Records in the order of the folder listing, one at a time: memory does not grow with the data.

    A subject is DATASET and CASE; a source is DATASET. Raises DataError for a missing folder or an odd name.
    """
    masks = root / "masks"
    if not masks.is_dir() or not (root / "images").is_dir():
        raise DataError(f"{root} is not laid out as SA-Med2D-20M: it needs the folders 'images' and 'masks'.")
    names = _class_names(root)
    with os.scandir(masks) as entries:
        for entry in entries:
            if not entry.name.endswith(".png"):
                continue
            parts = entry.name[: -len(".png")].split("--")
            if len(parts) < 5 or "_" not in parts[-1]:
                raise DataError(f"{entry.name} is not a mask name of SA-Med2D-20M (five parts joined by '--').")
            modality, dataset, case = parts[0], parts[1], "--".join(parts[2:-2])
            class_id = parts[-1].split("_")[0]
            yield Record(
                image=root / "images" / ("--".join(parts[:-1]) + ".png"),
                mask=Path(entry.path),
                set=dataset,
                source=dataset,
                subject=case,
                use=use,
                modality=modality,
                label=names.get(dataset, {}).get(int(class_id), f"class {int(class_id)}"),
            )


def _class_names(root: Path) -> dict[str, dict[int, str]]:
    path = next(iter(sorted(root.glob("*class_mapping*.json"))), None)
    if path is None:
        return {}
    tables = json.loads(path.read_text(encoding="utf-8"))
    return {dataset: dict(_id_and_name(k, v) for k, v in table.items()) for dataset, table in tables.items()}


def _id_and_name(key: str, value: object) -> tuple[int, str]:
    """Both directions are in use: {"liver": 1} and {"1": "liver"}."""
    return (int(key), str(value)) if key.isdigit() else (int(str(value)), key)
