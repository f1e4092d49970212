"""Rendered slice views show what they must: the band's colour inside the object, the untouched image outside."""

import numpy as np
import pytest

from doubles import make_pipeline
from evanyseg.bands import BAND_COLORS, QualityBand
from evanyseg.errors import EvanySegError
from evanyseg.overlay_codes import STALE_COLOR, legend_entries
from EvanySegSlicerLib.scene.headless import offscreen
from EvanySegSlicerLib.scene.headless.offscreen import Offscreen3DView, OffscreenSliceView, require_opengl
from EvanySegSlicerLib.scene.overlay.error_map import FALSE_NEGATIVE_COLOR, LEGEND
from EvanySegSlicerLib.scene.overlay.view_labels import ViewLabels, annotation_lines
from EvanySegSlicerLib.scene.png import write_png
from EvanySegSlicerLib.scene.review.jump import jump, target_of, view_of_plane
from EvanySegSlicerLib.scene.review.open_review import open_review
from orientations import oriented_matrix, rotation
from scene.headless import add_segmentation, add_volume, inner_box, phantom


def opengl_missing() -> bool:
    try:
        require_opengl()
    except EvanySegError:
        return True
    return False


needs_opengl = pytest.mark.skipif(opengl_missing(), reason="no OpenGL without a screen here")

MATRICES = {
    "upright": oriented_matrix(signs=(-1, -1, 1), spacing=(1.0, 1.2, 2.0)),
    "permuted": oriented_matrix((2, 0, 1), (1, -1, -1), (1.0, 1.2, 2.0)),
    "tilted": oriented_matrix((1, 2, 0), (-1, 1, 1), (1.0, 1.2, 2.0), (5, 6, 7), rotation(14, 9, 5)),
}


@needs_opengl
@pytest.mark.parametrize("orientation", MATRICES)
def test_all_three_views_show_the_bands_colors_inside_and_the_image_outside(app, truth, orientation):
    volume = add_volume(app, phantom(truth, noise=0), MATRICES[orientation])
    held = truth.copy()
    held[24:28] = np.roll(held[24:28], 14, axis=2)  # poor slices along K
    segmentation, ids = add_segmentation(app, volume, {"Liver": held})
    segmentation.GetDisplayNode().SetOpacity2DOutline(0)
    opened = open_review(volume, segmentation, make_pipeline())
    opened.review.score_existing(2)
    plane = opened.review.reader.plane(2, 14)
    opened.review.store.write(ids["Liver"], plane, np.roll(plane.take(truth), 2, axis=1))
    opened.review.refresh()  # K = 14 is stale
    opened.overlay.show()
    app.show(volume)
    matrix = opened.review.reader.snapshot().ijk_to_ras
    points = {  # voxels inside the object on both sides of the shift: (i, j, k) -> colour
        (35, 25, 20): BAND_COLORS[QualityBand.GOOD],
        (35, 25, 26): BAND_COLORS[QualityBand.POOR],
        (30, 25, 14): STALE_COLOR,
    }
    views = {name: OffscreenSliceView(app, name, (300, 300)) for name in app.slice_logics}
    seen = 0
    for ijk, color in points.items():
        ras = (matrix @ [*ijk, 1])[:3]
        jump([v.node for v in views.values()], ras)
        opened.overlay.display.opacity = 0.35
        with_overlay = {name: v.picture() for name, v in views.items()}
        for view in views.values():
            view.logic.GetSliceCompositeNode().SetForegroundOpacity(0.0)
        plain = {name: v.picture() for name, v in views.items()}
        for view in views.values():
            view.logic.GetSliceCompositeNode().SetForegroundOpacity(0.35)
        for name, view in views.items():
            x, y = view.xy_of(ras)
            before = plain[name][y, x].astype(float)
            expected = 0.65 * before + 0.35 * 255 * np.array(color)
            np.testing.assert_allclose(with_overlay[name][y, x], expected, atol=4, err_msg=f"{name} {ijk}")
            corner = np.s_[:20, :20]
            np.testing.assert_array_equal(with_overlay[name][corner], plain[name][corner])
            changed = (with_overlay[name] != plain[name]).any(axis=-1)
            assert changed.any()
            # nothing but the object changed: every changed pixel lies in a voxel of the segment
            rows, cols = np.nonzero(changed)
            to_ras = np.array([[view.node.GetXYToRAS().GetElement(r, c) for c in range(4)] for r in range(4)])
            xy = np.stack([cols, 299 - rows, np.zeros_like(cols), np.ones_like(cols)]).astype(float)
            i, j, k = np.rint((np.linalg.inv(matrix) @ to_ras @ xy)[:3]).astype(int)
            current = opened.overlay.codes != 0
            near = np.zeros(len(i), bool)  # a pixel's width of tolerance at the rim
            for step in np.ndindex(3, 3, 3):
                di, dj, dk = (s - 1 for s in step)
                inside = [
                    np.clip(v + d, 0, n - 1) for v, d, n in zip((k, j, i), (dk, dj, di), current.shape, strict=True)
                ]
                near |= current[tuple(inside)]
            assert near.all(), name
            seen += 1
    assert seen == 9
    for view in views.values():
        view.close()


