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
