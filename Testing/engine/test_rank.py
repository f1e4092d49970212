"""`evanyseg rank`: who is taken, by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.cli_fixtures import table
from evanyseg.uses.rank import Purpose, budget_of, chosen, ranked

NAN = np.nan
DICE = np.array([0.9, 0.3, NAN, 0.7, 0.95])
LOW = np.array([0.8, 0.1, NAN, 0.6, 0.5])
HIGH = np.array([0.95, 0.6, NAN, 0.8, 1.0])


@pytest.mark.parametrize(
    ("purpose", "order"),
    [
        (Purpose.ANNOTATION, [1, 3, 0, 4, 2]),
        (Purpose.PSEUDO_LABELS, [0, 3, 4, 1, 2]),
        (Purpose.REVIEW, [2, 1, 3, 0, 4]),
    ],
)
def test_orders_by_hand(purpose: Purpose, order: list[int]) -> None:
    assert ranked(DICE, LOW, HIGH, purpose).tolist() == order


def test_diversity_does_not_take_the_same_twice() -> None:
    order = np.arange(6)
    looks = np.array([[0.0], [0.01], [0.02], [5.0], [5.01], [9.0]])
    assert chosen(order, 2).tolist() == [0, 1]
    assert chosen(order, 2, looks).tolist() == [0, 5]
    assert chosen(order, 3, np.vstack([looks, looks + 100])[:6]).tolist() == [0, 3, 5]
    assert chosen(order, 9, looks).tolist() == order.tolist()
    # what does not lie on the shortlist is not taken, however different
    assert 7 not in chosen(np.arange(8), 2, np.array([[0.0]] * 7 + [[99.0]]))


@pytest.mark.parametrize(("text", "count"), [("3", 3), ("20%", 2), ("1 %", 1), ("100%", 10)])
def test_budgets(text: str, count: int) -> None:
    assert budget_of(text, 10) == count


@pytest.mark.parametrize("text", ["0", "-3", "2.5", "many", "0%", "120%"])
def test_budgets_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"budget|share"):
        budget_of(text, 10)


def scores(folder: Path) -> Path:
    path = folder / "cases.csv"
    path.write_text(
        "case,label,pred_dice,low,high,size\n"
        "a,liver,0.9,0.8,0.95,100\na,spleen,0.5,0.4,0.6,10\n"
        "b,liver,0.6,0.5,0.7,120\nb,spleen,0.6,0.5,0.7,12\n"
        "c,liver,0.95,0.9,1.0,90\nc,spleen,,,,\n"
    )
    return path


def test_the_command_takes_cases_by_mean_or_by_their_worst_label(evanyseg, tmp_path: Path) -> None:
    scores(tmp_path)
    take = lambda *more: json.loads(evanyseg("rank", tmp_path, "--json", *more)[1])["chosen"]
    assert [r["case"] for r in take("--for", "annotation", "--budget", "2")] == ["b", "a"]
    assert [r["case"] for r in take("--for", "review", "--budget", "100%")] == ["a", "b", "c"]
    assert [r["case"] for r in take("--for", "pseudo-labels", "--budget", "1")] == ["c"]
    code, _, err = evanyseg("rank", tmp_path, "--for", "annotation", "--diverse", "-o", tmp_path / "out.csv")
    assert code == 0, err
    assert table(tmp_path / "out.csv")[0]["case"] == "b"


def test_bad_input_is_said(evanyseg, tmp_path: Path) -> None:
    path = scores(tmp_path)
    for arguments, words in (
        ((tmp_path / "none", "--for", "review"), "none"),
        ((path, "--for", "review", "--budget", "x"), "no budget"),
        ((path, "--for", "review", "--case", "patient"), "patient"),
        ((path, "--for", "review", "-o", path), "cases.csv"),
    ):
        code, _, err = evanyseg("rank", *arguments)
        assert code == 2
        assert words in err
    (tmp_path / "empty").mkdir()
    code, _, err = evanyseg("rank", tmp_path / "empty", "--for", "review")
    assert code == 2
    assert "evanyseg audit" in err
    assert path.read_text().startswith("case,label")
