"""The public API: what the page shows runs, and what goes in wrongly is refused in words."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import evanyseg
from doubles import BrightEstimator, BrightSegmenter
from engine import phantom
from evanyseg.errors import ImageError, PromptError

ROOT = Path(__file__).resolve().parents[2]


def test_the_examples_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/api.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 7
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/api.md", "exec"), names)


def test_the_public_names_are_lazy_and_all_there() -> None:
    code = (
        "import sys, evanyseg\n"
        "assert not {'numpy', 'evanyseg.api'} & set(sys.modules)\n"
        "for name in evanyseg.__all__: getattr(evanyseg, name)\n"
        "print(sorted(set(evanyseg.__all__) - set(dir(evanyseg))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT / "EvanySegSlicer", check=True
    )
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = evanyseg.nothing
    assert (ROOT / "EvanySegSlicer/evanyseg/py.typed").is_file()


def test_shapes_that_do_not_fit_are_refused_in_words() -> None:
    image, mask = np.zeros((20, 30)), np.ones((20, 30))
    with pytest.raises(ImageError, match=r"mask is \[20, 29\] and the image \[20, 30\]"):
        evanyseg.score(image, mask[:, :-1], estimator=BrightEstimator())
    with pytest.raises(ImageError, match="give one slice"):
        evanyseg.score(np.zeros((5, 20, 30)), mask, estimator=BrightEstimator())
    with pytest.raises(PromptError, match="outside the image"):
        evanyseg.score(image, mask, evanyseg.BoxPrompt(40, 0, 50, 9), estimator=BrightEstimator())
    with pytest.raises(PromptError, match=r"BoxPrompt\(x0, y0, x1, y1\)"):
        evanyseg.score(image, mask, (4, 0, 9, 9), estimator=BrightEstimator())
    with pytest.raises(PromptError, match=r"BoxPrompt\(x0, y0, x1, y1\)"):
        evanyseg.segment(image, (4, 0, 9, 9), segmenter=BrightSegmenter(), estimator=BrightEstimator())
    for soft in (mask * 0.3, np.where(mask > 0, np.nan, 0)):
        with pytest.raises(ImageError, match="thresholded, such as mask > "):
            evanyseg.score(image, soft, estimator=BrightEstimator())
    with pytest.raises(ImageError, match="values below zero"):
        evanyseg.score(image, (mask * 255).astype(np.int8), estimator=BrightEstimator())
    with pytest.raises(ImageError, match="absolute value"):
        evanyseg.score(image * 1j, mask, estimator=BrightEstimator())
    with pytest.raises(ImageError, match="Unknown intensity preset 'guess'"):
        evanyseg.score(image, mask, estimator=BrightEstimator(), intensity="guess")


def test_an_image_of_yes_and_no_is_black_and_white() -> None:
    image = np.zeros((20, 30), bool)
    image[5:15, 10:20] = True
    assert evanyseg.score(image, image, estimator=BrightEstimator()).dice > 0.99


def test_what_a_file_says_is_a_warning(tmp_path: Path) -> None:
    pixels, mask = phantom.picture()
    exif = Image.Exif()
    exif[274] = 3
    Image.fromarray(pixels).save(tmp_path / "i.png", exif=exif)
    Image.fromarray(mask[::-1, ::-1].astype(np.uint8) * 255).save(tmp_path / "m.png")
    with pytest.warns(UserWarning, match=r"i\.png was turned upright"):
        found = evanyseg.score_files(tmp_path / "i.png", tmp_path / "m.png", estimator=BrightEstimator())
    assert found[0].estimate.dice > 0.99


def test_models_can_be_given_as_objects_and_spacing_and_window_count() -> None:
    image = np.zeros((20, 30))
    image[5:15, 10:20] = 100
    found = evanyseg.segment(
        image, evanyseg.BoxPrompt(8, 3, 22, 17), segmenter=BrightSegmenter(), estimator=BrightEstimator()
    )
    assert found.mask.shape == (20, 30)
    assert found.mask[10, 15]
    double = BrightEstimator()
    double.keep = True
    evanyseg.score(image, image > 0, estimator=double, spacing=(3.0, 1.0))
    assert double.seen[-1].image.shape == (60, 30, 3)
    assert double.seen[-1].image.max() == 255
    evanyseg.score(image, image > 0, estimator=double, intensity="fixed:200,300")
    assert double.seen[-1].image.shape == (20, 30, 3)
    assert double.seen[-1].image.max() == 0
