"""3D: surfaces of what was segmented, bands in their place, the volume's outline; nothing of it is left behind."""

from __future__ import annotations

import numpy as np
import pytest

from evanyseg.errors import EvanySegError
from EvanySegSlicerLib.scene.headless.offscreen import require_opengl
from EvanySegSlicerLib.scene.headless.scene_files import save_mrb
from EvanySegSlicerLib.scene.overlay.bands_segmentation import find_bands
from EvanySegSlicerLib.scene.overlay.volume_outline import NAME, VolumeOutline
from scene.test_front_end import FrontEnd

try:
    require_opengl()
except EvanySegError as problem:
    pytest.skip(str(problem), allow_module_level=True)


@pytest.fixture
def front(app):
    one = FrontEnd(app)
    one.presenters.controller.require()
    one.presenters.surfaces.enter()
    yield one
    one.close()


def surface(front, segment_id: str):
    return front.presenters.controller.review.store.segmentation.GetSegment(segment_id).GetRepresentation(
        "Closed surface"
    )


def test_surfaces_appear_with_the_mask_and_follow_it(front):
    surfaces = front.presenters.surfaces
    surfaces.refresh()
    for index in (4, 5, 6):
        front.draw(index, (10, 10, 54, 54))
    segment_id = front.presenters.segmenting.segment_id
    assert surface(front, segment_id) is None
    surfaces.refresh()
    three = surface(front, segment_id).GetBounds()
    front.draw(7, (10, 10, 54, 54))
    list(front.presenters.controller.review.refresh_steps())
    four = surface(front, segment_id).GetBounds()
    assert four[5] > three[5] + 0.5, "one slice more"


def test_the_outline_goes_round_the_voxels_and_leaves_with_the_scene(front):
    node = front.app.scene.GetFirstNodeByName(NAME)
    bounds = [0.0] * 6
    node.GetRASBounds(bounds)
    assert np.allclose(bounds, (-0.5, 63.5, -0.5, 63.5, -0.5, 11.5))
    assert not node.GetSaveWithScene()
    front.presenters.leave()
    assert front.app.scene.GetFirstNodeByName(NAME) is None


def test_the_outline_follows_a_transform(front):
    import slicer
    import vtk

    outline = VolumeOutline(front.volume)
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 30)
    transform = front.app.scene.AddNode(slicer.vtkMRMLLinearTransformNode())
    transform.SetMatrixTransformToParent(matrix)
    front.volume.SetAndObserveTransformNodeID(transform.GetID())
    outline.refresh()
    assert outline.node.GetPolyData().GetBounds()[0] == pytest.approx(29.5)
    outline.remove()


def test_bands_take_the_place_of_the_surfaces_but_not_in_a_saved_scene(front, tmp_path):
    import zipfile

    front.presenters.display.set_on(True)
    front.draw(5, (10, 10, 54, 54))
    surfaces = front.presenters.surfaces
    display = front.presenters.controller.review.segmentation.GetDisplayNode()
    front.presenters.display.refresh()
    surfaces.set_bands(True)
    assert find_bands(front.app.scene) is not None
    assert not display.GetVisibility3D()
    save_mrb(front.app.scene, tmp_path / "scene.mrb")
    with zipfile.ZipFile(tmp_path / "scene.mrb") as archive:
        [name] = [n for n in archive.namelist() if n.endswith(".mrml")]
        [line] = [x for x in archive.read(name).decode().split("<") if x.startswith("SegmentationDisplay")]
    assert 'visibility3D="true"' in line
    assert not display.GetVisibility3D(), "and goes on as it was"
    surfaces.set_bands(False)
    assert display.GetVisibility3D()
    assert find_bands(front.app.scene) is None


def test_bands_follow_the_scores(front):
    front.presenters.display.set_on(True)
    front.draw(5, (10, 10, 54, 54))
    front.presenters.display.refresh()
    front.presenters.surfaces.set_bands(True)
    before = find_bands(front.app.scene)
    front.presenters.surfaces.refresh()
    assert find_bands(front.app.scene) is before, "nothing has changed"
    front.draw(6, (10, 10, 54, 54))
    front.presenters.surfaces.refresh()
    assert find_bands(front.app.scene) is not before


def test_without_scores_bands_are_refused_in_a_sentence(front):
    front.presenters.surfaces.set_bands(True)
    assert not front.presenters.surfaces.bands
    assert "Score a slice" in front.view.problems[-1]


def test_renewing_surfaces_leaves_what_can_be_redone(front):
    surfaces, review = front.presenters.surfaces, front.presenters.controller.review
    for index in (4, 5, 6, 7):
        front.draw(index, (10, 10, 54, 54))
        surfaces.refresh()
    segment_id = front.presenters.segmenting.segment_id
    plane = review.reader.plane(2, 7)
    four = review.store.mask(segment_id, plane).copy()
    list(review.refresh_steps())
    height = surface(front, segment_id).GetBounds()[5]
    front.presenters.segmenting.undo()
    list(review.refresh_steps())
    surfaces.refresh()
    assert surface(front, segment_id).GetBounds()[5] < height - 0.5
    front.presenters.segmenting.redo()
    assert np.array_equal(review.store.mask(segment_id, plane), four)
    list(review.refresh_steps())
    assert surface(front, segment_id).GetBounds()[5] == pytest.approx(height)


def test_a_renewed_surface_is_the_one_that_slicer_makes(front):
    """Of two segments in one labelmap."""
    from EvanySegSlicerLib.scene.nodes.segment_surfaces import renew_surface

    review = front.presenters.controller.review
    for name, columns in (("one", slice(4, 20)), ("two", slice(30, 50))):
        segment_id = review.store.add(name)
        mask = np.zeros((64, 64), bool)
        mask[10:40, columns] = True
        for index in range(3, 8):
            review.store.write(segment_id, review.reader.plane(2, index), mask, review.volume)
    segmentation = review.store.segmentation
    segmentation.CollapseBinaryLabelmaps(False)
    segmentation.CreateRepresentation("Closed surface")
    for segment_id in review.store.ids():
        made = surface(front, segment_id)
        bounds, points = made.GetBounds(), made.GetNumberOfPoints()
        assert points > 100
        made.Initialize()
        assert renew_surface(segmentation, segment_id)
        assert surface(front, segment_id).GetNumberOfPoints() == points
        assert surface(front, segment_id).GetBounds() == bounds
