"""Writes DICOM masks for tests with highdicom and pydicom, and reads them as the commands do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from engine.dicom_files import ROOT, dataset, write_slice
from evanyseg.geometry.volume import Volume
from evanyseg.io.dicom.codes import ARTIFICIAL_INTELLIGENCE, SEMIAUTOMATIC, SegmentAlgorithm
from evanyseg.io.dicom.layers import LayerBuilder
from evanyseg.io.dicom.masks import ReadImage
from evanyseg.io.dicom.seg.write import write_dicom_seg
from evanyseg.io.dicom.source import read_source
from evanyseg.io.read import read_image, read_segmentation
from evanyseg.io.segmentation import Segment, Segmentation

SHAPE = (8, 24, 30)
FINE = {"spacing": (0.7, 0.9, 3.0), "direction": np.array([[0.96, -0.28, 0.0], [0.28, 0.96, 0.0], [0.0, 0.0, 1.0]])}
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"


def blobs(shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """bool [K, J, I] without any symmetry: a mask that was mirrored or shifted cannot equal it."""
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), (1, 2, 2))
    return noise > np.quantile(noise, 0.8)


def write_series(folder: Path, volume: Volume, **values: object) -> Path:
    """One CT file per slice of the volume [K, J, I], with all that a segmentation copies from its images."""
    folder.mkdir(parents=True, exist_ok=True)
    row, column = volume.spacing[1], volume.spacing[0]
    for k in range(volume.shape[0]):
        position = (volume.ijk_to_lps @ np.array([0, 0, k, 1.0]))[:3]
        given: dict[str, object] = {
            "SeriesNumber": 3, "InstanceNumber": k + 1, "SliceThickness": volume.spacing[2], "StudyID": "1",
            "StudyDate": "20240102", "StudyTime": "030405", "AccessionNumber": "", "PatientBirthDate": "",
            "PatientSex": "O",
            "PatientName": "Phantom^Ct", "ReferringPhysicianName": "", "SOPInstanceUID": f"{ROOT}9.{k + 1}", **values,
        }  # fmt: skip
        cosines = tuple(np.asarray(volume.direction)[:, :2].T.ravel())
        path = folder / f"{k:03d}.dcm"
        write_slice(path, volume.array[k], 16, tuple(position), cosines, (row, column), **given)
    return folder


def headers(folder: Path) -> list[Dataset]:
    return [pydicom.dcmread(p) for p in sorted(folder.iterdir())]


def description(number: int, name: str, kind: str = "MANUAL", **more: object) -> hd.seg.SegmentDescription:
    algorithm = None
    if kind != "MANUAL":
        family = codes.cid7162.ArtificialIntelligence
        algorithm = hd.AlgorithmIdentificationSequence("Net", family, "7.1")
    return hd.seg.SegmentDescription(
        number, name, codes.cid7150.AnatomicalStructure, codes.cid7192.Liver, kind, algorithm, **more
    )


def segmentation(
    folder: Path, pixels: np.ndarray, names: Sequence[str] = ("organ",), kind: str = "BINARY", **more: object
) -> hd.seg.Segmentation:
    """A SEG on all images of a folder; pixels [K, J, I] label map or [K, J, I, segments]."""
    described = more.pop("described", None) or [description(n, name) for n, name in enumerate(names, 1)]
    return hd.seg.Segmentation(
        headers(folder), pixels, kind, described, hd.UID(), 7, hd.UID(), 1, "maker", "model", "1", "2",
        specific_character_set="ISO_IR 192", **more,
    )  # fmt: skip


def save(path: Path, made: Dataset) -> Path:
    pydicom.dcmwrite(path, made, enforce_file_format=True)
    return path


def contour(points: np.ndarray, kind: str = "CLOSED_PLANAR") -> Dataset:
    """Points [N, 3] in mm, LPS."""
    made = Dataset()
    made.ContourGeometricType, made.NumberOfContourPoints = kind, len(points)
    made.ContourData = [f"{v:.4f}" for v in np.asarray(points, float).ravel()]
    return made


def on_slice(volume: Volume, k: float, outline: Sequence[tuple[float, float]]) -> np.ndarray:
    """Points (x, y) in pixels of slice k, in mm."""
    ijk = np.array([(x, y, k, 1.0) for x, y in outline])
    return (ijk @ volume.ijk_to_lps.T)[:, :3]


def square(x: float, y: float, side: float) -> list[tuple[float, float]]:
    return [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]


def structure_set(rois: dict[str, list[Dataset]], frame: str | None = ROOT + "3", **values: object) -> Dataset:
    """An RTSTRUCT with ROIs by name, numbered from 1, each with its contours."""
    made = dataset(STRUCTURE_SET, Modality="RTSTRUCT", SeriesInstanceUID=ROOT + "77", **values)
    made.StructureSetROISequence, made.ROIContourSequence = [], []
    for number, (name, contours) in enumerate(rois.items(), 1):
        roi = Dataset()
        roi.ROINumber, roi.ROIName, roi.ROIGenerationAlgorithm = number, name, "MANUAL"
        if frame is not None:
            roi.ReferencedFrameOfReferenceUID = frame
        made.StructureSetROISequence.append(roi)
        item = Dataset()
        item.ReferencedROINumber, item.ROIDisplayColor, item.ContourSequence = number, [255, 128, 0], contours
        made.ROIContourSequence.append(item)
    return made


def refer_to(made: Dataset, series: str, frame: str = ROOT + "3") -> Dataset:
    """Say in an RTSTRUCT which series it was drawn on."""
    one, study, top = Dataset(), Dataset(), Dataset()
    one.SeriesInstanceUID, one.ContourImageSequence = series, []
    study.RTReferencedSeriesSequence = [one]
    top.FrameOfReferenceUID, top.RTReferencedStudySequence = frame, [study]
    made.ReferencedFrameOfReferenceSequence = [top]
    return made


def read(path: Path, folder: Path, **more: object) -> Segmentation:
    """The segmentation as the commands read it, on the voxels of the image in `folder`."""
    image = ReadImage(read_image(folder), folder)
    return read_segmentation(path, image=image, **more).on_grid_of(image.volume)


def masks(found: Segmentation) -> list[np.ndarray]:
    return [found.mask(s) for s in found.segments]


HERE = SegmentAlgorithm(SEMIAUTOMATIC, "EvanySeg builtin", "1.2", ARTIFICIAL_INTELLIGENCE, "box=1 2 30 40")


def segments_on(volume: Volume, *truth: np.ndarray, **of_first: object) -> Segmentation:
    layers = LayerBuilder(SHAPE, range(1, 9))
    names = ("Leber 肝", "Lesion", "other")
    segments = []
    for n, mask in enumerate(truth):
        layer = layers.add(3 * n + 2, {k: mask[k] for k in range(SHAPE[0])})
        color = (1.0, 0.5, 0.1 * n)
        segments.append(Segment(f"S{n}", names[n], 3 * n + 2, layer, color, **(of_first if n == 0 else {})))
    return Segmentation(volume, tuple(layers.layers), tuple(segments))


def write(path: Path, made: Segmentation, series: Path, by: SegmentAlgorithm | None = HERE) -> Dataset:
    volume = read_image(series)
    return write_dicom_seg(path, made, volume, read_source(series, volume), by)
