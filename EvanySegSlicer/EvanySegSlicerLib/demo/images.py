"""The demo's images: real slice views with all that is drawn over them, a contact sheet, a scatter plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evanyseg.errors import EvanySegError
from evanyseg.geometry.slice_plane import SlicePlane
from evanyseg.overlay_codes import legend_entries
from evanyseg.prompts import BoxPrompt

from ..scene.headless.offscreen import Offscreen3DView, OffscreenSliceView
from ..scene.overlay.bands_segmentation import make_bands, remove_bands
from ..scene.overlay.view_labels import ViewLabels, annotation_lines
from ..scene.png import write_png
from ..scene.table.records import ScoreRecord
from .learn import Lesson
from .run import DemoRow
from .stage import Stage

VIEW_OF = {"sagittal": "Yellow", "coronal": "Green", "axial": "Red"}
SIZE = (640, 640)


@dataclass(frozen=True)
class Shot:
    """A picture to take: the slice, the only segment to show on it, the rows to name on it, the box drawn there."""

    name: str
    title: str
    plane: SlicePlane
    segment_id: str
    rows: Sequence[ScoreRecord] = ()
    box: BoxPrompt | None = None
    legend: bool = False


def take(stage: Stage, shots: Sequence[Shot], folder: Path) -> dict[str, Path]:
    """PNG files of slice views, by the shots' names."""
    files = {}
    views: dict[str, OffscreenSliceView] = {}
    try:
        for shot in shots:
            color = VIEW_OF[shot.plane.name]
            if color not in views:
                views[color] = OffscreenSliceView(stage.slicer, color, SIZE)
            files[shot.name] = _photograph(stage, views[color], shot, folder)
    finally:
        for view in views.values():
            view.close()
        _show_only(stage, None)
    return files


def _show_only(stage: Stage, segment_id: str | None) -> None:
    """One segment, or all for None; the overlay follows."""
    display = stage.segmentation.GetDisplayNode()
    for other in stage.review.store.ids():
        display.SetSegmentVisibility(other, segment_id is None or other == segment_id)
    stage.overlay.rebuild()


def _photograph(stage: Stage, view: OffscreenSliceView, shot: Shot, folder: Path) -> Path:
    _show_only(stage, shot.segment_id)
    height, width = shot.plane.shape
    x, y, z = shot.plane.to_ras(np.array([[width / 2, height / 2]]))[0]
    view.logic.FitSliceToBackground()
    view.node.JumpSliceByCentering(x, y, z)
    labels = ViewLabels(view.renderer)
    labels.show_annotation(annotation_lines(shot.rows))
    labels.show_legend(legend_entries(stage.review.thresholds) if shot.legend else [])
    try:
        picture = view.picture()
    finally:
        labels.remove()
    if shot.box is not None:
        corners = [(shot.box.x0, shot.box.y0), (shot.box.x1, shot.box.y1)]
        (xa, ya), (xb, yb) = (view.xy_of(ras) for ras in shot.plane.to_ras(np.array(corners)))
        picture = dashed_box(picture, min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb))
    return write_png(picture, folder / f"{shot.name}.png")


def dashed_box(picture: np.ndarray, x0: int, y0: int, x1: int, y1: int, dash: int = 6) -> np.ndarray:
    """A copy of uint8 RGB [H, W, 3] with a dashed white rectangle, as a prompt is drawn."""
    out = picture.copy()
    height, width = out.shape[:2]
    columns = np.arange(max(0, x0), min(width, x1 + 1))
    rows = np.arange(max(0, y0), min(height, y1 + 1))
    for y in (y for y in (y0, y1) if 0 <= y < height):
        out[y, columns[(columns - x0) // dash % 2 == 0]] = 255
    for x in (x for x in (x0, x1) if 0 <= x < width):
        out[rows[(rows - y0) // dash % 2 == 0], x] = 255
    return out


def photograph_3d(stage: Stage, segment_ids: Sequence[str], path: Path) -> Path:
    """The slices of these segments in 3D, coloured by band: the derived segmentation, which is removed again."""
    display = stage.segmentation.GetDisplayNode()
    for other in stage.review.store.ids():
        display.SetSegmentVisibility(other, other in segment_ids)
    stage.overlay.rebuild()
    codes = stage.overlay.codes
    if codes is None:
        raise EvanySegError("The overlay has to be shown before its bands can be seen in 3D.")
    make_bands(stage.slicer.scene, stage.volume, codes, stage.review.thresholds)
    was = display.GetVisibility3D()
    display.SetVisibility3D(False)
    view = Offscreen3DView(stage.slicer, SIZE)
    try:
        view.look()
        return view.save(path)
    finally:
        view.close()
        display.SetVisibility3D(was)
        remove_bands(stage.slicer.scene)
        _show_only(stage, None)


def contact_sheet(files: Sequence[Path], path: Path, columns: int = 4, side: int = 400) -> Path:
    """The pictures side by side, scaled to `side` pixels."""
    from PIL import Image

    tiles = [Image.open(f).convert("RGB").resize((side, side), Image.Resampling.LANCZOS) for f in files]
    rows = -(-len(tiles) // columns)
    gap = 6
    sheet = Image.new("RGB", (columns * (side + gap) - gap, rows * (side + gap) - gap), "black")
    for i, tile in enumerate(tiles):
        sheet.paste(tile, ((i % columns) * (side + gap), (i // columns) * (side + gap)))
    sheet.save(path, optimize=True)
    return path


def scatter(rows: Sequence[DemoRow], path: Path, lesson: Lesson | None = None) -> Path | None:
    """Predicted against true Dice with intervals, after a lesson also what was learned (crosses, joined with the scores
    before); None when nothing has a truth."""
    known = [r for r in rows if r.true is not None and r.record.scored]
    if not known:
        return None
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 6.4), dpi=100)
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, zorder=0)
    for name in dict.fromkeys(r.record.segment for r in known):
        own = [r for r in known if r.record.segment == name]
        true = [r.true or 0.0 for r in own]
        dice = [r.record.dice for r in own]
        below = [max(0.0, r.record.dice - r.record.low) for r in own]
        above = [max(0.0, r.record.high - r.record.dice) for r in own]
        axes.errorbar(true, dice, yerr=[below, above], fmt="o", markersize=5, linewidth=0.8, alpha=0.8, label=name)
    if lesson is not None:
        for before, after, at in zip(lesson.before, lesson.after, lesson.true, strict=True):
            axes.plot([at, at], [before.dice, after.dice], color="0.5", linewidth=0.7, zorder=0)
        label = f"{lesson.segment}, learned from {len(lesson.corrected)} corrected slices"
        axes.plot(lesson.true, [r.dice for r in lesson.after], "kx", markersize=6, label=label)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="true Dice", ylabel="predicted Dice, with its interval")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2, frameon=False)  # below: it hides no slice
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, bbox_inches="tight")
    pyplot.close(figure)
    return path