@needs_opengl
def test_outline_annotation_and_legend_are_drawn_and_removed(app, volume, truth):
    segmentation, ids = add_segmentation(app, volume, {"Liver": np.roll(truth, 12, axis=2)})
    opened = open_review(volume, segmentation, make_pipeline())
    opened.review.score_existing(2)
    opened.overlay.show()
    app.show(volume)
    view = OffscreenSliceView(app, "Red", (400, 400))
    jump([view.node], opened.review.reader.plane(2, 20).to_ras(np.array([[5.0, 5.0]]))[0])
    bare = view.picture()
    row = opened.review.table.get((ids["Liver"], 2, 20, ""))
    labels = ViewLabels(view.renderer)
    labels.show_annotation(annotation_lines([row]))
    labels.show_legend(legend_entries(opened.review.thresholds))
    dressed = view.picture()
    changed = (dressed != bare).any(axis=-1)
    assert changed[:60, :200].any(), "the annotation is at the top left"
    assert changed[-120:, -200:].any(), "the legend is at the bottom right"
    assert not changed[150:250].any(), "the image between them is free"
    square = dressed[8:40, 8:40].reshape(-1, 3)
    poor = 255 * np.array(BAND_COLORS[QualityBand.POOR])
    assert (np.abs(square - poor).max(axis=1) < 3).sum() > 50, "a square of the band's colour"
    legend = dressed[-120:, -200:].reshape(-1, 3)
    for band in (QualityBand.GOOD, QualityBand.CHECK, QualityBand.POOR, QualityBand.UNSCORED):
        color = 255 * np.array(BAND_COLORS[band])
        assert (np.abs(legend - color).max(axis=1) < 3).sum() > 50, band
    assert np.abs(dressed.astype(int) - bare).max() > 100
    # the segment's own colour is in the picture as its outline
    own = 255 * np.array(segmentation.GetSegmentation().GetSegment(ids["Liver"]).GetColor())
    assert (np.abs(bare.reshape(-1, 3) - own).max(axis=1) < 40).sum() > 50
    labels.show_legend(LEGEND)
    legend = view.picture()[-120:, -200:].reshape(-1, 3)
    assert (np.abs(legend - 255 * np.array(FALSE_NEGATIVE_COLOR)).max(axis=1) < 3).sum() > 50
    assert (np.abs(legend - 255 * np.array(BAND_COLORS[QualityBand.GOOD])).max(axis=1) < 3).sum() == 0
    labels.remove()
    np.testing.assert_array_equal(view.picture(), bare)
    view.close()


@needs_opengl
def test_views_jump_to_a_row_and_the_right_view_is_named(app, volume, truth):
    opened = open_review(volume)
    app.show(volume)
    views = {name: app.slice_node(name) for name in app.slice_logics}
    for axis, name in ((2, "Red"), (1, "Green"), (0, "Yellow")):
        plane = opened.review.reader.plane(axis, 17)
        mask = plane.take(truth)
        jump(views.values(), target_of(plane, mask))
        assert view_of_plane(views.values(), plane) is views[name]
        assert opened.review.reader.plane_of_view(views[name]) == plane
    ring = np.zeros((20, 20), bool)
    ring[5:15, 5:15] = True
    ring[7:13, 7:13] = False
    plane = opened.review.reader.plane(2, 3)
    x, y, _ = plane.to_pixels(target_of(plane, np.pad(ring, ((0, 30), (0, 40)))))[0]
    assert ring[int(y), int(x)], "the target is on the object, not in its hole"


