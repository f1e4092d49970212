"""Volumes, segmentations and phantoms in a real scene, for tests."""

from __future__ import annotations

import numpy as np

from EvanySegSlicerLib.scene.headless.boot import HeadlessSlicer
from EvanySegSlicerLib.scene.nodes.matrices import vtk_matrix
from EvanySegSlicerLib.scene.review.open_review import new_segmentation


def add_volume(app: HeadlessSlicer, array: np.ndarray, matrix: np.ndarray | None = None, name: str = "image"):
    """A volume node of voxels [K, J, I] or [K, J, I, C]; colour images become vector volumes."""
    import slicer
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    color = array.ndim == 4
    kind = slicer.vtkMRMLVectorVolumeNode if color else slicer.vtkMRMLScalarVolumeNode
    node = kind()
    node.SetName(name)
    node = app.scene.AddNode(node)
    image = vtk.vtkImageData()
    image.SetDimensions(*array.shape[2::-1])
    flat = np.ascontiguousarray(array).reshape(-1, array.shape[3]) if color else np.ascontiguousarray(array).ravel()
    image.GetPointData().SetScalars(numpy_to_vtk(flat, deep=True))
    node.SetAndObserveImageData(image)
    if matrix is not None:
        node.SetIJKToRASMatrix(vtk_matrix(matrix))
    node.CreateDefaultDisplayNodes()
    return node


def add_segmentation(app: HeadlessSlicer, volume, masks: dict[str, np.ndarray] | None = None):
    """(node, ids by name): a segmentation of masks bool [K, J, I] on the volume's grid."""
    import slicer
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    node = new_segmentation(volume)
    ids = {}
    for name, mask in (masks or {}).items():
        ids[name] = node.GetSegmentation().AddEmptySegment("", name)
        image = slicer.vtkOrientedImageData()
        image.SetDimensions(*mask.shape[::-1])
        image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        matrix = vtk.vtkMatrix4x4()
        volume.GetIJKToRASMatrix(matrix)
        image.SetGeometryFromImageToWorldMatrix(matrix)
        vtk_to_numpy(image.GetPointData().GetScalars())[:] = mask.astype(np.uint8).ravel()
        app.segmentations_logic.SetBinaryLabelmapToSegment(image, node, ids[name], app.segmentations_logic.MODE_REPLACE)
    return node, ids


def add_transform(app: HeadlessSlicer, matrix: np.ndarray | None = None):
    """A linear transform node, or a non-linear one (a small bump) without a matrix."""
    import slicer
    import vtk

    if matrix is not None:
        node = app.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "linear")
        node.SetMatrixTransformToParent(vtk_matrix(matrix))
        return node
    node = slicer.vtkMRMLTransformNode()
    node.SetName("warp")
    node = app.scene.AddNode(node)
    spline = vtk.vtkThinPlateSplineTransform()
    source, target = vtk.vtkPoints(), vtk.vtkPoints()
    for corner in ((0, 0, 0), (9, 0, 0), (0, 9, 0), (0, 0, 9), (9, 9, 9)):
        source.InsertNextPoint(corner)
        target.InsertNextPoint(corner[0] + (corner == (9, 9, 9)), *corner[1:])
    spline.SetSourceLandmarks(source)
    spline.SetTargetLandmarks(target)
    node.SetAndObserveTransformToParent(spline)
    return node


def segment_voxels(store, segment_id: str, shape: tuple[int, ...], matrix: np.ndarray) -> np.ndarray:
    """The segment as bool [K, J, I] on a grid of `shape` and `matrix`, read voxel by voxel from what is stored."""
    found = store.array(segment_id)
    out = np.zeros(shape, bool)
    if found.array.size == 0:
        return out
    k, j, i = np.nonzero(found.mask())
    ras = found.array_to_ras @ np.stack([i, j, k, np.ones_like(i)]).astype(float)
    index = np.linalg.inv(matrix) @ ras
    nearest = np.rint(index[:3]).astype(int)
    assert np.abs(index[:3] - nearest).max(initial=0) < 1e-3, "stored off the grid"
    assert (nearest >= 0).all(), "stored outside the volume"
    assert (nearest < np.array(shape[::-1])[:, None]).all(), "stored outside the volume"
    out[nearest[2], nearest[1], nearest[0]] = True
    return out


def ball(shape: tuple[int, int, int] = (40, 50, 60)) -> np.ndarray:
    """A centred ellipsoid, bool [K, J, I]."""
    axes = [(np.arange(n) - (n - 1) / 2) / (0.35 * n) for n in shape]
    k, j, i = np.meshgrid(*axes, indexing="ij")
    return k**2 + j**2 + i**2 < 1


def phantom(truth: np.ndarray, noise: int = 40, bright: int = 500) -> np.ndarray:
    """int16 image: `truth` bright on a noisy dark ground."""
    grain = np.random.default_rng(0).integers(0, noise + 1, truth.shape)
    return (truth * bright + grain).astype(np.int16)


def inner_box(plane):
    """A box prompt over a slice, one pixel from its edges."""
    from evanyseg.prompts import BoxPrompt

    return BoxPrompt(1, 1, plane.shape[1] - 1, plane.shape[0] - 1)
