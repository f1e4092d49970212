"""The installed command in processes of its own, with the built-in networks on generated files."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import files, phantom

MODULE = Path(__file__).resolve().parents[2] / "EvanySegSlicer"
BUILTIN = MODULE / "evanyseg" / "builtin"
needs_weights = pytest.mark.skipif(
    len(list(BUILTIN.glob("*.safetensors"))) < 2, reason="the built-in weights are not in this checkout"
)


def evanyseg(*arguments: object, folder: Path) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(MODULE), "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "evanyseg", *map(str, arguments)],
        cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=240,
    )  # fmt: skip


def test_bad_input_ends_with_one_sentence_and_code_2_before_any_network_is_loaded(tmp_path: Path) -> None:
    pixels, _ = phantom.picture()
    files.write_image_2d(tmp_path / "i.png", pixels)
    done = evanyseg("segment", "i.png", "--box", 90, 0, 99, 9, "-o", "o.png", folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("Error: box (90, 0, 99, 9) lies outside the image of 80 x 60 pixels.")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "o.png").exists()


@needs_weights
def test_the_main_job_on_a_picture(tmp_path: Path) -> None:
    pixels, mask = phantom.picture((180, 240))
    files.write_image_2d(tmp_path / "slice image.png", pixels)
    box = ("--box", 35, 30, 205, 150)
    done = evanyseg("segment", "slice image.png", *box, "-o", "mask.png", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    made = np.asarray(Image.open(tmp_path / "mask.png")) > 0
    assert 2 * (made & mask).sum() / (made.sum() + mask.sum()) > 0.85  # a bright ellipse on a dark ground
    assert 0 <= found["slices"][0]["low"] <= found["slices"][0]["pred_dice"] <= found["slices"][0]["high"] <= 1
    assert found["device"] == "cpu" or found["device"].startswith(("cuda", "mps"))


@needs_weights
def test_pairs_and_then_a_volume_with_everything_written(tmp_path: Path) -> None:
    pixels, mask = phantom.picture((180, 240))
    files.write_image_2d(tmp_path / "i.png", pixels)
    files.write_image_2d(tmp_path / "good.png", mask.astype(np.uint8) * 255)
    files.write_image_2d(tmp_path / "bad.png", np.roll(mask, 60, axis=1).astype(np.uint8) * 255)
    rows = ["image,mask,x0,y0,x1,y1", "i.png,good.png,,,,", "i.png,bad.png,35,30,205,150", "i.png,gone.png,,,,"]
    (tmp_path / "pairs.csv").write_text("\n".join(rows))
    done = evanyseg("score", "--pairs", "pairs.csv", "--out", "scores.csv", folder=tmp_path)
    assert done.returncode == 1
    assert "1 of 3 rows failed" in done.stderr
    with (tmp_path / "scores.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    good, bad = (float(r["pred_dice"]) for r in table[:2])
    assert bad < good
    assert table[2]["pred_dice"] == ""

    volume = phantom.volume((6, 96, 112))
    files.write_volume(tmp_path / "v.nii.gz", volume)
    files.write_volume(tmp_path / "l.nii.gz", volume, phantom.ball((6, 96, 112)))
    outputs = ("-o", "s.json", "--overlay", "q.nrrd", "--report", "r.html")
    done = evanyseg("score", "v.nii.gz", "l.nii.gz", "--segmenter", "builtin", *outputs, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert len([r for r in found["rows"] if r["finding"] == "mask"]) == int(
        phantom.ball((6, 96, 112)).any(axis=(1, 2)).sum()
    )
    assert (tmp_path / "q.nrrd").stat().st_size > 100
    assert (tmp_path / "q.ctbl").exists()
    assert "not for clinical use" in (tmp_path / "r.html").read_text(encoding="utf-8")
