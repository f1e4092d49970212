"""Shards: nothing is lost, ranks never share an object, epochs differ, and memory does not grow with the data."""

import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from torch.utils.data import DataLoader

from evanyseg_training.candidates.store import CandidateStore
from evanyseg_training.data.streaming import ShardStream, ShardWriter, buffered_shuffle, read_shard, shard_sizes
from evanyseg_training.errors import OptionError, RunError, ShardError
from evanyseg_training.estimator.config import RunOptions, load_options
from evanyseg_training.estimator.export.checkpoint_estimator import CheckpointEstimator
from evanyseg_training.estimator.losses import LossWeights
from evanyseg_training.estimator.module import OptimOptions
from evanyseg_training.estimator.samples.data import EstimatorData
from evanyseg_training.estimator.samples.options import DataOptions
from evanyseg_training.estimator.samples.shards import GroupSampler, RowMasks, write_shards
from evanyseg_training.estimator.throughput import measure
from evanyseg_training.estimator.train_shards import train_from_shards
from training.ellipse_store import make_candidates, make_store

MASKS = 8


def row_number(row, rng):
    return row["object"]


def made_row(k: int) -> dict:
    payload = k.to_bytes(4, "little") * 16
    return {
        "set": "made", "source": "made", "object": k, "height": 8, "width": 8, "image": payload, "truth": payload,
        "truth_box": [0, 0, 8, 8], "masks": [payload] * MASKS, "boxes": [0, 0, 8, 8] * MASKS,
        "prompts": [float("nan")] * 4 * MASKS, "dice": [0.5] * MASKS, "hd95": [1.0] * MASKS,
    }  # fmt: skip


def write(folder, rows, per_shard=64):
    writer = ShardWriter(folder, per_shard)
    for k in range(rows):
        writer.add(made_row(k))
    writer.close()
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return write(tmp_path_factory.mktemp("shards"), 500)


def test_the_index_counts_objects_and_masks(small):
    sizes = shard_sizes(small)
    assert sum(o for o, _ in sizes.values()) == 500
    assert sum(m for _, m in sizes.values()) == 500 * MASKS
    assert len(sizes) == 8


def test_one_epoch_gives_every_object_once_in_another_order_than_the_next(small):
    seen = list(ShardStream(small, row_number, buffer=50, epochs=2))
    first, second = seen[:500], seen[500:]
    assert sorted(first) == sorted(second) == list(range(500))
    assert first != second
    assert first != sorted(first)
    assert seen == list(ShardStream(small, row_number, buffer=50, epochs=2))


def test_ranks_and_workers_share_no_object(small):
    ranks = [list(ShardStream(small, row_number, rank=r, world=3, epochs=1)) for r in range(3)]
    assert sorted(k for rank in ranks for k in rank) == list(range(500))
    workers = DataLoader(ShardStream(small, row_number, epochs=1), 10, num_workers=2, multiprocessing_context="fork")
    assert sorted(torch.cat(list(workers)).tolist()) == list(range(500))


def test_more_readers_than_shards_are_refused(small):
    with pytest.raises(ShardError, match="smaller shards"):
        next(iter(ShardStream(small, row_number, rank=0, world=9)))


def test_a_folder_without_an_index_or_with_a_lost_shard_is_refused(tmp_path):
    with pytest.raises(ShardError, match="no index"):
        shard_sizes(tmp_path)
    folder = write(tmp_path / "s", 70)
    next(folder.glob("*.parquet")).unlink()
    with pytest.raises(ShardError, match="lacks 1"):
        ShardStream(folder, row_number)


def test_writers_side_by_side_share_a_folder(tmp_path):
    for prefix in ("a", "b"):
        writer = ShardWriter(tmp_path, 64, prefix)
        writer.add(made_row(1))
        writer.close()
    assert len(shard_sizes(tmp_path)) == 2


def test_a_shuffle_buffer_holds_its_size_and_loses_nothing():
    rows = [{"object": k} for k in range(100)]
    out = [r["object"] for r in buffered_shuffle(iter(rows), 10, np.random.default_rng(0))]
    assert sorted(out) == list(range(100))
    assert all(k <= place + 10 for place, k in enumerate(out))  # a row cannot come before it was read


def peak_memory(folder) -> int:
    """Highest sum of Python's and Arrow's memory in bytes while one epoch is read."""
    before, highest = pa.total_allocated_bytes(), 0
    tracemalloc.start()
    for count, _ in enumerate(ShardStream(folder, row_number, buffer=128, epochs=1)):
        if count % 200 == 0:
            highest = max(highest, pa.total_allocated_bytes() - before)
    python = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return highest + python


