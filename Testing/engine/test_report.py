"""The report: self-contained, escaped, honest about what was not scored; its pictures show what they must show."""

from __future__ import annotations

import base64
import io
import math
import re
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from engine import phantom
from evanyseg.bands import BAND_COLORS, BandThresholds, QualityBand
from evanyseg.geometry.plane_stack import stack_of
from evanyseg.geometry.volume import Volume
from evanyseg.prompts import BoxPrompt
from evanyseg.report.images import outlined, png, slice_image
from evanyseg.report.page import MAX_ROWS, ReportData, ReportImage, ReportRow, report_html
from evanyseg.report.strip import strip_svg
from evanyseg.results import QualityEstimate
from evanyseg.scoring.summary import summarize

POOR = np.array([round(255 * c) for c in BAND_COLORS[QualityBand.POOR]])


def estimate(dice: float, *caveats: str) -> QualityEstimate:
    if math.isnan(dice):
        return QualityEstimate.unscored("e", *caveats)
    return QualityEstimate(dice, max(0, dice - 0.1), min(1, dice + 0.1), 0.9, "e", caveats=caveats)


def row(index: int, dice: float, segment: str = "Liver", note: str = "", *caveats: str) -> ReportRow:
    return ReportRow(segment, "axial", index, 2.5 * index, 400, estimate(dice, *caveats), note)


class _Scored:
    def __init__(self, r: ReportRow) -> None:
        self.index, self.area, self.dice = r.index, r.area, r.estimate.dice


def data(rows: list[ReportRow], **changes) -> ReportData:
    segments = list(dict.fromkeys(r.segment for r in rows))
    summaries = [summarize(s, [_Scored(r) for r in rows if r.segment == s]) for s in segments]
    values = {
        "subject": "labels on ct", "summaries": summaries, "rows": rows, "images": [], "bands": BandThresholds(),
        "facts": {"Quality estimator": "e on cpu", "Intensity window": "ct-soft [-160, 240]"},
        "created": datetime(2026, 1, 2, 3, 4),
    }  # fmt: skip
    return ReportData(**{**values, **changes})


class _Balanced(HTMLParser):
    """Counts open tags and everything that would be fetched."""

    VOID = ("meta", "br", "img", "line", "rect", "link", "input")

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.fetched: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.stack.append(tag)
        self.fetched += [v for k, v in attrs if k in ("src", "href") and v and not v.startswith("data:")]

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, text):
        self.text.append(text)


def parsed(html: str) -> _Balanced:
    parser = _Balanced()
    parser.feed(html)
    parser.close()
    assert not parser.stack
    return parser


def test_the_page_is_whole_and_fetches_nothing() -> None:
    picture = ReportImage(row(3, 0.4), np.zeros((30, 30, 3), np.uint8))
    html = report_html(data([row(3, 0.4), row(4, 0.95)], images=[picture]))
    page = parsed(html)
    assert page.fetched == []
    assert "http" not in re.sub(r"data:[^\"]+", "", html)
    text = " ".join(page.text)
    for phrase in ("Research software: not for clinical use", "ct-soft [-160, 240]", "e on cpu", "2026-01-02 03:04"):
        assert phrase in text
    assert "$" not in " ".join(page.text).replace("${", "")


def test_every_band_is_a_word_as_well_as_a_color() -> None:
    html = report_html(data([row(1, 0.95), row(2, 0.8), row(3, 0.4), row(4, math.nan, "Liver", "", "empty mask")]))
    body = html.split("<tbody>")[1].split("</tbody>")[0]
    for band in QualityBand:
        assert f'<span class="chip {band.value}">{band.value}</span>' in body
    cells = body.split("<tr>")[4]
    assert 'data-v="">-</td>' in cells  # no number for the unscored
    assert "empty mask" in cells


def test_names_from_files_cannot_inject_markup() -> None:
    evil = '<script>alert("x")</script> & $title'
    html = report_html(data([row(1, 0.5, evil, "", evil)], subject=evil, facts={evil: evil}))
    assert html.count("<script>") == 1  # the page's own
    assert "alert(&quot;x&quot;)" in html
    parsed(html)


def test_cards_tell_the_mean_the_worst_run_and_the_poor_share() -> None:
    rows = [row(1, 1.0), row(2, 0.5), row(3, 0.3), row(4, 1.0)]
    text = " ".join(parsed(report_html(data(rows))).text)
    assert "0.70" in text
    assert "Worst slice 3: 0.30" in text
    assert "Worst run: slices 2 to 3, mean 0.40" in text
    assert "50% of the volume is poor" in text


def test_very_long_tables_are_cut_and_say_so() -> None:
    html = report_html(data([row(n, 0.5) for n in range(MAX_ROWS + 7)]))
    assert html.count("<tr><td>") == MAX_ROWS
    assert f"The {MAX_ROWS} worst of {MAX_ROWS + 7} rows are shown" in html


