"""`evanyseg next-click`: where the next click on a slice would tell the segmenter most."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..geometry.boxes import BoxFrame
from ..geometry.plane_stack import stack_of
from ..io.overwrite import refuse_overwriting
from ..io.read import read_image
from ..io.write import IMAGES_2D, write_image_2d
from ..pipeline.gain_codes import FLOOR
from ..pipeline.information_gain import LARGEST
from ..pipeline.intensity import window_of, window_remarks
from ..pipeline.next_click import UNIFORM, WEIGHTS, suggest_click
from ..pipeline.slice_pipeline import SliceInput
from ..report.click_map import click_picture
from ..scoring.table_boxes import FRAME
from .support.console import print_json, say, say_written, shown
from .support.loading import Placement, load_segmenter
from .support.masks import slice_index_of
from .support.options import (
    IMAGE_HELP,
    MODELS,
    AxisOption,
    BackendOption,
    BoxFrameOption,
    BoxOption,
    DeviceOption,
    IntensityOption,
    JsonOption,
    OutOption,
    PointOption,
    SegmenterOption,
    SeriesOption,
    SliceOption,
    box_of,
    preset_of,
)
from .support.prompts import points_of, shown_prompts
from .support.results import check_ending


def next_click(
    image: Annotated[Path, typer.Argument(help=IMAGE_HELP)],
    output: OutOption = None,
    box: BoxOption = None,
    point: PointOption = None,
    box_frame: BoxFrameOption = None,
    slice_index: SliceOption = None,
    axis: AxisOption = None,
    weights: Annotated[
        str,
        typer.Option(
            metavar="|".join(WEIGHTS),
            help="How likely each of the segmenter's masks is: all alike, as in the paper, or as good as it says.",
            rich_help_panel=MODELS,
        ),
    ] = UNIFORM,
    segmenter: SegmenterOption = "builtin",
    device: DeviceOption = "auto",
    backend: BackendOption = "auto",
    intensity: IntensityOption = None,
    series: SeriesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say where the next click would tell the segmenter most: the expected information gain (EIG) of every pixel.

    The segmenter's masks for one prompt disagree at some places; the answer to a click there tells it which to believe.
    The map is in nats, 0.69 (ln 2) at most. Pixels are counted as in the slice that radiologists see.

    \b
    evanyseg next-click slice.png --box 120 90 210 180 -o eig.png
    evanyseg next-click slice.png --box 120 90 210 180 --point 150,120 -o eig.png
    evanyseg next-click ct.nrrd --slice 40 --box 80 90 160 170 --box-frame display \\
        --intensity ct-soft --json
    """
    if box is None and not point:
        raise typer.BadParameter("say where the object is: --box X0 Y0 X1 Y1 or --point X,Y")
    if weights not in WEIGHTS:
        raise typer.BadParameter(f"choose one of {', '.join(WEIGHTS)}", param_hint="--weights")
    prompt, points, preset = box_of(box), points_of(point or ()), preset_of(intensity)
    check_ending(output, "a picture of the map", IMAGES_2D)
    refuse_overwriting([output], [image, segmenter])
    volume = read_image(image, series, slice_index)
    remarks = volume.source.remarks + window_remarks(volume, preset)
    for remark in remarks:
        say(f"Note: {shown(remark)}")
    planes = stack_of(volume, axis)
    index = 0 if volume.source.frame is not None else slice_index_of(slice_index, planes)
    prompt, points = shown_prompts(planes, index, prompt, points, box_frame)  # refuses before a network is loaded
    model = load_segmenter(segmenter, Placement(device, backend))
    slice_ = SliceInput(planes.pixels(index), window_of(volume, preset), planes.spacing)
    click = suggest_click(model, slice_, prompt, points, weights=weights)
    if output is not None:
        write_image_2d(output, click_picture(slice_.window.apply(slice_.pixels), click, prompt, points, planes.spacing))
    sign = "+" if click.positive else "-"
    if as_json:
        print_json(
            {
                "image": str(image),
                "out": str(output) if output else None,
                "segmenter": model.name,
                "device": model.device,
                "intensity": slice_.window.describe(),
                "plane": planes.name,
                "index": planes.shown_index(index),
                "box": list(prompt.as_tuple()) if prompt else None,
                "points": [[p.x, p.y, "+" if p.positive else "-"] for p in points],
                FRAME: BoxFrame.DISPLAY.value,
                "weights": weights,
                "next": {"x": click.x, "y": click.y, "sign": sign, "inside": click.inside},
                "eig": {"unit": "nats", "maximum": click.gain, "possible": LARGEST, "mean": float(click.gains.mean())},
                "remarks": list(remarks),
            }
        )
    else:
        where = "" if volume.planar else f" of {planes.name} {planes.shown_index(index)}"
        say(
            f"Next click: [bold]{sign}[/] at {click.x:.1f},{click.y:.1f}{where}; it is expected to tell "
            f"{click.gain:.3f} of {LARGEST:.3f} nats, and lies in the object with probability {click.inside:.2f}."
        )
        if click.gain < FLOOR:
            say("The segmenter's masks agree everywhere: no click would tell it much.")
    say_written([output])
