"""The frozen list and a whole evaluation run on generated images, with methods whose answers are known."""

import json

import numpy as np
import pandas as pd
import pytest

from doubles import BoxOverlapEstimator, LevelsSegmenter
from evanyseg.errors import WeightsError
from evanyseg.prompts import BoxPrompt
from evanyseg.quality.modes import NO_PROMPT
from evanyseg.results import QualityCase
from evanyseg_training.candidates.store import CandidateStore
from evanyseg_training.data.store import Store
from evanyseg_training.errors import HeldoutListError, ManifestError, RunError, UnrecordedRunError
from evanyseg_training.evaluation.answers import REFERENCE, Lists
from evanyseg_training.evaluation.cases import cached_features, frozen_cases, training_cases
from evanyseg_training.evaluation.comparison.model import COMPARISON, load_comparison, save_comparison
from evanyseg_training.evaluation.comparison.train import ComparisonPlan, train_comparison
from evanyseg_training.evaluation.controls import CONTROLS, controlled
from evanyseg_training.evaluation.heldout import log as heldout_log
from evanyseg_training.evaluation.heldout.pairs import HeldoutOptions, build_heldout, read_heldout
from evanyseg_training.evaluation.heldout.sources import stored_source, synthetic_source
from evanyseg_training.evaluation.heldout.unseen_corruption import UNSEEN_METHODS
from evanyseg_training.evaluation.metric_evaluator import MACRO, MetricEvaluator
from evanyseg_training.evaluation.pool import build as pool
from evanyseg_training.evaluation.pool.build import PoolOptions, kept_pool
from evanyseg_training.evaluation.pool.selecting import Selection
from evanyseg_training.evaluation.run import EvaluateOptions, Evaluation, evaluate
from evanyseg_training.reporting import run_report as report
from evanyseg_training.reporting.card_numbers import TITLE, update_card
from evanyseg_training.reporting.plots import draw_all
from evanyseg_training.reporting.results_page import results_page
from evanyseg_training.reporting.summary import estimator_summary
from evanyseg_training.run_record import write_record
from training.ellipse_store import make_candidates, make_store

OPTIONS = HeldoutOptions(objects=6, pairs=80, unfiltered=4)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    store = make_store(folder / "store")
    make_candidates(store, folder / "candidates")
    build_heldout(store, folder / "list", [synthetic_source(), stored_source(store)], OPTIONS)
    return folder, store


@pytest.fixture(scope="module")
def run(made):
    folder, store = made
    parts = CandidateStore(folder / "candidates", store)
    options = EvaluateOptions(
        calibration_masks=200, control_cases=10, map_cases=4, turn_cases=2, pool=PoolOptions(3, 2), resamples=50
    )
    estimators = {"ours": BoxOverlapEstimator()}
    frozen = frozen_cases(folder / "list", store)
    lists = Lists(frozen, training_cases(parts, 72), frozen, training_cases(parts, 20, annotators=True))
    evaluation = Evaluation(lists, estimators, Selection(LevelsSegmenter()))
    summary = evaluate(evaluation, folder / "run", options)
    write_record(folder / "run", "evaluate", summary)
    return report.Run.read(folder / "run")


def test_the_list_is_the_same_when_it_is_built_again(made, tmp_path):
    folder, store = made
    again = build_heldout(store, tmp_path / "again", [synthetic_source(), stored_source(store)], OPTIONS)
    first = pd.read_csv(folder / "list" / "pairs.csv")
    assert again["mask"].tolist() == first["mask"].tolist()
    assert not first["image"].str.startswith("/").any()


def test_the_list_has_only_its_split_and_both_halves(made):
    folder, store = made
    masks, table = read_heldout(folder / "list", store)
    assert set(table.set) == {"one", "two"}
    assert set(table.mask_source) == {"corruption", "unseen corruption", "classical", "unseen classical", "stored"}
    assert set(table[table.mask_source == "unseen corruption"].mask_method) == set(UNSEEN_METHODS)
    assert table.unfiltered.sum() == 8
    assert len(masks) == len(table)


def test_a_list_without_its_masks_is_refused(made, tmp_path):
    with pytest.raises(HeldoutListError, match=r"pairs\.csv"):
        read_heldout(tmp_path, made[1])


