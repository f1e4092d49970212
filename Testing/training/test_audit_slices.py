"""What a few slices of a volume say of all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from doubles import BrightEstimator
from engine import files, phantom
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg_training.cli import app
from evanyseg_training.data.readers import Record
from evanyseg_training.errors import DataError, UnrecordedRunError
from evanyseg_training.experiments.audit_slices import TITLE, measured_labels, summary, write_page

SHAPE = (20, 40, 48)


def record(folder: Path, number: int, shift: int) -> Record:
    """A ball that is shifted in its upper half: slices of both halves differ in quality."""
    mask = phantom.ball(SHAPE)
    mask[10:] = np.roll(mask[10:], shift, 2)
    volume = phantom.volume(SHAPE)
    image = files.write_volume(folder / f"i{number}.nii.gz", volume)
    labels = files.write_volume(folder / f"m{number}.nii.gz", volume, mask.astype(np.uint8))
    return Record(image, labels, "balls", "s", f"p{number}", label="ball", mask_value="1", is_3d=True)


def test_few_slices_are_those_that_an_audit_takes(tmp_path: Path) -> None:
    records = [record(tmp_path, n, 4 * n) for n in range(3)]
    told: list[str] = []
    rows = pd.DataFrame(measured_labels(records, SlicePipeline(BrightEstimator()), (2, 5, 100), told.append))
    assert told == ["balls p0", "balls p1", "balls p2"]
    assert set(rows["count"]) == {2, 5}, "no volume has more than 100 slices"
    few, more = (rows[rows["count"] == n] for n in (2, 5))
    assert (few["all"].to_numpy() == more["all"].to_numpy()).all()
    assert (few["some"] - few["all"]).abs().mean() >= (more["some"] - more["all"]).abs().mean()
    found = summary(rows)
    assert found.volumes.tolist() == [3, 3]
    text = write_page(tmp_path / "out", rows, "`command` at abc", "bright").read_text(encoding="utf-8")
    assert text.startswith(TITLE)
    assert "| balls | ball | 3 |" in text


def test_a_summary_by_hand() -> None:
    rows = [{"set": "a", "label": "x", "subject": f"p{n}", "slices": 30 + n, "count": 10, "all": all_, "some": some}
            for n, (all_, some) in enumerate([(0.9, 0.8), (0.7, 0.7), (0.5, 0.6), (0.7, 0.7)])]  # fmt: skip
    found = summary(pd.DataFrame(rows)).iloc[0]
    assert found.difference.startswith("0.050 [")
    assert found.largest == "0.100"
    assert found["SD between volumes"] == f"{np.std([0.9, 0.7, 0.5, 0.7], ddof=1):.3f}"


def test_what_cannot_be_measured_is_said(tmp_path: Path) -> None:
    made = record(tmp_path, 0, 0)
    head = "set,source,use,modality,label,subject,image,mask,mask_value,is_3d,prediction,prediction_source\n"
    row = f"balls,s,{{use}},MR,ball,p0,{made.image.name},{made.mask.name},1,1,,\n"

    def run(use: str, *more: str) -> Exception | None:
        (tmp_path / "index.csv").write_text(head + row.format(use=use))
        return CliRunner().invoke(app, ["audit-slices", str(tmp_path), "-o", str(tmp_path / "out"), *more]).exception

    assert isinstance(run("train", "--sets", "cubes"), DataError)
    assert isinstance(run("evaluate-only", "--sets", "balls"), UnrecordedRunError)
    with pytest.raises(DataError, match="more than 100 slices"):
        raise run("train", "--sets", "balls", "--counts", "100") or AssertionError
