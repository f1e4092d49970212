"""Splits: nobody is on two sides, nobody moves when data are added, evaluate-only stays apart."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evanyseg_training.data.manifest import (
    CALIB,
    HELDOUT,
    TEST,
    TRAIN,
    VAL,
    SplitPlan,
    assign_splits,
    fold_of,
    write_splits,
)
from evanyseg_training.errors import ManifestError


def people(source: str, count: int, use: str = "train") -> list[tuple[str, str, str]]:
    return [(source, f"p{k}", use) for k in range(count)]


def counts(splits: dict, source: str) -> Counter:
    return Counter(split for (name, _), split in splits.items() if name == source)


def test_shares_of_a_large_source() -> None:
    assert counts(assign_splits(people("a", 100)), "a") == {TRAIN: 76, TEST: 8, CALIB: 8, VAL: 8}


@pytest.mark.parametrize(("count", "wanted"), [
    (1, {TRAIN: 1}), (2, {TRAIN: 2}), (3, {TRAIN: 2, TEST: 1}), (6, {TRAIN: 4, TEST: 1, CALIB: 1}),
    (8, {TRAIN: 5, TEST: 1, CALIB: 1, VAL: 1}),
])  # fmt: skip
def test_small_sources_keep_most_for_training(count: int, wanted: dict) -> None:
    assert counts(assign_splits(people("a", count)), "a") == wanted


def test_evaluate_only_people_are_held_out_with_all_they_have() -> None:
    both = [*people("a", 10), ("a", "p3", "evaluate-only")]
    assert assign_splits(both)["a", "p3"] == HELDOUT
    assert set(counts(assign_splits(people("b", 30, "evaluate-only")), "b")) == {HELDOUT}


def test_adding_a_source_moves_nobody() -> None:
    alone = assign_splits(people("a", 40))
    together = assign_splits([*people("b", 25), *people("a", 40)])
    assert all(together[key] == split for key, split in alone.items())


def test_another_seed_gives_another_split() -> None:
    assert assign_splits(people("a", 60)) != assign_splits(people("a", 60), SplitPlan(seed=1))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30).map(str)), min_size=1, max_size=80), st.randoms())
@settings(max_examples=40, deadline=None)
def test_order_and_repetition_change_nothing(keys: list[tuple[str, str]], random) -> None:
    triples = [(s, p, "train") for s, p in keys]
    shuffled = triples * 2
    random.shuffle(shuffled)
    assert assign_splits(triples) == assign_splits(shuffled)


def test_an_unknown_use_is_refused() -> None:
    with pytest.raises(ManifestError, match="evaluate-only"):
        assign_splits([("a", "p", "maybe")])


def test_folds_cut_subjects_about_in_halves_and_do_not_depend_on_others() -> None:
    folds = [fold_of("a", f"p{k}", 2) for k in range(400)]
    assert 150 < sum(folds) < 250
    assert fold_of("a", "p7", 2) == folds[7]


def test_a_split_file_survives_a_round_trip_and_tells_its_seed(tmp_path: Path) -> None:
    splits = assign_splits(people("a, with comma", 30))
    write_splits(tmp_path / "splits.csv", splits, SplitPlan())
    table = pd.read_csv(tmp_path / "splits.csv", comment="#")
    assert {(s, p): split for s, p, split in table.itertuples(index=False)} == splits
    assert str(SplitPlan().seed) in (tmp_path / "splits.csv").read_text().splitlines()[0]


def test_the_second_heldout_list_is_taken_by_no_command_by_itself() -> None:
    triples = [("bmseg", "a", "evaluate-only"), ("wbc", "b", "evaluate-only"), ("kvasir_seg", "c", "train")]
    found = assign_splits(triples)
    assert found["bmseg", "a"] == "heldout_b"
    assert found["wbc", "b"] == "heldout"
    assert found["kvasir_seg", "c"] == "train"
