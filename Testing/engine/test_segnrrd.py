"""`.seg.nrrd`: what Slicer wrote is read, and what is written Slicer reads (by its own reader, with slicer-core)."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from engine import phantom
from evanyseg.errors import ImageError, OutputError
from evanyseg.geometry.volume import same_geometry
from evanyseg.io.read import read_image, read_segmentation
from evanyseg.io.seg_nrrd import write_seg_nrrd
from evanyseg.io.segmentation import Segment, Segmentation

TILT = np.array([[0.96, -0.28, 0.0], [0.28, 0.96, 0.0], [0.0, 0.0, 1.0]])
SHAPE = (6, 14, 11)


def overlapping() -> Segmentation:
    """Two layers; 'liver' and 'tumour' overlap, 'Knöchel' shares a layer with the liver."""
    grid = phantom.volume(SHAPE, spacing=(0.7, 0.9, 2.5), direction=TILT)
    first, second = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    first[1:5, 3:10, 2:8] = 1
    first[0, 0:2, 0:3] = 2
    second[2:4, 5:8, 4:6] = 1
    segments = (
        Segment("Segment_1", "liver", 1, 0, (0.8, 0.4, 0.3)),
        Segment("Segment_2", "Knöchel links", 2, 0, (0.1, 0.9, 0.1)),
        Segment("Segment_3", "tumour: late\nphase", 1, 1, (0.2, 0.2, 1.0)),
    )
    return Segmentation(grid, (first, second), segments)


def test_layers_names_colors_and_geometry_survive_a_round_trip(tmp_path: Path) -> None:
    made = overlapping()
    path = tmp_path / "a.seg.nrrd"
    write_seg_nrrd(path, made)
    again = read_segmentation(path)
    assert [s.id for s in again.segments] == ["Segment_1", "Segment_2", "Segment_3"]
    assert [s.name for s in again.segments][:2] == ["liver", "Knöchel links"]
    assert again.segments[0].color == pytest.approx((0.8, 0.4, 0.3))
    assert same_geometry(again.grid, made.grid)
    for before, after in zip(made.segments, again.segments, strict=True):
        assert np.array_equal(made.mask(before), again.mask(after))
    assert [p.name for p in tmp_path.iterdir()] == ["a.seg.nrrd"]


def test_one_layer_is_written_as_a_plain_volume(tmp_path: Path) -> None:
    made = overlapping()
    single = Segmentation(made.grid, made.layers[:1], made.segments[:2])
    write_seg_nrrd(tmp_path / "a.seg.nrrd", single)
    assert np.array_equal(read_image(tmp_path / "a.seg.nrrd").array, made.layers[0])
    assert len(read_segmentation(tmp_path / "a.seg.nrrd").segments) == 2


def test_large_labels_need_16_bits(tmp_path: Path) -> None:
    grid = phantom.volume(SHAPE)
    layer = (phantom.ball(SHAPE) * 700).astype(np.uint16)
    write_seg_nrrd(tmp_path / "a.seg.nrrd", Segmentation(grid, (layer,), (Segment("s", "s", 700),)))
    assert np.array_equal(read_segmentation(tmp_path / "a.seg.nrrd").layers[0], layer)


def header(extra: str, sizes: str = "4 5 6", dimension: int = 3) -> str:
    return (
        "NRRD0004\n# a file as Slicer writes it\ntype: unsigned char\n"
        f"dimension: {dimension}\nspace: left-posterior-superior\nsizes: {sizes}\n"
        f"space directions: {'none ' if dimension == 4 else ''}(1,0,0) (0,1,0) (0,0,2)\n"
        f"kinds: {'list ' if dimension == 4 else ''}domain domain domain\n"
        f"encoding: gzip\nspace origin: (1,2,3)\n{extra}\n"
    )


def write_raw(path: Path, head: str, data: np.ndarray) -> Path:
    path.write_bytes(head.encode() + gzip.compress(data.tobytes()))
    return path


def test_a_file_of_slicer_with_layers(tmp_path: Path) -> None:
    data = np.zeros((6, 5, 4, 2), np.uint8)
    data[2, 3, 1, 0] = 2
    data[2, 3, 1, 1] = 1
    meta = (
        "Segment0_ID:=S1\nSegment0_Name:=one\nSegment0_Color:=1 0 0\nSegment0_LabelValue:=2\nSegment0_Layer:=0\n"
        "Segment1_ID:=S2\nSegment1_Name:=two\nSegment1_Color:=0 1 0\nSegment1_LabelValue:=1\nSegment1_Layer:=1\n"
    )
    found = read_segmentation(write_raw(tmp_path / "s.seg.nrrd", header(meta, "2 4 5 6", 4), data))
    assert [(s.name, int(found.mask(s).sum())) for s in found.segments] == [("one", 1), ("two", 1)]
    assert found.mask(found.segments[1])[2, 3, 1]


def test_old_files_without_label_values_hold_one_segment_per_layer(tmp_path: Path) -> None:
    data = np.zeros((6, 5, 4, 2), np.uint8)
    data[0, 0, 0, 0] = data[1, 1, 1, 1] = 1
    meta = "Segment0_ID:=S1\nSegment0_Name:=one\nSegment1_ID:=S2\nSegment1_Name:=two\n"
    found = read_segmentation(write_raw(tmp_path / "s.seg.nrrd", header(meta, "2 4 5 6", 4), data))
    assert [np.argwhere(found.mask(s)).tolist() for s in found.segments] == [[[0, 0, 0]], [[1, 1, 1]]]


def test_a_seg_nrrd_without_segments_in_its_header_takes_the_values(tmp_path: Path) -> None:
    data = np.zeros((6, 5, 4), np.uint8)
    data[0, 0, :2] = 3
    found = read_segmentation(write_raw(tmp_path / "s.seg.nrrd", header(""), data))
    assert [(s.name, s.value) for s in found.segments] == [("Label 3", 3)]


def test_all_segments_together_are_their_union(tmp_path: Path) -> None:
    made = overlapping()
    write_seg_nrrd(tmp_path / "a.seg.nrrd", made)
    found = read_segmentation(tmp_path / "a.seg.nrrd", binary=True)
    assert [s.name for s in found.segments] == ["mask"]
    assert np.array_equal(found.mask(found.segments[0]), (made.layers[0] > 0) | (made.layers[1] > 0))


@pytest.mark.parametrize(
    ("meta", "match"),
    [
        ("Segment0_ID:=S1\nSegment0_LabelValue:=x\n", "segment 0 that cannot be read"),
        ("Segment0_ID:=S1\nSegment0_Layer:=4\n", "in layer 4, but it has 1"),
        ("Segment0_ID:=S1\nSegment0_Color:=1 0\n", "segment 0 that cannot be read"),
    ],
)
def test_headers_that_contradict_themselves_are_refused(tmp_path: Path, meta: str, match: str) -> None:
    with pytest.raises(ImageError, match=match):
        read_segmentation(write_raw(tmp_path / "s.seg.nrrd", header(meta), np.zeros((6, 5, 4), np.uint8)))


def test_a_full_disk_leaves_the_older_file(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    noise = np.random.default_rng(0).integers(0, 200, (20, 40, 40), dtype=np.uint8)
    made = Segmentation(phantom.volume((20, 40, 40)), (noise,), (Segment("a", "a", 1),))
    path = tmp_path / "a.seg.nrrd"
    path.write_text("precious")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OutputError, match="The disk is full"):
            write_seg_nrrd(path, made)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "precious"
    assert [p.name for p in tmp_path.iterdir()] == ["a.seg.nrrd"]


def test_slicer_itself_reads_what_is_written(tmp_path: Path) -> None:
    slicer = pytest.importorskip("slicer", reason="slicer-core is not installed")
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    made = overlapping()
    path = tmp_path / "a.seg.nrrd"
    write_seg_nrrd(path, made)
    scene = slicer.vtkMRMLScene()
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    storage = scene.AddNewNodeByClass("vtkMRMLSegmentationStorageNode")
    storage.SetFileName(str(path))
    assert storage.ReadData(node)
    segmentation = node.GetSegmentation()
    assert segmentation.GetNumberOfSegments() == 3
    for before in made.segments:
        segment = segmentation.GetSegment(before.id)
        assert segment.GetName().split("\n")[0] == before.name.split("\n")[0]
        assert segment.GetColor() == pytest.approx(before.color, abs=1e-4)
        labelmap = segment.GetRepresentation("Binary labelmap")
        i0, i1, j0, j1, k0, k1 = labelmap.GetExtent()
        voxels = vtk_to_numpy(labelmap.GetPointData().GetScalars()).reshape(k1 - k0 + 1, j1 - j0 + 1, i1 - i0 + 1)
        whole = np.zeros(SHAPE, bool)
        whole[k0 : k1 + 1, j0 : j1 + 1, i0 : i1 + 1] = voxels == segment.GetLabelValue()
        assert np.array_equal(whole, made.mask(before))
    matrix = vtkMatrix4x4()
    segmentation.GetSegment("Segment_1").GetRepresentation("Binary labelmap").GetImageToWorldMatrix(matrix)
    ras = np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])
    assert np.allclose(np.diag([-1, -1, 1, 1]) @ ras, made.grid.ijk_to_lps, atol=1e-5)