@needs_opengl
def test_a_3d_view_shows_the_segments_surface(app, volume, truth, tmp_path):
    segmentation, ids = add_segmentation(app, volume, {"Liver": truth})
    segmentation.GetSegmentation().GetSegment(ids["Liver"]).SetColor(1, 0, 0)
    segmentation.CreateClosedSurfaceRepresentation()
    view = Offscreen3DView(app, (200, 200))
    view.look()
    picture = view.picture()
    assert (picture[0, 0] > 240).all(), "white ground"
    center = picture[90:110, 90:110].reshape(-1, 3).mean(axis=0)
    assert center[0] > 2 * center[1]
    path = view.save(tmp_path / "view.png")
    assert path.read_bytes()[1:4] == b"PNG"
    view.close()


@needs_opengl
def test_surfaces_wait_until_idle(app, volume, truth):
    """An edit leaves the 3D surface as it was; idle time brings it up to date."""
    segmentation, ids = add_segmentation(app, volume, {"a": truth})
    segmentation.CreateClosedSurfaceRepresentation()
    review = open_review(volume, segmentation, make_pipeline()).review
    segment = segmentation.GetSegmentation().GetSegment(ids["a"])
    before = segment.GetRepresentation("Closed surface").GetNumberOfPoints()
    for k in range(15, 30):
        plane = review.reader.plane(2, k)
        review.store.write(ids["a"], plane, np.zeros(plane.shape, bool))
    review.refresh()
    assert segment.GetRepresentation("Closed surface").GetNumberOfPoints() == before
    for _ in review.refresh_steps():  # what a front end runs when nothing else happens
        pass
    assert segment.GetRepresentation("Closed surface").GetNumberOfPoints() != before
    assert review.store.flush_surfaces() == 0
    after = segment.GetRepresentation("Closed surface").GetNumberOfPoints()
    plane = review.reader.plane(2, 20)
    review.segment_box(ids["a"], plane, inner_box(plane))
    review.undo()
    assert review.store.flush_surfaces() == 1, "undo may have brought an old surface back"
    segment = segmentation.GetSegmentation().GetSegment(ids["a"])
    assert segment.GetRepresentation("Closed surface").GetNumberOfPoints() == after


def test_a_machine_without_egl_is_told_which_packages_to_install(monkeypatch):
    def nothing_there(name):
        raise OSError(name)

    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr(offscreen.sys, "platform", "linux")
    monkeypatch.setattr(offscreen.ctypes, "CDLL", nothing_there)
    with pytest.raises(EvanySegError, match=r"apt install libegl1 libegl-mesa0"):
        require_opengl()


def test_a_picture_that_cannot_be_written_is_reported(tmp_path):
    taken = tmp_path / "a file, not a folder"
    taken.write_text("")
    with pytest.raises(EvanySegError, match="cannot be written"):
        write_png(np.zeros((4, 5, 3), np.uint8), taken / "a.png")


@needs_opengl
def test_an_edit_is_seen_in_the_next_picture(app, volume, truth):
    """Masks are changed in place: the views must hear of it."""
    segmentation, ids = add_segmentation(app, volume, {"Liver": truth})
    segmentation.GetSegmentation().GetSegment(ids["Liver"]).SetColor(0, 1, 0)
    review = open_review(volume, segmentation, make_pipeline()).review
    plane = review.reader.plane(2, 20)
    app.show(volume)
    view = OffscreenSliceView(app, "Red", (300, 300))
    jump([view.node], target_of(plane, plane.take(truth)))
    green = lambda: (view.picture()[..., 1].astype(int) - view.picture()[..., 0] > 40).sum()
    assert green() > 1000
    events = []
    kind = segmentation.GetSegmentation().SourceRepresentationModified
    segmentation.GetSegmentation().AddObserver(kind, lambda *_: events.append(1))
    review.history.save()
    review.store.write(ids["Liver"], plane, np.zeros(plane.shape, bool))
    assert events, "other front ends are told as well"
    assert green() == 0
    review.undo()
    assert green() > 1000
