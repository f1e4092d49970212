"""Training of the built-in segmenter on generated images: samples, losses, a tiny run, resume, evaluation, export."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from evanyseg.prompts import BoxPrompt
from evanyseg.segmenters.tokens import NOT_A_POINT, POSITIVE, TOP_LEFT
from evanyseg_training.augment.intensity import object_intensity_shifted
from evanyseg_training.data.manifest import fold_of
from evanyseg_training.data.store import Store
from evanyseg_training.errors import ManifestError, OptionError, RunError
from evanyseg_training.segmenter.checkpoints import segmenter_from_checkpoint
from evanyseg_training.segmenter.config import SegmenterConfig
from evanyseg_training.segmenter.data import SamplingPlan, SegmenterSamples, prompt_for
from evanyseg_training.segmenter.losses import iou_of, mask_losses, segmenter_loss
from evanyseg_training.segmenter.module import corrected, window_at
from evanyseg_training.segmenter.train import train_segmenter, training_rows
from training.ellipse_store import make_store
from training.tiny_segmenter import config, run, store

__all__ = ["run", "store"]  # fixtures


def samples(store: Store, **plan: object) -> SegmenterSamples:
    return SegmenterSamples(store, training_rows(store), SamplingPlan(epoch_size=16, **plan))


def test_only_train_subjects_of_usable_sets_are_trained_on(store: Store) -> None:
    table = store.manifest.loc[training_rows(store)]
    assert set(table.set) == {"one", "two"}
    assert set(table.kind) == {"object"}


def test_folds_leave_their_subjects_out(store: Store) -> None:
    kept = [set(training_rows(store, (k, 2))) for k in (0, 1)]
    assert kept[0].isdisjoint(kept[1])
    assert kept[0] | kept[1] == set(training_rows(store))
    table = store.manifest.loc[sorted(kept[0])]
    assert {fold_of(s, p, 2) for s, p in zip(table.source, table.subject, strict=True)} == {1}


def test_a_store_without_training_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no object to train on"):
        training_rows(make_store(tmp_path / "s", (("x", "heldout"),)))


@pytest.mark.parametrize("side", [256, 128])
def test_samples_have_images_targets_and_prompts(store: Store, side: int) -> None:
    item = samples(store, side=side, prompts=3)[5]
    assert item["image"].shape == (3, side, side)
    assert item["target"].shape == (3, side // 2, side // 2)
    assert item["coords"].shape == (3, 5, 2)
    assert item["labels"].shape == (3, 5)
    assert 0 <= item["target"].min() <= item["target"].max() <= 1
    assert item["target"].sum((1, 2)).min() > 0


def test_a_sample_depends_on_seed_epoch_and_index_alone(store: Store) -> None:
    first, other = samples(store), samples(store)
    [other[k] for k in (3, 9, 1)]  # what was drawn before must not matter
    for name, value in first[7].items():
        np.testing.assert_array_equal(value, other[7][name])
    assert not np.array_equal(first[7]["image"], first[16 + 7]["image"])  # the next epoch's
    assert not np.array_equal(first[7]["image"], first[8]["image"])
    assert not np.array_equal(first[7]["image"], samples(store, seed=1)[7]["image"])


def test_samples_are_the_same_from_worker_processes(store: Store) -> None:
    loader = torch.utils.data.DataLoader(samples(store), batch_size=4, num_workers=2)
    alone = samples(store)
    for k, batch in enumerate(loader):
        np.testing.assert_array_equal(batch["image"][1].numpy(), alone[4 * k + 1]["image"])


def test_sets_are_drawn_by_the_root_of_their_size_and_weight(store: Store) -> None:
    drawn = samples(store, weight_of={"two": 0.0})
    names, cumulative, _, _ = drawn._tables
    assert names == ["one", "two"]
    np.testing.assert_allclose(cumulative, [1, 1])


def test_boxes_of_prompts_enclose_their_masks_up_to_the_jitter() -> None:
    mask = np.zeros((256, 256), bool)
    mask[80:160, 60:200] = True
    rng = np.random.default_rng(0)
    kinds = []
    for _ in range(200):
        coords, labels = prompt_for(mask, rng)
        kinds.append((labels[0] == TOP_LEFT, (labels[2:] != NOT_A_POINT).any()))
        if labels[0] == TOP_LEFT:
            assert np.abs(coords[:2] - [(60, 80), (200, 160)]).max() <= 0.2 * 140 + 1e-3
        for (x, y), label in zip(coords[2:], labels[2:], strict=True):
            if label != NOT_A_POINT:
                assert mask[int(y), int(x)] == (label == POSITIVE)
    assert set(kinds) == {(True, False), (True, True), (False, True)}


def test_mask_losses_by_hand() -> None:
    target = torch.zeros(1, 4, 4)
    target[0, :2] = 1
    logits = torch.full((1, 1, 4, 4), -30.0)
    logits[0, 0, :2] = 30
    assert mask_losses(logits, target).item() == pytest.approx(0, abs=1e-5)
    flat = mask_losses(torch.zeros(1, 1, 4, 4), target).item()
    # p = 1/2 everywhere: cross-entropy ln 2; Dice loss 1 - (2*4+1)/(8+8+1)
    assert flat == pytest.approx(np.log(2) + 1 - 9 / 17, abs=1e-5)


def test_iou_by_hand() -> None:
    target = torch.zeros(1, 4, 4)
    target[0, :2] = 1
    logits = torch.full((1, 2, 4, 4), -1.0)
    logits[0, 0, 1:3] = 1
    assert iou_of(logits, target).tolist() == [[pytest.approx(1 / 3), 0.0]]


def test_the_best_of_the_alternatives_counts_and_iou_is_learnt() -> None:
    target = (torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    logits = torch.randn(3, 4, 16, 16, generator=torch.Generator().manual_seed(1))
    iou = torch.zeros(3, 4)
    total, parts = segmenter_loss(logits, iou, target)
    each = mask_losses(logits, target)
    expected = each[:, 0].mean() + each[:, 1:].min(1).values.mean() + 0.05 * each[:, 1:].mean()
    expected = expected + F.mse_loss(iou, iou_of(logits, target))
    torch.testing.assert_close(total, expected)
    assert set(parts) == {"single", "multi", "iou", "true_iou"}


def test_correction_points_lie_on_errors_and_take_a_free_slot() -> None:
    target = torch.zeros(2, 32, 32)
    target[:, 8:24, 8:24] = 1
    logits = torch.where(target > 0, 1.0, -1.0)
    logits[0, 8:24, 8:16] = -1  # missed
    coords, labels = torch.zeros(2, 5, 2), torch.tensor([[2, 3, 1, -1, -1], [2, 3, 1, -1, -1]])
    moved, marked = corrected(logits, target, coords, labels, (1, 2), 0)
    assert marked.tolist() == [[2, 3, 1, POSITIVE, -1], [2, 3, 1, -1, -1]]  # the second mask has no error
    x, y = (moved[0, 3] - torch.tensor([64.0, 32])) / 2
    assert 8 <= x < 16
    assert 8 <= y < 24
    assert labels.tolist()[0] == [2, 3, 1, -1, -1]


def test_windows_go_everywhere_and_stay_inside() -> None:
    places = {window_at(128, step) for step in range(200)}
    assert places == {(r, c) for r in range(5) for c in range(5)}
    assert {window_at(256, step) for step in range(50)} == {(0, 0)}


def test_a_run_leaves_weights_checkpoints_config_and_log(run: Path) -> None:
    names = {p.name for p in run.iterdir()}
    assert {"config.yaml", "metrics.csv", "last.ckpt", "averaged.safetensors", "kept_050.safetensors"} <= names
    with (run / "metrics.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 4
    assert np.isfinite(losses).all()
    segmenter = segmenter_from_checkpoint(run / "kept_050.safetensors")
    image = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    found = segmenter.segment(segmenter.embed(image), BoxPrompt(5, 5, 40, 35))
    assert found.logits.shape == (4, 40, 50)


def test_training_changes_the_weights(run: Path) -> None:
    early, late = (load_file(run / f"kept_{k}.safetensors") for k in ("050", "100"))
    assert any(not torch.equal(early[k], late[k]) for k in early)


def test_a_resumed_run_equals_an_uninterrupted_one(store: Store, run: Path, tmp_path: Path) -> None:
    stopped = config(store, tmp_path / "run")
    first_epoch = {**stopped.trainer, "max_epochs": 1}
    train_segmenter(config(store, tmp_path / "run", trainer=first_epoch), progress=False)
    train_segmenter(stopped, resume=True, progress=False)
    whole, resumed = (load_file(p / "averaged.safetensors") for p in (run, tmp_path / "run"))
    for name, tensor in whole.items():
        torch.testing.assert_close(resumed[name], tensor, msg=name)


def test_a_finished_run_is_not_overwritten(store: Store, run: Path) -> None:
    with pytest.raises(RunError, match="--resume"):
        train_segmenter(config(store, run), progress=False)


def test_a_run_can_start_from_weights(store: Store, run: Path, tmp_path: Path) -> None:
    start = str(run / "averaged.safetensors")
    again = train_segmenter(config(store, tmp_path / "run", start=start, learning_rate=0.0), progress=False)
    for name, tensor in load_file(again).items():
        torch.testing.assert_close(tensor, load_file(start)[name])


def test_a_run_by_the_clock_stops(store: Store, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert train_segmenter(config(store, out, minutes=0.02), progress=False).is_file()
    assert (out / "kept_100.safetensors").is_file()


def test_configs_keep_what_they_are_given_and_refuse_what_they_do_not_know(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    SegmenterConfig(fold=(0, 2), minutes=3.5).save(path)
    assert SegmenterConfig.load(path) == SegmenterConfig(fold=(0, 2), minutes=3.5)
    assert SegmenterConfig.load(path, steps=7, fold=None).steps == 7
    path.write_text("learning: 3\n")
    with pytest.raises(OptionError, match="learning"):
        SegmenterConfig.load(path)


@pytest.mark.parametrize(
    "name", ["segmenter", "segmenter_small", "segmenter_fold", "segmenter_half_a", "segmenter_half_b"]
)
def test_shipped_configs_load(name: str) -> None:
    import evanyseg_training

    path = Path(evanyseg_training.__file__).parent / f"configs/{name}.yaml"
    assert SegmenterConfig.load(path, store="s").store == "s"


def test_an_intensity_shift_changes_the_object_alone() -> None:
    pixels, mask = np.full((20, 30, 3), 128, np.uint8), np.zeros((20, 30), np.uint8)
    mask[5:10, 8:20] = 255
    out = object_intensity_shifted(pixels, mask, np.random.default_rng(0))
    assert (np.abs(out.astype(int) - pixels)[mask > 0] >= 12).all()
    assert np.array_equal(out[mask == 0], pixels[mask == 0])
