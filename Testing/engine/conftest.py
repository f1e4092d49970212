"""Fixtures of the engine's tests."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from doubles import BrightEstimator, BrightSegmenter
from engine import files, phantom
from engine.cli_fixtures import SHAPE, bright_command, bright_environment
from evanyseg import cli, models
from evanyseg.models import ModelSpec


@pytest.fixture
def bright_models() -> Iterator[None]:
    """The stand-ins under the names 'bright' and 'bright-box', for as long as a test runs."""
    models.estimators.register(ModelSpec("bright", "stand-in", lambda spec, path, device: BrightEstimator()))
    models.segmenters.register(ModelSpec("bright-box", "stand-in", lambda spec, path, device: BrightSegmenter()))
    yield
    models.estimators.remove("bright")
    models.segmenters.remove("bright-box")


@pytest.fixture
def evanyseg(bright_models: None, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs one command line in this process: (exit code, standard output, standard error)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main([str(a) for a in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def bright_process() -> Callable[..., subprocess.CompletedProcess]:
    """Runs one command line in a process of its own, with the stand-ins: `prelude` is Python that runs before it."""

    def run(*arguments: object, folder: Path, prelude: str = "", stdout=subprocess.PIPE, **options):
        return subprocess.run(
            bright_command(*arguments, prelude=prelude), cwd=folder, env=bright_environment(), stdout=stdout,
            stderr=subprocess.PIPE, text=True, encoding="utf-8", timeout=240, **options,
        )  # fmt: skip

    return run


@pytest.fixture
def picture(tmp_path: Path) -> tuple[Path, Path, np.ndarray]:
    pixels, mask = phantom.picture()
    image = files.write_image_2d(tmp_path / "image.png", pixels)
    return image, files.write_image_2d(tmp_path / "mask.png", mask.astype(np.uint8) * 255), mask


@pytest.fixture
def volume(tmp_path: Path) -> tuple[Path, Path]:
    made = phantom.volume(SHAPE)
    labels = phantom.ball(SHAPE).astype(np.uint8)
    labels[5] = np.roll(labels[5], 9, axis=1)
    labels[7] = 0
    return files.write_volume(tmp_path / "v.nii.gz", made), files.write_volume(tmp_path / "l.nii.gz", made, labels)


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A folder `ct` with the DICOM files of an oblique phantom."""
    from engine import dicom_masks  # highdicom is not needed by the other tests

    return dicom_masks.write_series(tmp_path / "ct", phantom.volume(dicom_masks.SHAPE, **dicom_masks.FINE))
