"""Masks that were there before: opened with their volume, scored from the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from evanyseg.io.read import read_image, read_segmentation
from web.browser import Reviewer
from web.running import Server


def test_masks_named_at_start_are_scored_and_unchanged(browser, phantom: Path, tmp_path: Path) -> None:
    import SimpleITK as sitk

    image = sitk.ReadImage(str(phantom))
    masks = np.zeros(image.GetSize()[::-1], np.uint8)
    masks[15:21, 20:44, 22:40] = 1
    labels = sitk.GetImageFromArray(masks)
    labels.CopyInformation(image)
    sitk.WriteImage(labels, str(tmp_path / "labels.nii.gz"))
    with (
        Server("--volume", phantom, "--segmentation", tmp_path / "labels.nii.gz") as server,
        Reviewer(browser, server) as reviewer,
    ):
        reviewer.page.click("#score")
        reviewer.wait_rows(6)
        reviewer.wait_idle()
        found = read_segmentation(reviewer.export("segmentation", tmp_path)).on_grid_of(read_image(phantom))
    [segment] = found.segments
    assert np.array_equal(found.mask(segment), masks > 0)
