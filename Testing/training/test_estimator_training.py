"""Training the estimator, end to end on generated images: losses by hand, augmentation, resuming, export, two ranks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import evanyseg
from evanyseg.nets.builtin_estimator import BuiltinEstimatorNet
from evanyseg.prompts import BoxPrompt
from evanyseg.quality.builtin import load as load_builtin
from evanyseg_training.augment.intensity import object_intensity_shifted
from evanyseg_training.errors import CandidateError, OptionError, RunError
from evanyseg_training.estimator.config import load_options
from evanyseg_training.estimator.losses import LossWeights, estimator_loss
from evanyseg_training.estimator.module import EstimatorModule, OptimOptions, macro_metrics, run_net
from evanyseg_training.estimator.networks.backbones import build_net, net_for, scorer_of
from evanyseg_training.estimator.samples.data import EpochSampler, EstimatorData, collate
from evanyseg_training.estimator.samples.options import DataOptions
from evanyseg_training.estimator.train import load_weights
from training.estimator_runs import SIZE, load_net_config, module_pool, options, run


def test_unknown_distances_do_not_poison_the_loss(data):
    batch = collate([data[0], data[1]])
    batch["log_hd95"][:] = float("nan")
    out = run_net(BuiltinEstimatorNet(load_net_config()), batch)
    loss, parts = estimator_loss(out, batch, LossWeights())
    assert torch.isfinite(loss)
    assert parts["hd95"] == 0


def test_samples_hold_what_the_losses_need(data):
    item = data[5]
    assert item["pixels"].shape == (4, 5, SIZE, SIZE)
    assert item["maps"].shape == (4, 2, SIZE // 2, SIZE // 2)
    mask = item["pixels"][:, 3].float() / 255
    fp, fn = item["maps"].float().unbind(1)
    half = torch.nn.functional.avg_pool2d(mask, 2)
    assert (fp / 255 <= half + 0.35).all()
    # Dice from the true maps is the true Dice, where the window holds everything
    inside = item["areas"][:, 1] == 0
    areas = item["areas"][:, 0]
    fp_share, fn_share = (fp / 255).mean((1, 2)), (fn / 255).mean((1, 2))
    true_positive = areas - fp_share
    dice = 2 * true_positive / (2 * true_positive + fp_share + fn_share).clamp(min=1e-6)
    off = (dice - item["dice"]).abs()[inside & (item["dice"] > 0.3)]
    assert off.numel() == 0 or off.median() < 0.05


def test_augmentation_depends_on_epoch_and_index_and_nothing_else(data):
    sampler = EpochSampler(6)
    first = list(sampler)
    sampler.set_epoch(1)
    second = list(sampler)
    assert not set(first) & set(second)
    a, again, b = data[first[0]], data[first[0]], data[second[0]]
    assert torch.equal(a["pixels"], again["pixels"])
    assert not torch.equal(a["pixels"], b["pixels"])


def test_workers_draw_different_samples_that_do_not_depend_on_their_number(data):
    batches = {}
    for workers in (0, 2):
        loader = torch.utils.data.DataLoader(data, 2, sampler=EpochSampler(8), num_workers=workers, collate_fn=collate)
        batches[workers] = [b["pixels"] for b in loader]
    for alone, shared in zip(batches[0], batches[2], strict=True):
        assert torch.equal(alone, shared)
    different = {tuple(b.flatten()[:500].tolist()) for b in batches[2]}
    assert len(different) == len(batches[2])


def test_ranks_share_an_epoch_without_overlap_and_keep_objects_whole():
    parts = [list(EpochSampler(10, rank, 2)) for rank in range(2)]
    assert sorted(parts[0] + parts[1]) == list(range(10))
    assert parts[0][:2] + parts[1][:2] == [0, 2, 1, 3]
    groups = collate([{"dice": torch.rand(4)}, {"dice": torch.rand(4)}])
    assert groups["owner"].tolist() == [0] * 4 + [1] * 4


def test_a_split_without_candidates_is_refused(data):
    with pytest.raises(CandidateError, match="split 'heldout'"):
        EstimatorData(data.candidates, "heldout", data.options)


def test_no_subject_of_another_split_is_drawn(data):
    table = data.candidates.table
    used = np.concatenate([ids for ids, _, _ in data.objects])
    assert set(table.loc[used, "split"]) == {"train"}


def test_training_learns_and_resuming_equals_going_on(folders, tmp_path):
    straight = run(folders, tmp_path / "straight", options())
    run(folders, tmp_path / "stopped", options(), max_epochs=1)
    resumed = run(folders, tmp_path / "stopped", options())
    assert straight.global_step == resumed.global_step == 8
    for name, value in straight.ema.state_dict().items():
        torch.testing.assert_close(value, resumed.ema.state_dict()[name], rtol=0, atol=1e-6)
    assert (tmp_path / "stopped" / "run.yaml").is_file()


def test_loss_falls_on_easy_images(folders, tmp_path):
    module = run(folders, tmp_path, options(optim=OptimOptions(lr=2e-3, steps=60, warmup=5), epoch=60, batch=16))
    data = EstimatorData(module_pool(folders), "val", DataOptions(size=SIZE))
    batch = collate([data[i] for i in range(12)])
    with torch.inference_mode():
        trained = estimator_loss(run_net(module.net.eval(), batch), batch, LossWeights())[0]
        torch.manual_seed(0)
        fresh = estimator_loss(run_net(BuiltinEstimatorNet(load_net_config()), batch), batch, LossWeights())[0]
    assert trained < 0.8 * fresh


def test_two_processes_follow_the_single_one(folders, tmp_path):
    """20 steps in fp32: a batch split over two gloo processes, all masks of an object on one of them."""
    torch.set_num_threads(1)  # children are forked: only the forking thread lives on in them
    even = LossWeights(ranking=0.0, hd95=0.0)  # their means are over pairs and known values, whose number differs
    optim = OptimOptions(lr=1e-3, steps=20, warmup=2)
    settings = {"limit_val_batches": 0, "max_epochs": -1}
    single = run(folders, tmp_path / "one", options(batch=16, epoch=20, optim=optim, loss=even), **settings)
    double = run(
        folders, tmp_path / "two", options(batch=8, epoch=20, optim=optim, loss=even),
        strategy="ddp_fork", devices=2, **settings,
    )  # fmt: skip
    data = EstimatorData(module_pool(folders), "val", DataOptions(size=SIZE))
    batch = collate([data[i] for i in range(6)])
    with torch.inference_mode():
        losses = [estimator_loss(run_net(m.net.eval(), batch), batch, even)[0].item() for m in (single, double)]
        fresh = estimator_loss(run_net(BuiltinEstimatorNet(load_net_config()), batch), batch, even)[0].item()
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)
    assert abs(fresh - losses[0]) > 0.05


def test_published_mode_trains_small_backbones(folders, tmp_path):
    chosen = options(model="resnet18", mode="paper", loss=LossWeights(published=True), optim=OptimOptions(steps=2))
    module = run(folders, tmp_path, chosen)
    assert module.global_step == 2


def test_published_input_is_the_engines_crop(folders):
    from evanyseg.quality.paper_crop import blended_crop

    pool = module_pool(folders)
    data = EstimatorData(pool, "train", DataOptions(size=SIZE), mode="paper")
    candidate = int(data.objects[0][0][0])
    mask, box = pool.mask(candidate), BoxPrompt(10, 10, 42, 42)
    sample = data.samples.arrays(data.masks.stored(candidate), box, None, 1.0)
    image = pool.store.image(int(pool.table.image_id[candidate]))
    np.testing.assert_array_equal(sample["pixels"].transpose(1, 2, 0), blended_crop(image, mask, box))
    assert "maps" not in sample


@pytest.mark.parametrize(("name", "channels"), [("vit-tiny", 6), ("resnet18", 3)])
def test_backbones_answer_like_the_builtin_net(name, channels):
    net = build_net(name, 64, channels, 0 if channels == 3 else 10).eval()
    out = net(torch.rand(2, channels, 64, 64), torch.rand(2, 0 if channels == 3 else 10), torch.rand(2, 2))
    assert out.dice.shape == (2,)
    assert out.quantiles.shape == (2, 5)


def test_unknown_names_are_refused():
    with pytest.raises(OptionError, match="vit-tiny"):
        build_net("alexnet", 64)
    with pytest.raises(OptionError, match="context or paper"):
        scorer_of("other")


def test_weights_start_a_run_of_another_window_size(tmp_path):
    module = EstimatorModule(BuiltinEstimatorNet(load_net_config()), OptimOptions())
    torch.save({"state_dict": module.state_dict()}, tmp_path / "small.ckpt")
    larger = build_net("builtin", 64)
    load_weights(larger, tmp_path / "small.ckpt")
    assert larger.position.shape[1] == 16
    torch.testing.assert_close(larger.stem[0].weight, module.ema.stem[0].weight)


def test_the_mean_of_several_weights_starts_a_run(tmp_path):
    runs = [EstimatorModule(BuiltinEstimatorNet(load_net_config()), OptimOptions()) for _ in range(3)]
    for number, one in enumerate(runs):
        torch.nn.init.constant_(one.ema.stem[0].weight, float(number))
        torch.save({"state_dict": one.state_dict()}, tmp_path / f"{number}.ckpt")
    net = BuiltinEstimatorNet(load_net_config())
    load_weights(net, *(tmp_path / f"{number}.ckpt" for number in range(3)))
    torch.testing.assert_close(net.stem[0].weight, torch.ones_like(net.stem[0].weight))
    means = sum(one.ema.position for one in runs) / 3
    torch.testing.assert_close(net.position, means)


def test_the_shipped_weights_start_a_run_and_those_of_another_network_do_not():
    shipped = Path(evanyseg.__file__).parent / "builtin" / "estimator.safetensors"
    net = net_for("builtin", "context", 96, False)
    load_weights(net, shipped)
    loaded = load_builtin(backend="torch").net.module.state_dict()
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(tensor, loaded[name], rtol=0, atol=0)
    with pytest.raises(RunError, match="another network"):
        load_weights(build_net("resnet18", 64), shipped)


def test_options_come_from_yaml_and_the_command_line(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("batch: 12\ndata:\n  size: 64\n  factors: [1.4, 2.0]\noptim:\n  lr: 0.01\n")
    chosen = load_options(path, steps=7, model=None, mode="paper")
    assert (chosen.batch, chosen.data.size, chosen.data.factors) == (12, 64, (1.4, 2.0))
    assert (chosen.optim.lr, chosen.optim.steps, chosen.mode, chosen.model) == (0.01, 7, "paper", "builtin")
    path.write_text("data:\n  sise: 64\n")
    with pytest.raises(OptionError, match="sise"):
        load_options(path)


def test_rates_of_the_cosine_and_of_the_published_steps():
    net = BuiltinEstimatorNet(load_net_config())
    cosine = EstimatorModule(net, OptimOptions(steps=110, warmup=10, final=0.1))._rate
    assert [cosine(s) for s in (0, 9, 10, 110, 500)] == pytest.approx([0.1, 1.0, 1.0, 0.1, 0.1])
    assert cosine(60) == pytest.approx(0.55)
    published = EstimatorModule(net, OptimOptions(warmup=0, decay_every=5))._rate
    assert [published(s) for s in (0, 4, 5, 10)] == pytest.approx([1, 1, 0.95, 0.95**2])


@pytest.mark.parametrize("name", ["estimator.yaml", "estimator_last.yaml", "estimator_paper.yaml"])
def test_shipped_configurations_are_understood(name):
    from importlib.resources import files

    import evanyseg_training

    chosen = load_options(files(evanyseg_training) / "configs" / name)
    assert chosen.optim.steps > 1000


def test_macro_metrics_by_hand():
    predicted = np.concatenate([np.linspace(0, 1, 12), np.linspace(1, 0, 12)])
    true = np.concatenate([np.linspace(0, 1, 12)] * 2)
    metrics = macro_metrics(predicted, true, ["a"] * 12 + ["b"] * 12)
    assert metrics["r"] == pytest.approx(0.0, abs=1e-9)


def test_an_intensity_shift_changes_the_true_object_alone(data):
    item = data.samples.arrays(data.masks.stored(3), None, data.candidates.mask_box(3), 1.75)
    before, truth = item["pixels"][:3].transpose(1, 2, 0), item["truth"]
    assert 0 < (truth > 0).mean() < 1
    changed = (object_intensity_shifted(before, truth, np.random.default_rng(0)) != before).any(2)
    assert not changed[truth == 0].any()
    assert changed[truth == 255].mean() > 0.9  # a pixel that was black already cannot get darker


def test_other_texture_changes_images_and_nothing_else(data):
    painted = EstimatorData(data.candidates, "train", replace(data.options, texture=1.0))
    changed = 0
    for seed in range(12):
        candidate = int(data.objects[seed % len(data.objects)][0][0])
        before, after, again = (
            d.samples.draw(candidate, np.random.default_rng(seed)) for d in (data, painted, painted)
        )
        for key in ("dice", "maps", "auxiliary", "truth", "distance"):
            assert torch.equal(before[key], after[key])
        assert torch.equal(before["pixels"][3:], after["pixels"][3:])
        assert torch.equal(after["pixels"], again["pixels"])
        changed += not torch.equal(before["pixels"][:3], after["pixels"][:3])
    assert changed > 3  # where an object is very small or an empty crop, there is no outline to keep


@pytest.mark.parametrize("mode", ["context", "paper"])
def test_a_share_of_masks_is_deformed_with_its_image(data, mode):
    still = EstimatorData(data.candidates, "train", data.options, mode=mode)
    deformed = EstimatorData(data.candidates, "train", replace(data.options, elastic=0.5), mode=mode)
    changed = 0
    for seed in range(24):
        candidate = int(data.objects[seed % len(data.objects)][0][0])
        as_stored = float(still.masks.stored(candidate).dice)
        first, again = (deformed.samples.draw(candidate, np.random.default_rng(seed)) for _ in range(2))
        assert all(torch.equal(first[k], again[k]) or torch.isnan(first[k]).all() for k in first)
        assert abs(float(first["dice"]) - as_stored) < 0.3
        changed += bool(torch.isnan(first["log_hd95"]))  # deforming makes the distance unknown
    assert 4 < changed < 20
