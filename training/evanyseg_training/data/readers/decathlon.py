"""Medical Segmentation Decathlon: `dataset.json`, `imagesTr/*.nii.gz`, `labelsTr/*.nii.gz` (Antonelli et al. 2022)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from ...errors import DataError
from .record import Record


def read_decathlon(root: Path, use: str = "train") -> Iterator[Record]:
    """Records of one task folder, or of each task folder in `root`; every volume is a subject.

    Raises DataError where there is no dataset.json or a listed file is missing.
    """
    tasks = [root] if (root / "dataset.json").is_file() else sorted(p.parent for p in root.glob("*/dataset.json"))
    if not tasks:
        raise DataError(f"There is no dataset.json in {root} or in a folder of it; name a Decathlon task folder.")
    for task in tasks:
        described = json.loads((task / "dataset.json").read_text(encoding="utf-8"))
        modality = " ".join(str(m) for m in described.get("modality", {}).values())
        for case in described.get("training", []):
            image, mask = task / case["image"], task / case["label"]
            for path in (image, mask):
                if not path.is_file():
                    raise DataError(f"{task.name}/dataset.json lists {path.name}, which is not there.")
            for value, label in described["labels"].items():
                if int(value) > 0:
                    subject = image.name.removesuffix(".gz").removesuffix(".nii")
                    yield Record(
                        image=image,
                        mask=mask,
                        set=task.name,
                        source=task.name,
                        subject=subject,
                        use=use,
                        modality=modality,
                        label=str(label),
                        mask_value=value,
                        is_3d=True,
                    )
