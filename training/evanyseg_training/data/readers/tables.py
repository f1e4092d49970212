"""Tables: the index.csv of a data collection, and a plain CSV with `image,mask` and any of the other columns."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from ...errors import DataError
from .record import Record

_TRUE = {"1", "true", "yes"}


def read_csv(path: Path, **defaults: str) -> Iterator[Record]:
    """Records of a CSV with columns image,mask[,set,source,subject,use,modality,label,mask_value,is_3d,prediction,
    prediction_source]; paths relative to the CSV. Without a subject every image is its own; without a source the
    set's name is taken. `defaults` fill columns that the table lacks. Raises DataError for missing columns."""
    if not path.is_file():
        raise DataError(f"There is no table {path.name} in {path.parent}.")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = {"image", "mask"} - set(reader.fieldnames or ())
        if missing:
            raise DataError(f"{path.name} lacks the column(s) {', '.join(sorted(missing))}.")
        for raw in reader:
            row = {**defaults, **{k: v for k, v in raw.items() if v}}
            name = row.get("set", path.stem)
            yield Record(
                image=path.parent / row["image"],
                mask=path.parent / row["mask"],
                set=name,
                source=row.get("source", name),
                subject=row.get("subject", row["image"]),
                use=row.get("use", "train"),
                modality=row.get("modality", ""),
                label=row.get("label", "object"),
                mask_value=row.get("mask_value", "nonzero"),
                is_3d=row.get("is_3d", "0").lower() in _TRUE,
                prediction=path.parent / row["prediction"] if row.get("prediction") else None,
                prediction_source=row.get("prediction_source", ""),
            )


def read_index(root: Path, **defaults: str) -> Iterator[Record]:
    """Records of `root`/index.csv, which must name set, source, use and subject of each row (nothing is guessed)."""
    path = root / "index.csv" if root.is_dir() else root
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            missing = {"set", "source", "use", "subject"} - set(next(csv.reader(file), ()))
        if missing:
            raise DataError(f"{path.name} lacks the column(s) {', '.join(sorted(missing))}.")
    yield from read_csv(path, **defaults)