def test_memory_does_not_grow_from_20_to_200_thousand_pairs(tmp_path):
    few, many = write(tmp_path / "few", 2_500, 1024), write(tmp_path / "many", 25_000, 1024)
    assert sum(m for _, m in shard_sizes(many).values()) == 200_000
    peak_memory(few)  # what is imported on first use does not count
    assert peak_memory(many) < 1.3 * peak_memory(few)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    store = make_store(folder / "store", (("three", "train"), ("four", "train")))
    make_candidates(store, folder / "candidates")
    candidates = CandidateStore(folder / "candidates", store)
    done = [write_shards(store, candidates, folder / "shards", "train", (k, 2)) for k in range(2)]
    assert sum(objects for objects, _ in done) == 12
    return store, candidates, folder


def test_shards_hold_the_very_pixels_of_the_stores(real):
    store, candidates, folder = real
    rows = [row for path in sorted((folder / "shards").glob("*.parquet")) for row in read_shard(path)]
    for row in rows[:3]:
        masks = RowMasks(row)
        at = candidates.table.index[candidates.table.row == row["object"]]
        image_id = int(candidates.table.image_id[at[0]])
        assert np.array_equal(masks.image(), store.gray_or_color(image_id))
        assert np.array_equal(masks.truth(), store.mask(row["object"]))
        assert masks.true_box(0) == store.box(row["object"])
        for k, i in enumerate(at):
            assert np.array_equal(masks.mask(k), candidates.mask(int(i)))
            assert masks.mask_box(k) == candidates.mask_box(int(i))
        assert row["dice"] == pytest.approx(candidates.table.dice[at].tolist())


def test_a_streamed_sample_is_what_the_store_would_have_given(real):
    _, candidates, folder = real
    options = DataOptions(size=32, group=2, without_box=0.0)
    row = next(read_shard(next((folder / "shards").glob("*.parquet"))))
    streamed = GroupSampler("context", options)(row, np.random.default_rng(1))
    data = EstimatorData(candidates, "train", options)
    at = candidates.table.index[candidates.table.row == row["object"]]
    rng = np.random.default_rng(1)
    picks = rng.choice(len(at), 2, replace=False)
    expected = [data.samples.draw(int(at[i]), rng) for i in picks]
    for name, values in streamed.items():
        assert torch.allclose(values.float(), torch.stack([e[name] for e in expected]).float()), name


@pytest.mark.parametrize(("model", "mode"), [("resnet18", "paper"), ("resnet18", "context"), ("builtin", "context")])
def test_training_from_shards_runs_and_goes_on(real, tmp_path, model, mode):
    options = RunOptions(
        model=model, mode=mode, batch=4, epoch=2, precision="32-true", loss=LossWeights(published=mode == "paper"),
        data=DataOptions(size=32, group=1), optim=OptimOptions(steps=2, warmup=1),
    )  # fmt: skip
    quiet = {"accelerator": "cpu", "devices": 1}
    module = train_from_shards(real[2] / "shards", tmp_path / "run", options, **quiet)
    assert module.global_step == 2
    assert (tmp_path / "run" / "run.yaml").is_file()
    scorer = CheckpointEstimator(tmp_path / "run")
    store = real[0]
    image, masks = store.image(0), np.stack([store.mask(0), np.zeros((64, 72), bool)])
    whole, empty = scorer.estimate(image, masks, [store.box(0)] * 2)
    assert 0 <= whole.dice <= 1
    assert empty.dice == 0
    assert not scorer.estimate(image, masks[1:])[0].scored
    assert scorer.estimate(image, masks[:1], [store.box(0)])[0].dice == pytest.approx(whole.dice, abs=1e-5)
    longer = RunOptions(**{**options.__dict__, "optim": OptimOptions(steps=4, warmup=1)})
    assert train_from_shards(real[2] / "shards", tmp_path / "run", longer, **quiet).global_step == 4


def test_texture_of_other_images_needs_a_store(tmp_path):
    with pytest.raises(OptionError, match="train from a store"):
        train_from_shards(tmp_path, tmp_path / "run", RunOptions(data=DataOptions(texture=0.5)))


def test_a_folder_that_is_not_a_run_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"run\.yaml"):
        CheckpointEstimator(tmp_path)


def test_the_paper_scale_config_says_what_the_paper_says():
    import evanyseg_training

    folder = Path(evanyseg_training.__file__).parent / "configs"
    options = load_options(folder / "scale_sa_med2d.yaml")
    assert (options.model, options.mode, options.data.size, options.loss.published) == ("vit-b", "paper", 224, True)
    assert options.batch * 8 == 128
    assert options.epoch == round(619_044 / 128)
    assert options.optim.steps == 30 * options.epoch


@pytest.mark.parametrize("mode", ["paper", "context"])
def test_throughput_is_measured_on_shards_and_projected(real, mode):
    found = measure(real[2] / "shards", "resnet18", mode, 32, batch=2, steps=1)
    assert found.data_per_core > 0
    assert found.hours(1000, 2, 2) == pytest.approx(found.hours(1000, 2, 1) / 2)
    expected = 1000 * (1 / found.data_per_core + 1 / found.training_per_core) / 3600
    assert found.hours(1000, 1, 1) == pytest.approx(expected)
