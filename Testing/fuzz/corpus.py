"""Whole files of every format that is read, small, each with the clean partner that a command needs."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from PIL import Image
from pydicom.uid import RLELossless

from engine import files, phantom
from engine.dicom_files import write_slice
from engine.dicom_masks import write_series
from engine.segments import meta, nrrd

SHAPE = (6, 40, 48)
VOLUMES = (
    "nii", "nii.gz", "hdr", "img.gz", "nrrd", "raw.nrrd", "nhdr", "mha", "raw.mha", "mhd",
)  # fmt: skip
PICTURES = ("png", "16.png", "jpg", "tif", "lzw.tif", "bmp", "webp")


@dataclass(frozen=True)
class Sample:
    """files: name -> content; `targets`: those that may be damaged. image, mask: what the command is given.

    role: which of them is damaged ('image', 'mask', 'table'); box: whether the image is one slice.
    """

    format: str
    role: str
    files: dict[str, bytes]
    targets: tuple[str, ...]
    image: str
    mask: str
    single: bool


def corpus() -> list[Sample]:
    """Every format as image and as mask, and tables."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        return [
            *(_volume(folder / f"v-{end}-{role}", end, role) for end in VOLUMES for role in ("image", "mask")),
            *(_picture(folder / f"p-{end}-{role}", end, role) for end in PICTURES for role in ("image", "mask")),
            *(_dicom(folder / f"d-{kind}", kind) for kind in ("slice", "rle", "series", "frames")),
            *(_dicom_mask(folder / f"m-{kind}", kind) for kind in ("seg", "rtstruct")),
            *(_seg_nrrd(folder / f"s-{kind}", kind) for kind in ("gzip", "raw", "bzip2")),
            *(_table(folder / f"t-{kind}", kind) for kind in ("pairs", "scores")),
        ]


def _loaded(folder: Path, before: set[str], fmt: str, role: str, image: str, mask: str, single: bool) -> Sample:
    """`before`: the clean partner's files; all others of the folder may be damaged."""
    found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    targets = tuple(n for n in found if n not in before)
    return Sample(fmt, role, found, targets, image, mask, single)


def _volume(folder: Path, end: str, role: str) -> Sample:
    folder.mkdir()
    grid, ball = phantom.volume(SHAPE), phantom.ball(SHAPE).astype(np.uint8) * 3
    name, packed = f"x.{end.removeprefix('raw.')}", not end.startswith("raw.") and end != "hdr"
    clean = "clean.nrrd"
    other = ball if role == "image" else None
    files.write_volume(folder / clean, grid, other)
    before = {clean}
    image = files.sitk_image(grid, None if role == "image" else ball)
    sitk.WriteImage(image, str(folder / name), useCompression=packed)
    pair = (name, clean) if role == "image" else (clean, name)
    return _loaded(folder, before, end, role, *pair, single=False)


def _picture(folder: Path, end: str, role: str) -> Sample:
    folder.mkdir()
    pixels, mask = phantom.picture()
    marked = mask.astype(np.uint8) * 255
    files.write_image_2d(folder / "clean.png", marked if role == "image" else pixels)
    given = pixels if role == "image" else marked
    name = f"x.{end.split('.')[-1]}"
    options: dict[str, object] = {"lzw.tif": {"compression": "tiff_lzw"}, "webp": {"lossless": True}}.get(end, {})
    Image.fromarray(given.astype(np.uint16) * 200 if end == "16.png" and role == "image" else given).save(
        folder / name, **options
    )
    pair = (name, "clean.png") if role == "image" else ("clean.png", name)
    return _loaded(folder, {"clean.png"}, end, role, *pair, single=True)


def _dicom(folder: Path, kind: str) -> Sample:
    folder.mkdir()
    grid, ball = phantom.volume(SHAPE), phantom.ball(SHAPE).astype(np.uint8)
    if kind == "series":
        files.write_volume(folder / "clean.nrrd", grid, ball)
        write_series(folder / "x", grid)
        return _loaded(folder, {"clean.nrrd"}, "dicom series", "image", "x", "clean.nrrd", single=False)
    pixels, mask = phantom.picture()
    files.write_image_2d(folder / "clean.png", mask.astype(np.uint8) * 255)
    path = folder / "x.dcm"
    if kind == "frames":
        stack = np.repeat(pixels[None], 3, axis=0).astype(np.uint16)
        write_slice(path, stack, NumberOfFrames=3, Modality="US")
    else:
        write_slice(path, pixels.astype(np.uint16))
    if kind == "rle":
        made = pydicom.dcmread(path)
        made.compress(RLELossless)
        made.save_as(path)
    return _loaded(folder, {"clean.png"}, f"dicom {kind}", "image", "x.dcm", "clean.png", single=True)


