"""Learning, comparing, exploring and settings, with the pointer, on a scene that somebody began to review elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evanyseg.quality.builtin import load
from EvanySegSlicerLib.scene.headless.scene_files import save_mrb
from scene.learner import Review
from web.browser import Reviewer
from web.running import Server

CORRECTED = 7
ROW = "#table [data-key]"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Twelve slices of a segment 'Liver', scored; seven of them were corrected and accepted."""
    folder = tmp_path_factory.mktemp("begun")
    person = Review(load(), folder / "references")
    for index in range(CORRECTED):
        person.correct(index)
    save_mrb(person.app.scene, folder / "review.mrb")
    person.close()
    with Server("--session", folder / "review.mrb", module="web.more_models") as running:
        yield running


def open_sections(reviewer: Reviewer, *names: str) -> None:
    """These and no others: the page keeps them as the test before left them."""
    for one in ("segment", "review", "files", "compare", "explore", "settings"):
        title = reviewer.page.locator(f"#section-{one} > button")
        if (title.get_attribute("aria-expanded") == "true") != (one in names):
            title.click()
    reviewer.page.wait_for_timeout(400)  # they unfold


def draw(reviewer: Reviewer) -> None:
    open_sections(reviewer, "segment", "review")
    reviewer.take("box")
    reviewer.drag("Red", 130, 90)
    reviewer.page.wait_for_selector("#undo:not([disabled])")
    reviewer.wait_idle()


def wait_for_estimator(reviewer: Reviewer, name: str, rows: int = 12) -> None:
    """Until so many rows say that they were scored by this one."""
    reviewer.page.wait_for_function(
        "([n, rows]) => [...document.querySelectorAll('#table [data-key]')]"
        ".filter(r => r.title.includes('Scored by ' + n)).length === rows",
        arg=[name, rows],
    )
    reviewer.wait_idle()


def test_a_scene_begun_elsewhere_goes_on_and_learns(reviewer: Reviewer) -> None:
    open_sections(reviewer, "segment", "review", "files")
    reviewer.wait_rows(12)
    assert f"{CORRECTED} corrected slices of 1 volume" in reviewer.text("#learning-text")
    wait_for_estimator(reviewer, "builtin")
    before = reviewer.rows()
    reviewer.page.click("#learn")
    reviewer.page.wait_for_selector("#undo-learning")
    wait_for_estimator(reviewer, f"adapted (liver, {CORRECTED} corrected", rows=12 - CORRECTED)  # edited ones are stale
    reviewer.page.click(f"{ROW}[title*='adapted']")
    reviewer.page.wait_for_selector("#scored-by:has-text('Scored by adapted (liver')")
    assert "error on them 0." in reviewer.text("#learning-text")
    assert reviewer.rows() != before
    reviewer.page.click("#undo-learning")
    reviewer.page.wait_for_selector("#undo-learning", state="detached")
    wait_for_estimator(reviewer, "builtin")
    assert reviewer.rows() == before


def choose(reviewer: Reviewer, number: int, title: str) -> None:
    """In the so many-th choice of the review: sort, band, state."""
    reviewer.page.click(f"#section-review .v-field >> nth={number}")
    reviewer.page.click(f".v-overlay .v-list-item >> text='{title}'")


def test_the_table_is_sorted_and_filtered_and_the_strip_leads_to_its_slice(reviewer: Reviewer) -> None:
    open_sections(reviewer, "review")
    choose(reviewer, 0, "slice")
    slices = lambda: [int(row[1].split()[1]) for row in reviewer.rows()]
    reviewer.page.wait_for_function(
        "() => { const at = [...document.querySelectorAll('#table [data-key]')]"
        ".map(r => parseInt(r.children[1].innerText.split(' ')[1])); return at.every((n, i) => !i || at[i - 1] < n); }"
    )
    everything = slices()
    choose(reviewer, 0, "dice")
    reviewer.page.wait_for_function(
        "() => { const dice = [...document.querySelectorAll('#table [data-key]')]"
        ".map(r => parseFloat(r.children[2].innerText)).filter(d => !isNaN(d));"
        " return dice.every((n, i) => !i || dice[i - 1] <= n); }"
    )
    choose(reviewer, 2, "stale")
    reviewer.wait_rows(CORRECTED)
    assert {row[5] for row in reviewer.rows()} == {"stale"}, "what was corrected"
    choose(reviewer, 2, "all")
    reviewer.wait_rows(12)
    assert sorted(slices()) == everything
    before = reviewer.picture()
    reviewer.page.click("#strip > div >> nth=2")
    reviewer.page.wait_for_function(
        "n => document.querySelector('#result').innerText.includes('axial ' + n)", arg=everything[2]
    )
    assert (reviewer.still() != before).any()
    choose(reviewer, 0, "wrong area")