def test_an_empty_split_is_refused(made, tmp_path):
    with pytest.raises(ManifestError, match="calib"):
        build_heldout(made[1], tmp_path / "x", [], HeldoutOptions(split="calib"))


def test_metrics_of_the_truth_itself_are_perfect(made):
    cases = frozen_cases(made[0] / "list", made[1])
    measured = MetricEvaluator(cases.table, 20).measure(cases.table.dice.to_numpy())
    for metric, best in (("pearson", 1), ("spearman", 1), ("mae", 0), ("auroc<.8", 1), ("naurc", 1), ("r2", 1)):
        assert measured.of(metric).value == pytest.approx(best), metric


def test_a_method_that_leaves_cases_out_is_counted_by_those_it_scored(made):
    cases = frozen_cases(made[0] / "list", made[1])
    half = cases.table.dice.to_numpy().copy()
    half[::2] = np.nan
    measured = MetricEvaluator(cases.table, 20).measure(half)
    assert sum(measured.cases.values()) == np.isfinite(half).sum()


def test_one_run_measures_every_method_on_the_same_masks(run):
    metrics = run.table("metrics")
    balanced = metrics[(metrics.list == "balanced") & (metrics.set == MACRO) & (metrics.metric == "pearson")]
    counts = balanced.groupby(["mode", "method"]).cases.first()
    assert {"ours", REFERENCE, "constant", "box fill", "leak", "box iou", "stacked"} <= set(balanced.method)
    assert counts["box"].nunique() == 1  # an empty mask with a box is scored
    r = balanced.set_index(["mode", "method"]).value
    assert r["box", "ours"] == pytest.approx(r["box", "box iou"], abs=0.12)  # the same idea
    assert r["box", "constant"] == 0
    assert min(r["box", "stacked"], r["box", REFERENCE]) > 0.3, r["box"].to_dict()  # both have learned something
    assert counts[NO_PROMPT].nunique() == 1  # and an empty mask without one by nobody


def test_metrics_have_intervals_that_hold_the_point_estimate(run):
    metrics = run.table("metrics").dropna(subset=["value", "low"])
    pearson = metrics[metrics.metric == "pearson"]
    assert (pearson.low <= pearson.value + 1e-6).all()
    assert (pearson.high >= pearson.value - 1e-6).all()


def test_kept_features_are_those_of_the_very_cases(made, tmp_path):
    cases = frozen_cases(made[0] / "list", made[1])
    few = cases.where(np.arange(len(cases)) < 5)
    first, again = cached_features(few, tmp_path), cached_features(few, tmp_path)
    assert first["box"].equals(again["box"])
    assert np.allclose(again[NO_PROMPT], few.features()[NO_PROMPT])
    other = cached_features(cases.where(np.arange(len(cases)) >= len(cases) - 5), tmp_path)
    assert not other["box"].equals(first["box"])


def test_controls_take_away_what_they_say(made, run):
    cases = frozen_cases(made[0] / "list", made[1])
    by_name = {name: next(iter(controlled(cases, name))) for name in CONTROLS}
    case = next(cases.quality_cases("box"))
    assert by_name["mask only"].image.std() == 0
    assert not np.array_equal(by_name["image shuffled"].image, case.image)
    assert by_name["box zeroed"].box == BoxPrompt.of_mask(case.mask)
    speck = QualityCase(case.image, np.zeros_like(case.mask), case.box)
    speck.mask[5, 5:8] = True
    assert CONTROLS["box zeroed"](speck, case).box == case.box  # one pixel high: no prompt
    filled = by_name["image only"].mask
    assert BoxPrompt.of_mask(filled).area == filled.sum()
    controls = run.table("controls")
    blind = controls[(controls.set == MACRO) & (controls.metric == "pearson")].set_index("method").value
    assert blind["image only"] < blind["all inputs"]
    assert blind["mask only"] == pytest.approx(blind["all inputs"])  # this estimator never sees the image


def test_selection_closes_the_gap_of_a_segmenter_that_prefers_another_head(run):
    selection = run.table("selection").set_index("method")
    assert (selection["single dice"] <= selection.oracle + 1e-9).all()
    assert selection.loc["pairwise dice", "prompts"] == 6
    heads = run.table("pool")
    counts = heads[(heads.list == "heads") & (heads.set == MACRO) & (heads.metric == "mae")].set_index("method").cases
    assert counts.get("predicted iou", 0) == counts["ours"]


