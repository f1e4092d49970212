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


def test_a_slice_that_lacks_its_mask_is_found_when_it_is_looked_for(browser, phantom: Path, tmp_path: Path) -> None:
    import SimpleITK as sitk

    image = sitk.ReadImage(str(phantom))
    masks = (sitk.GetArrayFromImage(image) > 240).astype(np.uint8)
    masks[18] = 0
    labels = sitk.GetImageFromArray(masks)
    labels.CopyInformation(image)
    sitk.WriteImage(labels, str(tmp_path / "labels.nii.gz"))
    with (
        Server("--volume", phantom, "--segmentation", tmp_path / "labels.nii.gz") as server,
        Reviewer(browser, server) as reviewer,
    ):
        reviewer.page.click("#missing")
        reviewer.page.click("#score")
        reviewer.page.wait_for_selector("#table [data-key]:has-text('Missing?')")
        reviewer.wait_idle()
        suspected = [row[1] for row in reviewer.rows() if "Missing?" in row[4]]
        assert suspected == ["axial 18"]
        reviewer.page.click("#table [data-key]:has-text('Missing?')")
        reviewer.page.wait_for_selector("#accept:not([disabled])")
        assert not reviewer.errors