def test_a_segment_is_renamed_and_its_rows_follow(reviewer: Reviewer) -> None:
    open_sections(reviewer, "segment", "review")
    for name in ("Left lobe", "Liver"):
        reviewer.page.click("#rename")
        reviewer.page.fill("#segment-name", name)
        reviewer.press("Enter")
        reviewer.page.wait_for_function(
            "n => [...document.querySelectorAll('#table [data-key]')].every(r => r.children[0].innerText === n)",
            arg=name,
        )


def test_segmenters_side_by_side_and_one_is_kept(reviewer: Reviewer) -> None:
    draw(reviewer)
    open_sections(reviewer, "compare")
    reviewer.page.click("#section-compare .v-field")
    reviewer.page.click(".v-overlay .v-list-item:has-text('Threshold (a double)')")
    closed = reviewer.page.locator(".v-overlay .v-list-item.v-list-item--disabled")
    assert closed.count() >= 5, "models whose weights are not here cannot be ticked"
    assert "evanyseg models" in closed.first.inner_text()
    reviewer.press("Escape")
    reviewer.page.click("#compare")
    reviewer.page.wait_for_selector("[data-candidate]")
    reviewer.wait_idle()
    found = reviewer.page.eval_on_selector_all("[data-candidate]", "all => all.map(c => c.innerText)")
    assert {text.split(" #")[0] for text in found} == {"builtin", "threshold"}
    assert all(any(band in text for band in ("GOOD", "CHECK", "POOR", "UNSCORED")) for text in found)
    scores = [float(text.split(": ")[1].split()[0]) for text in found if "unscored" not in text]
    assert scores == sorted(scores, reverse=True)
    assert reviewer.page.eval_on_selector("[data-candidate] img", "i => i.naturalWidth") == 128
    before = reviewer.still()
    reviewer.page.click(f"[data-candidate='{len(found) - 1}']")
    after = reviewer.changed(before)  # the last one is another mask than the first
    reviewer.wait_idle()
    reviewer.page.click("#keep-best")
    reviewer.changed(after)
    reviewer.wait_idle()


def test_explore_scores_a_copy_at_each_step_of_the_slider(reviewer: Reviewer) -> None:
    open_sections(reviewer, "explore")
    before = reviewer.still()
    said = []
    for share in (0.15, 0.6):
        last = reviewer.text("#explore-text")
        bar = reviewer.page.locator("#section-explore .v-slider__container").bounding_box()
        reviewer.page.mouse.click(bar["x"] + bar["width"] * share, bar["y"] + bar["height"] / 2)
        reviewer.page.wait_for_function("t => document.getElementById('explore-text').innerText !== t", arg=last)
        said.append(reviewer.text("#explore-text"))
    scores = [float(text.split("Predicted Dice ")[1].split()[0]) for text in said]
    assert scores[1] < scores[0] - 0.1, "a larger error, a lower score"
    assert reviewer.page.eval_on_selector("#explore-pictures img", "i => i.naturalWidth") == 190
    reviewer.back(before)  # the segmentation is not touched
    reviewer.page.click("#explore-clear")
    reviewer.page.wait_for_selector("#explore-pictures img", state="detached")


def test_settings_bands_window_and_automatic_scores(reviewer: Reviewer) -> None:
    open_sections(reviewer, "settings")
    bands = lambda: [row[4] for row in reviewer.rows()]
    assert "GOOD" in bands() or "CHECK" in bands()
    reviewer.page.fill("input#band-good", "0.99")
    reviewer.page.wait_for_function("document.getElementById('bands').innerText.includes('from 0.99')")
    reviewer.page.wait_for_function(f"![...document.querySelectorAll('{ROW}')].some(r => r.innerText.includes('GOOD'))")
    reviewer.page.fill("input#band-good", "0.6")
    reviewer.page.wait_for_function("document.getElementById('status').innerText.length > 0")
    assert "from 0.99" in reviewer.text("#bands"), "an impossible pair is said and not taken"
    reviewer.page.fill("input#band-good", "0.9")
    reviewer.page.wait_for_function("document.getElementById('bands').innerText.includes('from 0.90')")

    first = reviewer.text("#model-note")
    reviewer.page.click("#section-settings .v-field >> nth=3")
    reviewer.page.click(".v-overlay .v-list-item:has-text('ct-soft')")
    reviewer.page.wait_for_function("t => document.getElementById('model-note').innerText !== t", arg=first)

    reviewer.page.check("input#auto-score")
    open_sections(reviewer, "segment", "review")
    reviewer.take("paint")
    dice = lambda: [row[2] for row in reviewer.rows()]
    before = dice()
    reviewer.stroke("Red", (-150, -100), (150, -100))
    reviewer.page.wait_for_function(
        "b => { const now = [...document.querySelectorAll('#table [data-key]')];"
        " return now.map(r => r.children[2].innerText).join() !== b && !now.some(r => r.innerText.includes('stale')) }",
        arg=",".join(before),
    )
    assert not reviewer.errors