def test_a_kept_pool_is_used_again_unless_the_segmenter_changed(made, tmp_path):
    class Dimmer(LevelsSegmenter):
        LEVELS = (70, 100, 150)

    cases = frozen_cases(made[0] / "list", made[1])
    options = PoolOptions(1, 1)
    first = kept_pool(cases, LevelsSegmenter(), (), tmp_path, options)
    again = kept_pool(cases, LevelsSegmenter(), (), tmp_path, options)
    assert len(list(tmp_path.iterdir())) == 1
    assert again.table.mask_method.tolist() == first.table.mask_method.tolist()
    assert np.array_equal(again.mask(0), first.mask(0))
    kept_pool(cases, Dimmer(), (), tmp_path, options)
    assert len(list(tmp_path.iterdir())) == 2


def test_maps_and_turns_are_measured(run):
    maps = run.table("maps")
    assert set(maps.method) == {"error map", "boundary", "box edge"}
    assert maps.ap.dropna().between(0, 1).all()
    assert run.summary["turning"][NO_PROMPT]["mean"] == pytest.approx(0, abs=1e-6)  # brightness does not turn


def test_the_report_has_every_section_and_plots_of_numbers(run):
    plots = draw_all(run.folder, "ours", REFERENCE)
    assert len(plots) == 7
    assert all(p.stat().st_size > 3000 for p in plots)
    text = report.run_markdown(run)
    for words in ("Selection among", "Error maps", "Controls", "Coverage", "By object size", "Finding the worst"):
        assert words in text
    assert "nan" not in text.split("#### Selection")[0].replace("finance", "")


def test_the_page_begins_with_what_was_measured_beside_the_baseline(run, tmp_path):
    lines = {(line.what, line.of): line for line in estimator_summary(run, run)}
    measured = run.table("metrics")
    at = (measured.list == "balanced") & (measured["mode"] == "box") & (measured.set == MACRO)
    pearson = measured[at & (measured.metric == "pearson")].set_index("method").value
    line = lines["evaluate-only sets, with box: macro pearson", REFERENCE]
    assert (line.measured, line.baseline) == (f"{pearson['ours']:.3f}", f"{pearson[REFERENCE]:.3f}")
    gap = lines["difference of macro r, with box", f"minus {REFERENCE}"]
    assert float(gap.measured.split()[0]) == pytest.approx(pearson["ours"] - pearson[REFERENCE], abs=1e-3)
    coverage = lines["unseen subjects, with box: coverage of the 90 % intervals", "nominal"]
    assert coverage.baseline == "0.900"
    selection = run.table("selection").set_index("method").loc["ours"]
    chosen = lines["selection: mean Dice of the choice", f"single: {selection.single}"]
    assert (chosen.measured, chosen.baseline) == (f"{selection.selected:.3f}", f"{selection['single dice']:.3f}")
    maps = [line for line in lines.values() if "map: average precision" in line.what]
    assert {line.of for line in maps} <= {"boundary", "box edge"}
    assert len(maps) == 2
    draw_all(run.folder, "ours", REFERENCE)
    (tmp_path / "nets.csv").write_text("net,r\nsmall,0.5\n")
    (tmp_path / "more.md").write_text("# Title\n\n## Part\n\nwords\n")
    pages = [("Nets", tmp_path / "nets.csv"), ("More", tmp_path / "more.md")]
    store = Store(run.folder.parent / "store")
    text = results_page(run, run, tmp_path / "results", pages, [("training", 1.5)], store=store)
    assert "| small | 0.5 |" in text
    assert "## More\n\n\n### Part" in text
    assert text.index("## Summary") < text.index("## Runs")
    assert f"| {line.what} | {line.measured} | {line.baseline} | {REFERENCE} |" in text
    assert not any(word in text.lower() for word in ("goal", "reached", "missed"))
    assert "](results/evaluate_only/scatter_box.png)" in text
    assert (tmp_path / "results" / "evaluate_only" / "scatter_box.png").is_file()
    assert "| heldout | 2 |" in text


