"""`evanyseg-train eig-curves`: clicks on objects that nobody trained on, in a file each, and what the tables say."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from doubles import ThresholdSegmenter
from engine.test_adaptation import example
from evanyseg.overlap import dice
from evanyseg.prompts import BoxPrompt
from evanyseg_training.cli import app
from evanyseg_training.data.readers import read
from evanyseg_training.errors import DataError, RunError
from evanyseg_training.experiments.clicks.curves import CurveOptions, run_curves
from evanyseg_training.experiments.clicks.objects import examples, records_of
from evanyseg_training.experiments.clicks.page import TITLE, write_page
from evanyseg_training.experiments.clicks.session import FROM_BOX, FROM_POINT, begin, center
from evanyseg_training.experiments.clicks.strategies import EIG, LARGEST_ERROR, ORACLE, RANDOM, dice_between
from evanyseg_training.experiments.clicks.tables import curves, differences, gain_in_words, macro_with_interval
from evanyseg_training.reporting.section import write_section

OPTIONS = CurveOptions(clicks=2, oracle=0)


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    with (folder / "index.csv").open("w", newline="") as out:
        rows = csv.DictWriter(out, ["set", "source", "use", "subject", "image", "mask", "mask_value"])
        rows.writeheader()
        for n in range(3):
            image, truth, _ = example(n)
            for name, pixels in ((f"i{n}.png", image), (f"t{n}.png", truth.astype(np.uint8))):
                Image.fromarray(pixels).save(folder / name)
            shared = {"subject": f"s{n}", "image": f"i{n}.png", "mask": f"t{n}.png", "mask_value": 1}
            rows.writerow({"set": "ours", "source": "ours", "use": "evaluate-only", **shared})
        rows.writerow({"set": "bmseg_ct", "source": "bmseg", "use": "evaluate-only", **shared})
    return folder


@pytest.fixture(scope="module")
def table(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    found = list(examples(records_of(list(read("index", collection)), ["ours"])["ours"], 3))
    return run_curves(ThresholdSegmenter(110), found, tmp_path_factory.mktemp("out"), OPTIONS, lambda text: None)


def test_a_person_who_clicks_makes_no_mistakes_and_the_answer_is_refined() -> None:
    image, truth, _ = example(1)
    segmenter = ThresholdSegmenter(110)
    embedding = segmenter.embed(image)
    first = begin(segmenter, embedding, truth, FROM_BOX, BoxPrompt.of_mask(truth))
    y, x = np.argwhere(first.mask != truth)[0]
    assert first.wrong(x + 0.5, y + 0.5)
    after = first.after(first.point(x + 0.5, y + 0.5))
    assert after.points[0].positive == truth[y, x]
    assert after.mask[y, x] == truth[y, x]
    assert after.mask_input is not None
    assert begin(segmenter, embedding, truth, FROM_POINT, first.box).box is None


def test_the_center_lies_deepest() -> None:
    mask = np.zeros((20, 30), bool)
    mask[5:14, 3:12] = mask[9, 12:28] = True
    assert center(mask) == (7.5, 9.5)


def test_heads_that_are_alike_have_dice_one_between_them() -> None:
    a, b = np.zeros((2, 4, 4), bool)
    a[:2], b[1:3] = True, True
    assert dice_between(np.stack([a, a])) == 1.0
    assert dice_between(np.stack([a, a, b])) == pytest.approx((1 + 2 * dice(a, b)) / 3)


def test_every_strategy_has_its_rows_and_the_largest_error_mends_most(table: pd.DataFrame) -> None:
    assert set(table.strategy) >= {EIG, LARGEST_ERROR, RANDOM}
    assert ORACLE not in set(table.strategy)
    assert table.groupby(["set", "object", "start", "strategy", "draw"]).size().eq(OPTIONS.clicks + 1).all()
    box = table[table.start == FROM_BOX].groupby(["strategy", "click"]).dice.mean().unstack()
    assert box.loc[LARGEST_ERROR, 2] > box.loc[LARGEST_ERROR, 0]
    assert box.loc[LARGEST_ERROR, 2] >= box.loc[RANDOM, 2]
    assert table[(table.strategy == LARGEST_ERROR) & (table.click > 0)].on_error.astype(bool).mean() > 0.9


def test_a_stopped_run_goes_on_and_other_options_are_refused(collection: Path, tmp_path: Path) -> None:
    found = list(examples(records_of(list(read("index", collection)), ["ours"])["ours"], 2))
    told: list[str] = []
    once = run_curves(ThresholdSegmenter(110), found[:1], tmp_path, OPTIONS, told.append)
    both = run_curves(ThresholdSegmenter(110), found, tmp_path, OPTIONS, told.append)
    assert told == ["ours 0", "ours 1"]
    pd.testing.assert_frame_equal(both[both.object == 0].reset_index(drop=True), once)
    with pytest.raises(RunError, match="measured with other options"):
        run_curves(ThresholdSegmenter(110), found, tmp_path, CurveOptions(clicks=1), told.append)


def test_macro_means_weigh_sets_alike_and_intervals_are_over_objects() -> None:
    values, sets = pd.Series([1.0, 1.0, 1.0, 0.0]), pd.Series(["a", "a", "a", "b"])
    found = macro_with_interval(values, sets)
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)
    found = macro_with_interval(pd.Series([0.0, 1.0]), pd.Series(["a", "a"]))
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)
    found = macro_with_interval(pd.Series([0.0, 1.0]), pd.Series(["a", "b"]))
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0), "one object a set: over sets"


def test_differences_are_paired_by_object() -> None:
    rows = [
        {"set": "s", "object": n, "start": "box", "strategy": name, "draw": draw, "click": 1, "dice": value}
        for n, pair in enumerate(((0.5, (0.4, 0.2)), (0.9, (0.6, 0.6))))
        for name, values in ((EIG, pair[:1]), (RANDOM, pair[1]))
        for draw, value in enumerate(values)
    ]
    (row,) = differences(pd.DataFrame(rows)).itertuples()
    assert row.objects == 2
    assert row.difference.startswith("0.250 ["), "draws are averaged first: (.5 - .3 + .9 - .6) / 2"
    assert gain_in_words(pd.DataFrame(rows)).startswith("box: EIG - random 0.250")


def test_the_page_and_its_section_replace_what_was_there(table: pd.DataFrame, tmp_path: Path) -> None:
    page = write_page(tmp_path / "out", table, "`command` at abc", "threshold")
    assert "3 objects of 1 sets (ours 3)" in page.read_text()
    assert {p.name for p in (tmp_path / "out").glob("*.png")} == {"clicks_dice.png", "clicks_eig.png"}
    results = tmp_path / "RESULTS.md"
    results.write_text("# Results\n\nBefore.\n\n## Other\n\nAfter.\n")
    for _ in range(2):
        write_section(results, page, "clicks")
    text = results.read_text()
    assert text.count(TITLE) == 1
    assert "results/clicks/clicks_dice.png" in text
    assert (tmp_path / "results" / "clicks" / "clicks_eig.png").is_file()
    assert "After." in text
    assert list(curves(table, "dice").columns)[:3] == ["start", "strategy", "objects"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sets", "ours"], "are evaluate-only: give --reason and --log"),
        (["--sets", "bmseg_ct", "--reason", "x", "--log", "log.md"], "second held-out list"),
        (["--sets", "theirs"], "There are no sets theirs"),
        (["--sets", "ours", "--reason", "x", "--log", "log.md", "--starts", "scribble"], "'scribble' is no start"),
    ],
)
def test_bad_requests_are_refused_in_words(collection: Path, tmp_path: Path, monkeypatch, arguments, words) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["eig-curves", str(collection), "-o", "out", *arguments])
    assert words in str(done.exception)
    assert not (tmp_path / "log.md").exists()


def test_sets_that_may_not_be_looked_at_are_refused_by_the_engine_too(collection: Path) -> None:
    with pytest.raises(DataError, match="second held-out list"):
        records_of(list(read("index", collection)), ["bmseg_ct"])
