"""The candidate store and its mask_sources, on generated images."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from evanyseg.metrics.surface import surface_scores
from evanyseg.overlap import dice
from evanyseg.prompts import BoxPrompt
from evanyseg.results import Candidates, Embedding
from evanyseg_training.candidates.generators import ObjectWindow, classical_masks, corruption_masks
from evanyseg_training.candidates.grabcut import grabcut
from evanyseg_training.candidates.run import CandidateOptions, chosen_objects, copy_stored, make_corruptions
from evanyseg_training.candidates.segmenter_masks import FoldModel, SegmenterRun, allowed, make_segmenter_masks
from evanyseg_training.candidates.store import CandidateStore, CandidateWriter
from evanyseg_training.data.manifest import fold_of
from evanyseg_training.errors import CandidateError, LeakageError, OptionError, RunError
from training.disc_store import make_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("data") / "store")


def test_surface_scores_by_hand():
    a = np.zeros((20, 20), bool)
    a[5:10, 5:10] = True
    moved = np.roll(a, 3, axis=1)
    scores = surface_scores(a, moved)
    assert scores.dice == pytest.approx(2 * 10 / 50)
    assert scores.hd95 == pytest.approx(3.0)
    assert surface_scores(a, a) == type(scores)(1.0, 0.0, 1.0)
    empty = surface_scores(np.zeros_like(a), a)
    assert (empty.dice, empty.nsd) == (0, 0)
    assert np.isnan(empty.hd95)


def test_surface_scores_equal_medpy_style_reference():
    monai = pytest.importorskip("monai.metrics")
    import torch

    rng = np.random.default_rng(0)
    rows, cols = np.mgrid[:40, :40]
    for _ in range(5):
        a, b = (np.hypot(rows - rng.uniform(15, 25), cols - rng.uniform(15, 25)) < rng.uniform(5, 12) for _ in range(2))
        as_tensor = [torch.from_numpy(m)[None, None].float() for m in (a, b)]
        reference = monai.compute_hausdorff_distance(*as_tensor, percentile=95).item()
        assert surface_scores(a, b).hd95 == pytest.approx(reference, abs=0.75)


def test_what_is_written_is_read_back(store, tmp_path):
    row = store.manifest.iloc[0].to_dict()
    truth = store.mask(0)
    masks = [truth, np.roll(truth, 5, 0), np.zeros_like(truth), np.ones_like(truth)]
    writer = CandidateWriter(tmp_path, "part")
    for mask in masks:
        writer.add(row, truth, mask, "corruption", "test", BoxPrompt(1, 2, 30, 40))
    assert not list(tmp_path.glob("*.parquet"))
    writer.close()
    pool = CandidateStore(tmp_path, store)
    for index, mask in enumerate(masks):
        np.testing.assert_array_equal(pool.mask(index), mask)
        assert pool.table.dice[index] == pytest.approx(dice(mask, truth))
        assert pool.mask_box(index) == BoxPrompt.of_mask(mask)
    assert pool.table.qx1[0] == 30
    with pytest.raises(CandidateError, match="already has"):
        CandidateWriter(tmp_path, "part")


def test_an_empty_folder_is_refused(store, tmp_path):
    with pytest.raises(CandidateError, match="no candidates"):
        CandidateStore(tmp_path, store)


def test_a_corruption_run_is_flat_reproducible_and_sharded(store, tmp_path):
    options = CandidateOptions(masks=200, per_object=(8, 20))
    make_corruptions(store, tmp_path / "one", options)
    for shard in range(2):
        make_corruptions(store, tmp_path / "two", options, (shard, 2))
    one = CandidateStore(tmp_path / "one", store).table.drop(columns=["part", "offset"])
    two = CandidateStore(tmp_path / "two", store).table.drop(columns=["part", "offset"])
    names = ["row", "mask_source", "mask_method", "dice", "x0", "y0"]
    key = lambda t: t[names].sort_values(names).reset_index(drop=True)
    assert key(one).equals(key(two))
    corrupted = one[one.mask_source == "corruption"]
    counts, _ = np.histogram(corrupted.dice, bins=5, range=(0, 1))
    assert counts.min() > 0.1 * len(corrupted)
    assert {"threshold", "watershed", "region growing"} <= set(one.mask_method)


def test_full_image_dice_is_the_scene_dice(store):
    window = ObjectWindow(store, 3, 2.5)
    for mask, _ in corruption_masks(window, 12, np.random.default_rng(0)):
        inside = np.zeros_like(mask)
        inside[window.rows, window.cols] = mask[window.rows, window.cols]
        assert mask.sum() == inside.sum() or mask.all()


def test_large_objects_are_corrupted_on_a_coarser_grid_but_keep_exact_edges(tmp_path):
    store = make_store(tmp_path / "large", images=1, size=400)
    window = ObjectWindow(store, 0, 3.0)
    assert max(window.patch.truth.shape) == 144
    truth = store.mask(0)
    np.testing.assert_array_equal(window.on_image(window.patch.truth), truth)
    half = window.patch.truth.copy()
    half[:, : half.shape[1] // 2] = False
    assert dice(window.on_image(half), truth) == pytest.approx(dice(half, window.patch.truth), abs=0.03)


def test_classical_methods_find_a_bright_disc(store):
    window = ObjectWindow(store, 3, 2.5)
    found = {f: dice(m, window.truth) for m, f in classical_masks(window, store.box(3), np.random.default_rng(0))}
    assert found["threshold"] > 0.7
    assert found["watershed"] > 0.6


def test_grabcut_of_a_window_that_is_all_box_answers():
    possible = lambda shape, sx, sy: np.full(shape, cv2.GC_PR_FGD, np.uint8)
    assert grabcut(np.full((20, 20, 3), 5, np.uint8), possible, 3).all()


def test_grabcut_answers_with_its_start_where_it_fails(monkeypatch):
    def fails(*_):
        raise cv2.error("too few pixels to fit a mixture to")

    def start(shape, sx, sy):
        labels = np.full(shape, cv2.GC_PR_FGD, np.uint8)
        labels[:5] = cv2.GC_BGD
        return labels

    monkeypatch.setattr(cv2, "grabCut", fails)
    found = grabcut(np.full((20, 20, 3), 5, np.uint8), start, 3)
    assert found[5:].all()
    assert not found[:5].any()


def test_objects_are_capped_per_set(store):
    chosen = chosen_objects(store, CandidateOptions(objects=4, objects_of={"a": 2}))
    assert chosen.groupby("set").size().to_dict() == {"a": 2, "b": 4, "c": 4}


def test_stored_predictions_are_measured(store, tmp_path):
    assert copy_stored(store, tmp_path) == 15
    table = CandidateStore(tmp_path, store).table
    assert set(table.mask_source) == {"stored"}
    assert table.dice.between(0.5, 0.95).all()


class _Boxer:
    """A segmenter that fills its box, and as its second mask the left half of it."""

    name, device, supports_points, supports_boxes = "boxer", "cpu", False, True

    def embed(self, image, should_cancel=None):
        return Embedding(self.name, image.shape[:2], None, 1)

    def segment(self, embedding, box=None, points=(), mask_input=None, should_cancel=None):
        logits = np.full((3, *embedding.shape), -1.0, np.float32)
        rows = slice(round(box.y0), round(box.y1))
        logits[0, rows, round(box.x0) : round(box.x1)] = 1
        logits[1, rows, round(box.x0) : round((box.x0 + box.x1) / 2)] = 1
        logits[2] = logits[0]
        return Candidates(logits, np.array([0.8, 0.4, 0.8]), np.ones(3), logits)


def test_no_mask_comes_from_a_model_that_saw_its_subject(store, tmp_path):
    models = [FoldModel(tmp_path / f"fold{k}" / "last.safetensors", k) for k in (0, 1)]
    count = make_segmenter_masks(store, tmp_path / "c", models, lambda p: _Boxer(), CandidateOptions(), SegmenterRun())
    table = CandidateStore(tmp_path / "c", store).table
    assert len(table) == count
    train = table[table.split == "train"]
    for source, subject, mask_method in zip(train.source, train.subject, train.mask_method, strict=True):
        assert mask_method.startswith(f"fold{fold_of(source, subject, 2)}/")
    assert set(table[table.split == "calib"].mask_method.str[:5]) == {"fold0", "fold1"}
    assert not table.mask_method.str.endswith("#2").any()  # the same mask twice is kept once
    assert table.predicted_iou.isin([0.8, 0.4]).all()
    assert table.qx0.notna().all()


def test_models_that_all_saw_a_subject_are_refused(store, tmp_path):
    row = {"set": "a", "source": "a", "subject": "a0", "split": "train"}
    assert allowed([FoldModel(tmp_path, 1)], row | {"split": "val"}, 2)
    fold = fold_of("a", "a0", 2)
    assert not allowed([FoldModel(tmp_path, 1 - fold)], row, 2)
    with pytest.raises(LeakageError, match="cross-fitted"):
        make_segmenter_masks(
            store, tmp_path / "d", [FoldModel(tmp_path, 5)], lambda p: _Boxer(), CandidateOptions(splits=("train",))
        )


def test_a_model_that_left_sets_out_makes_masks_of_these_alone(store, tmp_path):
    weights = tmp_path / "run" / "kept_100.safetensors"
    weights.parent.mkdir()
    (weights.parent / "config.yaml").write_text("weight_of: {a: 0.0, b: 0.7}\n")
    model = FoldModel.parsed(f"{weights}@leave-out")
    assert model == FoldModel(weights, left_out=frozenset({"a"}))
    row = {"source": "a", "subject": "a0"}
    for split in ("train", "val", "calib"):
        assert allowed([model], row | {"set": "a", "split": split}, 2) == [model]
        assert not allowed([model], row | {"set": "b", "split": split}, 2)


def test_models_are_named_with_what_they_never_saw(tmp_path):
    assert FoldModel.parsed("x/y.safetensors") == FoldModel(Path("x/y.safetensors"))
    assert FoldModel.parsed("x/y.safetensors@1") == FoldModel(Path("x/y.safetensors"), 1)
    with pytest.raises(OptionError, match="neither a fold nor"):
        FoldModel.parsed("x/y.safetensors@half")
    with pytest.raises(RunError, match="leaves no data set out"):
        FoldModel.parsed(f"{tmp_path}/y.safetensors@leave-out")