def test_all_that_the_command_is_told_is_on_the_page(run, tmp_path):
    from typer.testing import CliRunner

    from evanyseg_training.cli import app

    draw_all(run.folder, "ours", REFERENCE)
    (tmp_path / "nets.csv").write_text("net,r\nsmall,0.5\n")
    page = tmp_path / "RESULTS.md"
    said = ["report", "--test", run.folder, "--held", run.folder, "-o", page, "--remark", "First words.",
            "--remark", "More words.", "--hours", "training=1.5", "--section", f"Nets={tmp_path / 'nets.csv'}",
            "--machine", "one core"]  # fmt: skip
    result = CliRunner().invoke(app, [str(w) for w in said], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    text = page.read_text()
    for words in ("First words.\n", "More words.\n", "| training | 1.50 |", "(one core)", "## Nets", "| small | 0.5 |"):
        assert words in text


def test_the_card_gets_the_numbers_once(run, tmp_path):
    card = tmp_path / "estimator.md"
    with pytest.raises(RunError, match="model card"):
        update_card(card, run)
    card.write_text("# Card\n\nWords.\n\n## Data sets behind the weights\n\n| a |\n\n## Not seen\n\nMuch.\n")
    update_card(card, run)
    first = card.read_text()
    assert first.index(TITLE) < first.index("## Data sets behind")
    assert "Words." in first
    assert "Much." in first
    assert "| two |" in first
    update_card(card, run)
    assert card.read_text() == first


def test_runs_on_evaluate_only_sets_leave_a_trace(made, run, tmp_path):
    folder, store = made
    log = tmp_path / "log.md"
    with pytest.raises(UnrecordedRunError, match="recorded"):
        heldout_log.check_log(store, folder / "list", None, "")
    heldout_log.check_log(store, folder / "list", log, "a test")
    numbers = [heldout_log.append_run(log, "a test", run) for _ in range(3)]
    assert numbers == [1, 2, 3]
    lines = log.read_text().splitlines()
    assert lines[-1].count("exploratory") == 1
    assert "exploratory" not in lines[-2]


def test_a_run_says_which_sets_it_used(run):
    assert run.summary["uses"] == ["evaluate-only"]
    json.dumps(run.summary)


def test_a_comparison_segmenter_learns_a_little_and_survives_its_file(made, tmp_path):
    config = COMPARISON["unet-crop"]
    states = train_comparison(made[1], config, ComparisonPlan(keep=(1, 3), batch=2))
    save_comparison(tmp_path / "c.safetensors", config, states)
    loaded = load_comparison(tmp_path / "c.safetensors")
    assert [r.name for r in loaded] == ["unet-crop@1", "unet-crop@3"]
    image = made[1].image(0)
    masks = loaded[1].segment(image, [made[1].box(0), BoxPrompt(0, 0, 72, 64)])
    assert masks.shape == (2, *image.shape[:2])
    (tmp_path / "bad.safetensors").write_bytes(b"no")
    with pytest.raises(WeightsError, match="comparison"):
        load_comparison(tmp_path / "bad.safetensors")


def test_annotators_are_reported_separately_and_by_rater(run):
    annotators = run.table("annotators")
    mine = annotators[(annotators.method == "ours") & (annotators["mode"] == "box")].set_index("rater")
    assert list(mine.index) == ["all", "human rater 0", "human rater 1"]
    assert mine.masks["all"] == mine.masks.iloc[1:].sum()
    assert set(annotators.method) == {"ours", REFERENCE}
    assert "Masks by human annotators" in report.run_markdown(run)


def test_annotators_are_never_among_the_training_candidates(made):
    folder, store = made
    cases = training_cases(CandidateStore(folder / "candidates", store), 10_000)
    assert set(cases.table.mask_source) == {"corruption"}


def test_two_runs_that_share_a_cache_make_one_pool(made, tmp_path, monkeypatch):
    folder, store = made
    cases, options = frozen_cases(folder / "list", store), PoolOptions(3, 2)
    build = pool.build_pool

    def slower(*arguments):
        found = build(*arguments)
        monkeypatch.setattr(pool, "build_pool", build)
        kept_pool(cases, LevelsSegmenter(), (), tmp_path, options)  # the other run is first
        return found

    monkeypatch.setattr(pool, "build_pool", slower)
    found = kept_pool(cases, LevelsSegmenter(), (), tmp_path, options)
    assert len(found) > 0
    assert len(list(tmp_path.iterdir())) == 1
    assert found.mask(0).shape == found.image(0).shape[:2]
