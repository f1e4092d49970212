"""The slice that a real slice view shows."""

import numpy as np
import pytest

from EvanySegSlicerLib.scene.nodes.volume_reader import VolumeReader
from orientations import oriented_matrix, rotation
from scene.headless import add_volume


@pytest.mark.parametrize("angles", [(0, 0, 0), (12, 7, 3)])
def test_real_slice_views_rotated_to_the_volume_plane_are_exact(app, angles):
    matrix = oriented_matrix((1, 2, 0), (1, -1, -1), (0.9, 1.1, 2.3), (-20, 3, 9), rotation(*angles))
    volume = add_volume(app, np.zeros((9, 14, 12), np.int16), matrix)
    app.show(volume)
    reader = VolumeReader(volume)
    names = {}
    for name in app.slice_logics:
        plane = reader.plane_of_view(app.slice_node(name))
        assert not plane.oblique
        names[name] = plane.name
        logic = app.slice_logics[name]
        for index in range(reader.snapshot().dims[plane.axis]):
            wanted = reader.plane(plane.axis, index)
            app.slice_node(name).JumpSliceByOffsetting(*wanted.to_ras(np.array([[4.0, 4.0]]))[0])
            logic.SnapSliceOffsetToIJK()
            assert reader.plane_of_view(app.slice_node(name)) == wanted
    assert names == {"Red": "axial", "Yellow": "sagittal", "Green": "coronal"}


def test_an_unturned_view_of_a_tilted_volume_is_oblique(app):
    volume = add_volume(app, np.zeros((9, 14, 12), np.int16), oriented_matrix(rotation=rotation(12, 7, 3)))
    app.show(volume)
    app.slice_node("Red").SetOrientation("Axial")
    app.slice_logics["Red"].FitSliceToBackground()
    assert VolumeReader(volume).plane_of_view(app.slice_node("Red")).oblique


@pytest.mark.parametrize("edit", ["grown", "moved"])
def test_a_view_that_stands_still_shows_a_second_edit(app, edit):
    from EvanySegSlicerLib.scene.headless.offscreen import OffscreenSliceView
    from EvanySegSlicerLib.scene.nodes.segment_store import SegmentStore
    from scene.headless import add_segmentation

    volume = add_volume(app, np.zeros((12, 32, 32), np.int16))
    node, _ids = add_segmentation(app, volume)
    app.show(volume)
    store, reader = SegmentStore(node), VolumeReader(volume)
    segment_id = store.add("Liver")
    plane = reader.plane_of_view(app.slice_node("Red"))
    first, second = np.zeros(plane.shape, bool), np.zeros(plane.shape, bool)
    first[8:16, 8:16] = True
    second[{"grown": slice(2, 30), "moved": slice(9, 15)}[edit], 9:15] = True
    view, across = OffscreenSliceView(app, "Red"), OffscreenSliceView(app, "Green")
    try:
        store.write(segment_id, plane, first, volume)
        before, before_across = view.picture(), across.picture()
        store.write(segment_id, plane, second, volume)
        assert not np.array_equal(view.picture(), before)
        store.write(segment_id, reader.plane(2, plane.index + 2), np.ones(plane.shape, bool), volume)
        assert not np.array_equal(across.picture(), before_across)
    finally:
        view.close()
        across.close()
