"""`evanyseg demo`: the main job on a real volume, in a real scene, without a window."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from evanyseg.commands.support.console import print_json, say_plain
from evanyseg.commands.support.loading import Placement, load_pipeline
from evanyseg.commands.support.options import (
    RESULTS,
    AxisOption,
    BackendOption,
    BoxFrameOption,
    BoxOption,
    DeviceOption,
    EstimatorOption,
    IntensityOption,
    JsonOption,
    SegmenterOption,
    SliceOption,
    box_of,
)
from evanyseg.errors import EvanySegError
from evanyseg.io.overwrite import refuse_overwriting


def demo(
    volume: Annotated[
        Path | None, typer.Option("--volume", metavar="FILE", help="Your own volume instead of the brain template.")
    ] = None,
    box: BoxOption = None,
    box_frame: BoxFrameOption = None,
    slice_index: SliceOption = None,
    axis: AxisOption = None,
    intensity: IntensityOption = None,
    segmenter: SegmenterOption = "builtin",
    estimator: EstimatorOption = "builtin",
    device: DeviceOption = "auto",
    backend: BackendOption = "auto",
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where everything goes.", rich_help_panel=RESULTS)
    ] = Path("demo-out"),
    as_json: JsonOption = False,
) -> None:
    """Segment, propagate, score and colour a real volume; leave images, a table, a report and a scene.

    Without --volume: the MNI152 brain template that nilearn ships, whose tissue maps tell the true Dice.

    Example: evanyseg demo --volume scan.nii.gz --slice 40 --box 120 90 210 180 --box-frame display
    """
    if find_spec("slicer") is None:
        raise EvanySegError(
            "The demo needs Slicer's core: run 'python3 dev.py demo', or pip install 'evanyseg-slicer[demo]'."
        )
    from . import output, quiet, show

    refuse_overwriting(output.files_written(out), [volume])
    output.make_folder(out)
    make_pipeline = lambda: load_pipeline(estimator, segmenter, Placement(device, backend))
    tell = _silent if as_json else say_plain
    quiet.log_to(out.absolute() / "messages.log")
    if volume is None:
        if any(given is not None for given in (box, box_frame, slice_index, axis)):
            raise EvanySegError("--box, --box-frame, --slice and --axis go with --volume.")
        run = show.template(make_pipeline, tell)
    else:
        run = show.own_volume(volume, axis, slice_index, box_of(box), box_frame, intensity or "", make_pipeline, tell)
    try:
        document = show.finish(run, out, tell)
        if as_json:
            print_json(document)
        else:
            show.print_result(document)
    finally:
        run.stage.close()


def _silent(text: str) -> None:
    """With --json nothing else is printed."""
