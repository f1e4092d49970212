"""A first box in a scene of any geometry, drawn as a user draws it: how many voxels end where they should not.

python -m scene.first_box 500        from Testing/: 500 random cases, one line each that is not right
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from doubles.review import RecordingView, double_models
from EvanySegSlicerLib.presenters.review_controller import ReviewController
from EvanySegSlicerLib.presenters.segmenting import SegmentingPresenter
from EvanySegSlicerLib.scene.headless.boot import HeadlessSlicer, boot
from EvanySegSlicerLib.scene.jobs.runner import JobRunner, ManualExecutor
from EvanySegSlicerLib.scene.nodes.matrices import volume_to_world
from EvanySegSlicerLib.scene.nodes.session_node import SessionNode
from orientations import ORIENTATIONS, oriented_matrix, rotation
from scene.headless import add_segmentation, add_transform, add_volume

SPACINGS = (0.5, 0.8, 1.0, 1.04, 2.5, 5.0)
NEW, BARE, REFERENCE, EXISTING, EXISTING_IN_WORLD = "new", "bare", "reference", "existing", "existing in world"
SEGMENTATIONS = (NEW, BARE, REFERENCE, EXISTING, EXISTING_IN_WORLD)
"""new: made by the program with the first box; bare: 'Create new Segmentation' of a node selector; reference: with the
volume's geometry, as the Segment Editor makes it; existing: with masks, beside the volume under the same transform;
existing in world: the same, the transform hardened on its voxels' geometry."""


@dataclass(frozen=True)
class Case:
    """One volume, what lies above it, and the voxel box [low, high] (inclusive) drawn on slice low[axis] of axis."""

    dims: tuple[int, int, int]
    matrix: np.ndarray
    above: np.ndarray | None
    segmentation: str
    axis: int
    low: np.ndarray
    high: np.ndarray
    seed: int


def random_case(seed: int) -> Case:
    """The case of a seed: orientation, spacing, obliqueness, transform (turn, scale, mirror, shear), segmentation."""
    rng = np.random.default_rng(seed)
    dims = rng.integers(6, 15, 3)
    axis = int(rng.integers(3))
    if rng.random() < 0.2:
        dims[axis] = 1
    low = np.array([rng.integers(0, n if a == axis else n - 2) for a, n in enumerate(dims)])
    high = np.array([low[a] if a == axis else rng.integers(low[a] + 2, n) for a, n in enumerate(dims)])
    turn = rotation(*rng.uniform(-44, 44, 3)) if rng.random() < 0.6 else None
    spacing = tuple(rng.choice(SPACINGS, 3))
    matrix = oriented_matrix(*ORIENTATIONS[rng.integers(48)], spacing, tuple(rng.uniform(-90, 90, 3)), turn)
    above = None
    if rng.random() < 0.8:
        above = np.eye(4)
        above[:3, :3] = rotation(*rng.uniform(-180, 180, 3))
        above[:3, 3] = rng.uniform(-60, 60, 3)
        kind = rng.integers(4)
        if kind == 1:
            above[:3, :3] *= rng.uniform(0.5, 2.0)
        elif kind == 2:
            above[:3, :3] @= np.diag([-1.0, 1.0, 1.0])
        elif kind == 3:
            above[:3, :3] @= np.eye(3) + np.triu(rng.uniform(-0.2, 0.2, (3, 3)), 1)
    choice = SEGMENTATIONS[rng.integers(len(SEGMENTATIONS))]
    return Case(tuple(int(n) for n in dims), matrix, above, choice, axis, low, high, seed)


def _controller(app: HeadlessSlicer) -> tuple[ReviewController, ManualExecutor, RecordingView]:
    view, executor = RecordingView(), ManualExecutor()
    controller = ReviewController(JobRunner(lambda device: executor), double_models(), view)
    controller.bind(SessionNode.of_scene(app.scene))
    return controller, executor, view


def _segmentation(app: HeadlessSlicer, case: Case, volume: Any, before: np.ndarray) -> Any | None:
    """The scene's segmentation before the box, or None where the box makes it; `before` [K, J, I] is its first mask."""
    if case.segmentation == NEW:
        return None
    if case.segmentation in (BARE, REFERENCE):
        node = app.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
        node.CreateDefaultDisplayNodes()
        if case.segmentation == REFERENCE:
            node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        return node
    node, _ = add_segmentation(app, volume, {"first": before})
    if case.segmentation == EXISTING_IN_WORLD:
        node.HardenTransform()
    return node