def _dicom_mask(folder: Path, kind: str) -> Sample:
    from engine.dicom_masks import headers
    from evanyseg.io.dicom.codes import MANUAL, SegmentAlgorithm
    from evanyseg.io.dicom.seg.write import write_dicom_seg
    from evanyseg.io.dicom.source import read_source
    from evanyseg.io.read import read_image
    from evanyseg.io.segmentation import Segment, Segmentation

    folder.mkdir()
    write_series(folder / "ct", phantom.volume(SHAPE))
    before = {p.relative_to(folder).as_posix() for p in folder.rglob("*")}
    image = read_image(folder / "ct")
    if kind == "seg":
        segments = Segmentation(image, (phantom.ball(SHAPE).astype(np.uint8),), (Segment("a", "Liver", 1),))
        write_dicom_seg(
            folder / "x.dcm", segments, image, read_source(folder / "ct", image), SegmentAlgorithm(MANUAL, "somebody")
        )
    else:
        _structure_set(folder / "x.dcm", headers(folder / "ct"))
    return _loaded(folder, before, f"dicom {kind}", "mask", "ct", "x.dcm", single=False)


def _structure_set(path: Path, slices: list[pydicom.Dataset]) -> None:
    """One contour, a square, on every slice."""
    from engine.dicom_files import dataset
    from engine.dicom_masks import STRUCTURE_SET

    made = dataset(STRUCTURE_SET, Modality="RTSTRUCT")
    contours = []
    for one in slices:
        x, y, z = (float(v) for v in one.ImagePositionPatient)
        item = pydicom.Dataset()
        item.ContourGeometricType, item.NumberOfContourPoints = "CLOSED_PLANAR", 4
        item.ContourData = [x + 10, y + 10, z, x + 30, y + 10, z, x + 30, y + 30, z, x + 10, y + 30, z]
        contours.append(item)
    roi, outline, frame = pydicom.Dataset(), pydicom.Dataset(), pydicom.Dataset()
    frame.FrameOfReferenceUID = slices[0].FrameOfReferenceUID
    made.ReferencedFrameOfReferenceSequence = [frame]
    roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = 1, "GTV", slices[0].FrameOfReferenceUID
    outline.ReferencedROINumber, outline.ContourSequence = 1, contours
    made.StructureSetROISequence, made.ROIContourSequence = [roi], [outline]
    pydicom.dcmwrite(path, made, enforce_file_format=True)


def _seg_nrrd(folder: Path, encoding: str) -> Sample:
    folder.mkdir()
    labels = phantom.ball(SHAPE).astype(np.uint8)
    labels[2] *= 2
    nrrd(folder / "x.seg.nrrd", meta((0, "a", "Liver", 1), (2, "b", "Spleen", 2)), labels, encoding)
    grid = phantom.volume(SHAPE, spacing=(1.0, 1.0, 2.0), origin=(1.0, 2.0, 3.0))
    files.write_volume(folder / "clean.nrrd", grid)
    return _loaded(folder, {"clean.nrrd"}, f"seg.nrrd {encoding}", "mask", "clean.nrrd", "x.seg.nrrd", single=False)


def _table(folder: Path, kind: str) -> Sample:
    folder.mkdir()
    pixels, mask = phantom.picture()
    files.write_image_2d(folder / "i.png", pixels)
    files.write_image_2d(folder / "m.png", mask.astype(np.uint8) * 255)
    if kind == "pairs":
        lines = ["image,mask,x0,y0,x1,y1,note", 'i.png,m.png,5,5,75,55,"a, b"', "i.png,m.png,,,,,ü"]
    else:
        lines = ["image,segmenter,pred_dice,low,high,caveats"]
        lines += [f"{n},{who},{0.5 + n / 20:.4f},0.1000,0.9900," for n in range(8) for who in ("a", "b")]
    (folder / "x.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    return _loaded(folder, {"i.png", "m.png"}, f"table {kind}", "table", "x.csv", kind, single=True)
