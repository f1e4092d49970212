"""The first box into a new or a given segmentation lands on its voxels, whatever the volume's geometry and parents."""

import pytest

from scene.first_box import NEW, Case, misplaced, random_case


@pytest.mark.parametrize("seed", range(60))
def test_no_voxel_of_a_first_box_is_misplaced(app, seed):
    """`python -m scene.first_box 500` (in Testing/) does the same for 500 cases."""
    count, what = misplaced(app, random_case(seed))
    assert count == 0, what


def test_the_cases_cover_what_they_are_for():
    cases = [random_case(seed) for seed in range(60)]
    kinds = {(case.segmentation, case.above is not None) for case in cases}
    assert len(kinds) == 10
    assert sum(case.segmentation == NEW and case.above is not None for case in cases) > 5


def test_a_mask_on_a_grid_that_counts_the_transform_twice_would_be_counted(app, monkeypatch):
    """The fault that these tests are for, put back."""
    from EvanySegSlicerLib.presenters import review_controller

    def twice(volume):
        made = volume.GetScene().AddNewNodeByClass("vtkMRMLSegmentationNode", "S")
        made.CreateDefaultDisplayNodes()
        made.SetReferenceImageGeometryParameterFromVolumeNode(volume)
        made.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
        return made

    monkeypatch.setattr(review_controller, "new_segmentation", twice)
    seed = next(s for s in range(60) if (c := random_case(s)).segmentation == NEW and c.above is not None)
    case: Case = random_case(seed)
    assert misplaced(app, case)[0] > 0
