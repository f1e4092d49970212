"""Nothing is ever half written, and nothing that was there is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine import phantom
from evanyseg.errors import OutputError
from evanyseg.geometry.volume import Volume, same_geometry
from evanyseg.io.read import read_segmentation
from evanyseg.io.write import atomic_path, ending, write_image_2d, write_labels, write_text

TILT = np.array([[0.96, -0.28, 0.0], [0.28, 0.96, 0.0], [0.0, 0.0, 1.0]])


# ---- writing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
def test_label_maps_survive_a_round_trip(tmp_path: Path, suffix: str) -> None:
    volume = phantom.volume((5, 12, 10), direction=TILT)
    labels = phantom.ball((5, 12, 10)).astype(np.uint8) * 2
    path = tmp_path / f"l{suffix}"
    write_labels(path, labels, volume)
    again = read_segmentation(path)
    assert np.array_equal(again.layers[0], labels)
    assert same_geometry(again.grid, volume)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_an_error_while_writing_leaves_the_older_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail_halfway() -> None:
        with atomic_path(path) as part:
            part.write_text("half")
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        fail_halfway()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha", ".png", ".txt"])
def test_a_full_disk_is_reported_and_loses_nothing(tmp_path: Path, suffix: str) -> None:
    resource = pytest.importorskip("resource")  # POSIX alone can limit the size of files
    path = tmp_path / f"l{suffix}"
    path.write_text("precious")
    noise = np.random.default_rng(0).integers(0, 255, (8, 64, 64), dtype=np.uint8)
    if suffix == ".png":
        write = lambda: write_image_2d(path, noise[0].repeat(4, axis=0))
    elif suffix == ".txt":
        write = lambda: write_text(path, "x" * 10000)
    else:
        write = lambda: write_labels(path, noise, Volume(noise))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # no file may grow beyond 4 kB: like a full disk
    try:
        with pytest.raises(OutputError, match="disk"):
            write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "precious"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_text(tmp_path / "file" / "a.txt", "x")


def test_double_endings_are_kept_together() -> None:
    assert [ending(Path(n)) for n in ("a.nii.gz", "B.SEG.NRRD", "c.v2.png")] == [".nii.gz", ".seg.nrrd", ".png"]
