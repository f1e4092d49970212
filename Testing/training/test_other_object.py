"""Neat outlines of the wrong thing inside the prompt box."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from evanyseg.overlap import dice
from evanyseg.prompts import BoxPrompt
from evanyseg_training.candidates.other_object import (
    MOST_DICE,
    OutlineSource,
    is_neat,
    laid_inside,
    loose_box,
    make_other_objects,
    other_object_masks,
)
from evanyseg_training.candidates.run import CandidateOptions
from evanyseg_training.candidates.store import CandidateStore
from evanyseg_training.cli import app
from evanyseg_training.data.store import Store
from training.disc_store import make_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("data") / "store")


def test_every_mask_lies_in_its_box_and_misses_the_object(store: Store, tmp_path: Path) -> None:
    said = ["candidates", str(store.folder), "-o", str(tmp_path), "--kind", "other-object", "--masks", "40"]
    result = CliRunner().invoke(app, said, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    pool = CandidateStore(tmp_path, store)
    table = pool.table
    assert table.row.nunique() == 30
    assert set(table.mask_source) == {"other object"}
    assert (table.dice < MOST_DICE).all()
    assert ((table.x0 >= table.qx0) & (table.y0 >= table.qy0)).all()
    assert ((table.x1 <= table.qx1) & (table.y1 <= table.qy1)).all()
    for index in range(len(table)):
        assert is_neat(pool.mask(index))
        assert dice(pool.mask(index), store.mask(int(table.row[index]))) == pytest.approx(table.dice[index])


def test_shards_are_the_whole_and_come_out_the_same(store: Store, tmp_path: Path) -> None:
    options = CandidateOptions(masks=40)
    make_other_objects(store, tmp_path / "one", options)
    for shard in range(2):
        make_other_objects(store, tmp_path / "two", options, (shard, 2))
    names = ["row", "dice", "x0", "y0", "x1", "y1", "qx0", "qy1"]
    ordered = lambda n: CandidateStore(tmp_path / n, store).table[names].sort_values(names).reset_index(drop=True)
    assert ordered("one").equals(ordered("two"))


def test_a_neighbor_in_the_box_comes_first_and_one_outside_never(store: Store) -> None:
    truth, near, far = np.zeros((3, 64, 64), bool)
    truth[20:40, 10:25] = near[22:30, 30:36] = far[2:10, 50:60] = True
    row = {"source": "a", "subject": "a0", "set": "a", "split": "train"}
    made = list(
        other_object_masks(
            truth, BoxPrompt(8, 18, 40, 42), [far, near], OutlineSource(store), row, 3, np.random.default_rng(0)
        )
    )
    assert [method for _, method in made] == ["neighbor", "another structure", "another structure"]
    np.testing.assert_array_equal(made[0][0], near)


def test_outlines_come_from_other_people_of_the_same_split(tmp_path: Path) -> None:
    alone = make_store(tmp_path / "alone", images=3)  # one person in each of three sets
    source = OutlineSource(alone)
    rng = np.random.default_rng(0)
    row = alone.manifest.iloc[0].to_dict()
    shapes = [source.draw(row, rng) for _ in range(20)]
    own = alone.mask(0)[int(row["y0"]) : int(row["y1"]), int(row["x0"]) : int(row["x1"])].sum()
    assert all(s is not None and s.sum() != own for s in shapes)
    assert source.draw(row | {"split": "calib"}, rng) is None


def test_an_outline_without_a_place_is_refused() -> None:
    full = np.ones((30, 30), bool)
    assert laid_inside(np.ones((10, 10), bool), full, (0, 0, 4, 4), np.random.default_rng(0)) is None


def test_large_boxes_are_searched_on_a_coarser_grid_and_drawn_finely() -> None:
    truth = np.zeros((400, 400), bool)
    truth[50:350, 50:200] = True
    rows, columns = np.mgrid[:80, :80]
    mask = laid_inside(np.hypot(rows - 40, columns - 40) < 39, truth, (40, 40, 380, 380), np.random.default_rng(1))
    assert mask is not None
    assert dice(mask, truth) < MOST_DICE
    assert not mask[:40].any()
    assert not mask[:, 380:].any()


def test_scattered_dots_are_not_neat() -> None:
    dots = np.zeros((40, 40), bool)
    dots[::4, ::4] = True
    assert not is_neat(dots)
    dots[:] = False
    dots[10:12, 10:14] = True
    assert not is_neat(dots)  # too small


def test_a_loose_box_holds_the_object() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        box = loose_box(BoxPrompt(20, 20, 40, 50), (64, 64), rng)
        assert box.x0 <= 20
        assert box.y0 <= 20
        assert box.x1 >= 40
        assert box.y1 >= 50
        assert box.x1 <= 64
        assert box.y1 <= 64
