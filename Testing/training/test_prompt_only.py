"""Masks that are wrong because of what was asked for are never shown or measured without the prompt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evanyseg_training.candidates.mask_sources import OTHER_OBJECT
from evanyseg_training.candidates.other_object import make_other_objects
from evanyseg_training.candidates.run import CandidateOptions, make_corruptions
from evanyseg_training.candidates.store import CandidateStore
from evanyseg_training.estimator.samples.context import ContextSamples, StoredMasks
from evanyseg_training.estimator.samples.data import EstimatorData
from evanyseg_training.estimator.samples.fixed import fixed_samples
from evanyseg_training.estimator.samples.options import DataOptions
from evanyseg_training.estimator.samples.shards import RowMasks, shard_row
from training.disc_store import make_store


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> CandidateStore:
    folder = tmp_path_factory.mktemp("prompt_only")
    store = make_store(folder / "store")
    for make in (make_corruptions, make_other_objects):
        make(store, folder / "candidates", CandidateOptions(masks=60))
    return CandidateStore(folder / "candidates", store)


def boxes_shown(masks: object, numbers: list[int], monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each mask is shown with a box when everything that may be is shown without one."""
    shown: list[bool] = []
    arrays = ContextSamples.arrays

    def noted(self, sample, box, mask_box, factor):
        shown.append(box is not None)
        return arrays(self, sample, box, mask_box, factor)

    monkeypatch.setattr(ContextSamples, "arrays", noted)
    samples = ContextSamples(masks, replace(DataOptions(size=32), without_box=1.0))  # type: ignore[arg-type]
    for number in numbers:
        samples.draw(number, np.random.default_rng(number))
    return shown


def test_another_object_is_always_drawn_with_its_box(pool, monkeypatch):
    table = pool.table
    others = table.index[table.mask_source == OTHER_OBJECT][:6].tolist()
    corrupted = table.index[(table.mask_source != OTHER_OBJECT) & (table.x1 > table.x0)][:6].tolist()
    assert len(others) == len(corrupted) == 6
    assert boxes_shown(StoredMasks(pool), others + corrupted, monkeypatch) == [True] * 6 + [False] * 6


def test_rows_of_shards_know_it_too_and_former_ones_hold_none(pool, monkeypatch):
    row = int(pool.table.loc[pool.table.mask_source == OTHER_OBJECT, "row"].iat[0])
    lines = pool.table[pool.table.row == row]
    stored = shard_row(pool.store, pool, row, lines.index.to_numpy())
    expected = (lines.mask_source == OTHER_OBJECT).tolist()
    assert any(expected)
    assert [RowMasks(stored).needs_prompt(i) for i in range(len(lines))] == expected
    former = {k: v for k, v in stored.items() if k != "mask_sources"}
    assert not any(RowMasks(former).needs_prompt(i) for i in range(len(lines)))


def test_fixed_lists_without_a_box_leave_them_out(pool: CandidateStore, tmp_path: Path):
    data = EstimatorData(pool, "train", DataOptions(size=32))
    sources = {
        without: {pool.table.mask_source[i] for i, _ in fixed_samples(data, 200, 1, without)}
        for without in (False, True)
    }
    assert OTHER_OBJECT in sources[False]
    assert OTHER_OBJECT not in sources[True]