def test_uncalibrated_intervals_are_called_so() -> None:
    assert "not calibrated for this estimator" in report_html(data([row(1, 0.5, "L", "", "interval not calibrated")]))
    assert "not calibrated for" not in report_html(data([row(1, 0.5)]))


def test_the_strip_draws_every_slice_even_a_dice_of_zero() -> None:
    svg = strip_svg([row(5, 0.0), row(6, 0.9), row(7, math.nan), row(9, 0.5, "Liver", "missing?")], BandThresholds())
    parsed(f"<div>{svg}</div>")
    assert svg.count("<g>") == 4
    assert "axial 5: 0.00 poor" in svg
    assert "axial 7: unscored" in svg
    assert "missing?" in svg
    heights = [float(h) for h in re.findall(r'height="([\d.]+)" fill="var\(--poor\)"/>', svg)]
    assert min(heights) > 0


def test_a_strip_of_1000_slices_stays_within_its_width() -> None:
    svg = strip_svg([row(n, 0.8) for n in range(1000)], BandThresholds())
    assert max(float(x) for x in re.findall(r'<rect x="([\d.]+)"', svg)) <= 1100


# ---- pictures ----------------------------------------------------------------------------------------------------


def test_the_outline_is_the_bands_color_and_the_rest_is_untouched() -> None:
    pixels, mask = phantom.picture()
    rgb = np.repeat(pixels[..., None], 3, axis=-1)
    out = outlined(rgb, mask, QualityBand.POOR)
    changed = (out != rgb).any(axis=-1)
    assert np.array_equal(np.unique(out[changed], axis=0), [POOR])
    assert changed.any()
    assert not changed[~mask].any()
    assert not changed[30, 40]  # the middle


def test_a_slice_picture_shows_the_object_with_square_pixels() -> None:
    volume = phantom.volume((12, 40, 48), spacing=(1.0, 1.0, 3.0))
    planes = stack_of(volume, "coronal")
    rgb = np.repeat(planes.pixels(20).astype(np.uint8)[..., None], 3, axis=-1)
    mask = planes.take(phantom.ball((12, 40, 48)), 20)
    picture = slice_image(rgb, mask, QualityBand.POOR, planes.spacing, side=288)
    assert picture.shape == (216, 288, 3)  # 12 slices of 3 mm, 48 columns of 1 mm
    on_outline = (np.abs(picture.astype(int) - POOR) < 3).all(axis=-1)
    assert on_outline.any()
    rows, columns = np.nonzero(on_outline)
    assert abs(rows.mean() - 108) < 4
    assert abs(columns.mean() - 144) < 4


def test_small_objects_are_shown_large_with_their_box() -> None:
    rgb = np.full((400, 400, 3), 50, np.uint8)
    mask = np.zeros((400, 400), bool)
    mask[300:310, 100:112] = True
    picture = slice_image(rgb, mask, QualityBand.POOR, box=BoxPrompt(95, 295, 117, 315), side=300)
    rows, _ = np.nonzero((np.abs(picture.astype(int) - POOR) < 3).all(axis=-1))
    assert np.ptp(rows) > 45  # 10 of 400 pixels would be 8 of 300
    assert (picture == 255).all(axis=-1).sum() > 100  # the dashed box


def test_an_empty_mask_shows_where_the_object_should_be() -> None:
    rgb = np.full((100, 100, 3), 50, np.uint8)
    picture = slice_image(rgb, np.zeros((100, 100), bool), QualityBand.POOR, box=BoxPrompt(40, 40, 60, 60))
    assert (picture == 255).all(axis=-1).any()


@pytest.mark.parametrize("axis", ["axial", "coronal", "sagittal"])
@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, 1), (1, -1, 1), (1, 1, -1), (-1, -1, -1)])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
def test_pictures_are_upright_however_the_voxels_are_stored(axis: str, flips: tuple, order: tuple) -> None:
    """The corner towards the patient's right/anterior/superior must be at the top left (sagittal: anterior is left)."""
    direction = np.eye(3)[:, list(order)] * np.array(flips)
    volume = Volume(np.zeros((3, 4, 5), np.uint8), direction=direction)
    world = np.stack(np.indices(volume.shape)[::-1], axis=-1) @ direction.T  # LPS of every voxel
    shown = stack_of(replace(volume, array=world), axis).pixels(0)
    right_to_left = {"axial": 0, "coronal": 0, "sagittal": 1}[axis]
    down, sign = {"axial": (1, 1), "coronal": (2, -1), "sagittal": (2, -1)}[axis]
    assert (np.diff(shown[..., right_to_left], axis=1) > 0).all()
    assert (sign * np.diff(shown[..., down], axis=0) > 0).all()


def test_pictures_are_real_png_files() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(pixels)))), pixels)
    html = report_html(data([row(1, 0.5)], images=[ReportImage(row(1, 0.5), pixels)]))
    stored = re.search(r'src="data:image/png;base64,([^"]+)"', html)[1]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(stored)))), pixels)