def _stored(store: Any, segment_id: str, matrix: np.ndarray, dims: tuple[int, int, int]) -> tuple[np.ndarray, int]:
    """(the segment on the volume's voxels, how many stored voxels lie on none of them)."""
    out = np.zeros(dims[::-1], bool)
    found = store.array(segment_id)
    if found.array.size == 0:
        return out, 0
    k, j, i = np.nonzero(found.mask())
    index = np.linalg.inv(matrix) @ found.array_to_ras @ np.stack([i, j, k, np.ones_like(i)]).astype(float)
    nearest = np.rint(index[:3]).astype(int)
    off = np.abs(index[:3] - nearest).max(axis=0) > 1e-3
    off |= (nearest < 0).any(axis=0) | (nearest >= np.array(dims)[:, None]).any(axis=0)
    out[tuple(nearest[::-1, ~off])] = True
    return out, int(off.sum())


def misplaced(app: HeadlessSlicer, case: Case) -> tuple[int, str]:
    """(voxels that are not as the box's answer and the masks before say, what the program said last)."""
    app.scene.Clear(0)
    rng = np.random.default_rng(case.seed)
    bright = rng.random(case.dims[::-1]) < 0.6
    bright[tuple(case.low[::-1])] = True  # the box is never empty
    voxels = np.where(bright, 200, 10).astype(np.uint8)
    voxels.flat[:2] = 200, 10  # both intensities are there, whatever the size
    volume = add_volume(app, voxels, case.matrix)
    if case.above is not None:
        volume.SetAndObserveTransformNodeID(add_transform(app, case.above).GetID())
    before = rng.random(case.dims[::-1]) < 0.3 if case.segmentation.startswith("existing") else np.zeros_like(bright)
    node = _segmentation(app, case, volume, before)
    controller, executor, view = _controller(app)
    controller.node.set("volume", volume.GetID())
    if node is not None:
        controller.node.set("segmentation", node.GetID())

    world = (np.eye(4) if case.above is None else case.above) @ case.matrix
    assert np.allclose(volume_to_world(volume), world)
    # a view of the slice, and the box's corners in space: half a voxel beyond the outer centres
    far = [[v if a == case.axis else v - 0.5 for a, v in enumerate(case.low)],
           [v if a == case.axis else v + 0.5 for a, v in enumerate(case.high)]]  # fmt: skip
    a, b = [axis for axis in range(3) if axis != case.axis]
    corners = []
    for first, second in ((0, 0), (1, 0), (1, 1), (0, 1)):
        corner = np.array([*far[0], 1.0])
        corner[a], corner[b] = far[first][a], far[second][b]
        corners.append((world @ corner)[:3])
    view = app.slice_node("Red")
    show_slice(view, world, case.axis, np.mean(corners, axis=0))

    answers = []
    presenter = SegmentingPresenter(controller)
    whole = presenter.scored
    presenter.scored = lambda applied, result: (answers.append(result), whole(applied, result))
    presenter.box_drawn(view, np.array(corners))
    executor.run_all()
    if not answers or controller.review is None or not controller.review.table.records():
        controller.bind(None)
        return -1, view.last or "nothing was said"
    review, answer = controller.review, answers[0]
    plane = answer.outcomes[0].plane
    segment_id = answer.outcomes[0].segment_id
    expected = before.copy()
    index = np.indices(case.dims[::-1]).reshape(3, -1)[::-1]
    x, y, z = plane.to_pixels((world @ np.r_[index, np.ones((1, index.shape[1]))])[:3].T).T
    here = (np.abs(z) < 0.25).reshape(case.dims[::-1])
    flat = np.zeros(len(z), bool)
    on = np.abs(z) < 0.25
    flat[on] = answer.prompted.mask[y[on].astype(int), x[on].astype(int)]
    expected[here] = flat.reshape(case.dims[::-1])[here]
    wrong_slice = (index[case.axis] == case.low[case.axis]).reshape(here.shape) != here
    found, off = _stored(review.store, segment_id, world, case.dims)
    count = int((found != expected).sum()) + off + int(wrong_slice.sum())
    controller.bind(None)
    return count, f"{count} of {int(expected.sum())} voxels, {off} off the grid"


def show_slice(view: Any, world: np.ndarray, axis: int, center: np.ndarray) -> None:
    """Turn a slice node to the slices across a voxel axis, as exactly as a view can (its axes are orthonormal)."""
    a, b = [other for other in range(3) if other != axis]
    right = world[:3, a] / np.linalg.norm(world[:3, a])
    normal = np.cross(right, world[:3, b])
    normal /= np.linalg.norm(normal)
    view.SetSliceToRASByNTP(*normal, *right, *center, 0)
    view.JumpSliceByOffsetting(*center)
    view.UpdateMatrices()


def main(count: int) -> int:
    app = boot()
    wrong = 0
    for seed in range(count):
        case = random_case(seed)
        number, what = misplaced(app, case)
        if number:
            wrong += 1
            print(f"seed {seed}: {case.segmentation}, {'no' if case.above is None else 'a'} transform: {what}")
    app.close()
    print(f"{count} first boxes, {wrong} with misplaced voxels")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 500))
