"""Own data from the page: sent by the browser, or in the folder that was named; and scenes that go on."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from evanyseg.io.read import read_image, read_segmentation
from web.browser import Reviewer
from web.running import Server, write_phantom

HALF = 125


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """scans/ball.nii.gz, and a secret beside the folder with a link to it inside."""
    root = tmp_path_factory.mktemp("shelf")
    (root / "named/scans").mkdir(parents=True)
    write_phantom(root / "named/scans/shelved.nii.gz", seed=3)
    write_phantom(root / "secret.nii.gz")
    (root / "named/secret.nii.gz").symlink_to(root / "secret.nii.gz")
    return root / "named"


@pytest.fixture(scope="module")
def server(phantom: Path, folder: Path) -> Iterator[Server]:
    with Server("--volume", phantom, "--folder", folder) as running:
        yield running


def send(reviewer: Reviewer, path: Path, kind: str = "image") -> None:
    reviewer.page.set_input_files(f"#file-{kind}", str(path))


def said(reviewer: Reviewer, words: str) -> None:
    reviewer.page.wait_for_function("w => document.getElementById('status').innerText.includes(w)", arg=words)


def test_a_sent_volume_is_opened_and_segmented(reviewer: Reviewer, tmp_path: Path) -> None:
    send(reviewer, write_phantom(tmp_path / "mine.nii.gz", seed=1))
    said(reviewer, "mine.nii.gz was opened")
    assert reviewer.text("#volume-name") == "mine"
    reviewer.wait_idle()
    reviewer.drag("Red", HALF)
    reviewer.wait_rows(1)
    reviewer.wait_idle()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.nii.gz", b"%PDF-1.4", "it is a PDF document"),
        ("a.nii.gz", b"", "empty file"),
        ("a.nrrd", b"NRRD0004\ntype: uint8\ndata file: /etc/hostname\n\n", "outside its folder"),
        ("a.zip", b"PK\x03\x04 but nothing else", "damaged ZIP"),
    ],
)
def test_what_cannot_be_opened_is_said_and_what_was_open_stays(
    reviewer: Reviewer, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    before = reviewer.text("#volume-name")
    (tmp_path / name).write_bytes(content)
    send(reviewer, tmp_path / name)
    said(reviewer, words)
    assert reviewer.text("#volume-name") == before


def test_masks_are_added_to_the_open_volume(reviewer: Reviewer, tmp_path: Path) -> None:
    import SimpleITK as sitk

    send(reviewer, write_phantom(tmp_path / "fresh.nii.gz"))
    said(reviewer, "fresh.nii.gz was opened")
    image = sitk.ReadImage(str(tmp_path / "fresh.nii.gz"))
    labels = np.zeros(image.GetSize()[::-1], np.uint8)
    labels[18:22, 20:44, 20:44] = 1
    mask = sitk.GetImageFromArray(labels)
    mask.CopyInformation(image)
    sitk.WriteImage(mask, str(tmp_path / "labels.nii.gz"))
    send(reviewer, tmp_path / "labels.nii.gz", "masks")
    said(reviewer, "1 segment added")
    reviewer.page.click("#score")
    reviewer.wait_rows(4)
    reviewer.wait_idle()
    found = read_segmentation(reviewer.export("segmentation", tmp_path)).on_grid_of(
        read_image(tmp_path / "fresh.nii.gz")
    )
    assert (found.mask(found.segments[0]) == labels.astype(bool)).all()


def test_what_reading_a_mask_cost_is_said_and_stays_with_its_scores(reviewer: Reviewer, tmp_path: Path) -> None:
    import SimpleITK as sitk

    image = sitk.ReadImage(str(write_phantom(tmp_path / "whole.nii.gz")))
    send(reviewer, tmp_path / "whole.nii.gz")
    said(reviewer, "whole.nii.gz was opened")
    labels = np.zeros([n // 2 for n in image.GetSize()[::-1]], np.uint8)
    labels[9:11, 10:22, 10:22] = 1
    coarse = sitk.GetImageFromArray(labels)
    coarse.SetSpacing((2.0, 2.0, 2.0))
    coarse.SetOrigin((0.5, 0.5, 0.5))
    sitk.WriteImage(coarse, str(tmp_path / "coarse.nii.gz"))
    send(reviewer, tmp_path / "coarse.nii.gz", "masks")
    said(reviewer, "1 segment added")
    said(reviewer, "Mask resampled to the image's grid.")
    reviewer.page.click("#score")
    reviewer.wait_rows(4)
    reviewer.wait_idle()
    table = reviewer.export("table", tmp_path).read_text(encoding="utf-8")
    assert table.count("mask resampled to the image's grid") == 4


def test_contours_are_read_on_the_open_series_and_of_another_patient_refused(
    reviewer: Reviewer, tmp_path: Path
) -> None:
    from engine import dicom_masks

    volume = read_image(write_phantom(tmp_path / "ball.nii.gz"))
    series = dicom_masks.write_series(tmp_path / "series", volume)
    with zipfile.ZipFile(tmp_path / "again.zip", "w") as out:
        for path in sorted(series.iterdir()):
            out.write(path, f"series/{path.name}")
    send(reviewer, tmp_path / "again.zip")
    said(reviewer, "again.zip was opened")
    outline = [dicom_masks.contour(dicom_masks.on_slice(volume, k, dicom_masks.square(20, 20, 20))) for k in (18, 19)]
    made = dicom_masks.structure_set({"Liver": outline})
    made.PatientID = dicom_masks.headers(series)[0].PatientID
    send(reviewer, dicom_masks.save(tmp_path / "rt.dcm", made), "masks")
    said(reviewer, "1 segment added")
    made.PatientID = "somebody else"
    send(reviewer, dicom_masks.save(tmp_path / "other.dcm", made), "masks")
    said(reviewer, "patient")


def test_the_named_folder_is_browsed_and_nothing_else(reviewer: Reviewer) -> None:
    reviewer.page.click("#browse")
    reviewer.page.wait_for_selector("#folder [data-place='scans']")
    assert reviewer.page.locator("#folder [data-place]").count() == 1, "the link that leads out is not shown"
    reviewer.page.click("#folder [data-place='scans'] a")
    reviewer.page.click("#folder [data-place='scans/shelved.nii.gz'] button:has-text('Open')")
    said(reviewer, "shelved.nii.gz was opened")
    assert reviewer.text("#volume-name") == "shelved"
    reviewer.page.click("#browse")


def test_an_exported_scene_goes_on_when_it_is_opened_again(reviewer: Reviewer, phantom: Path, tmp_path: Path) -> None:
    send(reviewer, phantom)
    said(reviewer, f"{phantom.name} was opened")
    reviewer.wait_idle()
    reviewer.drag("Red", HALF)
    reviewer.wait_rows(1)
    reviewer.wait_idle()
    reviewer.press("n")
    reviewer.page.wait_for_selector("#accept:not([disabled])")
    reviewer.press("a")
    reviewer.page.wait_for_function("document.querySelector('#table [data-key]').innerText.includes('accepted')")
    rows = reviewer.rows()
    scene = reviewer.export("scene", tmp_path)
    send(reviewer, write_phantom(tmp_path / "other.nii.gz", seed=5))
    said(reviewer, "other.nii.gz was opened")
    reviewer.wait_rows(0)
    send(reviewer, scene)
    said(reviewer, "the review goes on")
    reviewer.wait_rows(1)
    assert reviewer.rows() == rows
    reviewer.drag("Red", HALF - 10)
    reviewer.page.wait_for_timeout(300)
    reviewer.wait_idle()
    assert len(reviewer.rows()) == 1, "the same slice again"


def test_a_scene_with_a_program_in_it_is_refused(reviewer: Reviewer, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.mrb", "w") as out:
        out.writestr("a/a.mrml", "<MRML></MRML>")
        out.writestr("a/run.py", "raise SystemExit")
    before = reviewer.text("#volume-name")
    send(reviewer, tmp_path / "bad.mrb")
    said(reviewer, "was refused")
    assert reviewer.text("#volume-name") == before


def test_uploads_need_the_cookie_the_origin_and_a_known_kind(server: Server, reviewer: Reviewer) -> None:
    cookie = "; ".join(f"{c['name']}={c['value']}" for c in reviewer.context.cookies())
    assert server.answer("/upload/image?name=a.nii", "POST", Origin=server.origin)[0] == 403
    assert server.answer("/upload/image?name=a.nii", "POST", Cookie=cookie, Origin="http://evil.example")[0] == 403
    assert server.answer("/upload/script?name=a.py", "POST", Cookie=cookie, Origin=server.origin)[0] == 404
    much = {"Content-Length": str(1 << 42), "Cookie": cookie, "Origin": server.origin}
    status, text = server.answer("/upload/image?name=a.nii", "POST", **much)
    assert status == 413
    assert "--folder" in text


def test_a_zipped_series_comes_back_as_a_dicom_seg(reviewer: Reviewer, tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    from engine.dicom_masks import write_series

    series = write_series(tmp_path / "series", read_image(write_phantom(tmp_path / "ball.nii.gz")))
    with zipfile.ZipFile(tmp_path / "series.zip", "w", zipfile.ZIP_DEFLATED) as out:
        for path in sorted(series.iterdir()):
            out.write(path, f"series/{path.name}")
    send(reviewer, tmp_path / "series.zip")
    said(reviewer, "series.zip was opened")
    reviewer.wait_idle()
    reviewer.drag("Red", HALF)
    reviewer.wait_rows(1)
    reviewer.wait_idle()
    found = read_segmentation(reviewer.export("dicom", tmp_path))
    drawn = read_segmentation(reviewer.export("segmentation", tmp_path)).on_grid_of(read_image(series))
    [one], [other] = found.segments, drawn.segments
    assert (found.on_grid_of(read_image(series)).mask(one) == drawn.mask(other)).all()
    assert drawn.mask(other).any()


def test_nothing_that_was_sent_stays_behind(phantom: Path, browser, tmp_path: Path, monkeypatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    with Server("--volume", phantom) as server, Reviewer(browser, server) as reviewer:
        send(reviewer, write_phantom(tmp_path / "mine.nii.gz", seed=1))
        said(reviewer, "mine.nii.gz was opened")
    assert not [p.name for p in scratch.iterdir() if p.name.startswith("evanyseg")]
