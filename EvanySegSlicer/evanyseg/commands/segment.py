"""`evanyseg segment`: a box on one slice becomes a mask with a predicted Dice."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..geometry.boxes import BoxFrame
from ..geometry.plane_stack import PlaneStack, stack_of
from ..io.dicom.codes import property_of_text
from ..io.dicom.masks import ReadImage
from ..io.overwrite import refuse_overwriting
from ..io.read import read_image
from ..io.write import ending
from ..pipeline.intensity import window_of, window_remarks
from ..pipeline.slice_pipeline import SliceInput, SlicePipeline, SliceResult
from ..report.measurements import measured_segment
from ..scoring.table_boxes import FRAME
from .support.console import (
    estimate_cells,
    estimate_document,
    number_text,
    out,
    print_json,
    progress_bar,
    say,
    say_written,
    shown,
    table,
)
from .support.dicom import SUFFIX, CodeOption, DicomReportOption, dicom_request, prepare_dicom, segmented_here
from .support.loading import Placement, load_pipeline
from .support.masks import check_output, segmentation_of_masks, slice_index_of, write_masks
from .support.options import (
    IMAGE_HELP,
    RESULTS,
    AxisOption,
    BackendOption,
    BandsOption,
    BoxFrameOption,
    BoxOption,
    DeviceOption,
    EstimatorOption,
    IntensityOption,
    JsonOption,
    PointOption,
    SegmenterOption,
    SeriesOption,
    SliceOption,
    bands_of,
    box_of,
    preset_of,
)
from .support.prompts import points_of, shown_prompts


def segment(
    image: Annotated[Path, typer.Argument(help=IMAGE_HELP)],
    output: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="OUT",
            help="The mask: PNG, TIFF or BMP (0/255) for a 2D image; NIfTI, NRRD, MHA or .seg.nrrd for a volume; "
            ".dcm for a DICOM SEG on a DICOM image.",
            rich_help_panel=RESULTS,
        ),
    ],
    box: BoxOption = None,
    point: PointOption = None,
    box_frame: BoxFrameOption = None,
    slice_index: SliceOption = None,
    axis: AxisOption = None,
    propagate: Annotated[
        bool, typer.Option("--propagate", help="Carry the mask to the neighbouring slices, both ways.")
    ] = False,
    stop_below: Annotated[
        float, typer.Option(help="Propagation ends before a slice whose predicted Dice is below this.")
    ] = 0.5,
    name: Annotated[
        str, typer.Option("--name", help="Name of the segment in a .seg.nrrd or DICOM SEG.", rich_help_panel=RESULTS)
    ] = "Segment",
    segmenter: SegmenterOption = "builtin",
    estimator: EstimatorOption = "builtin",
    device: DeviceOption = "auto",
    backend: BackendOption = "auto",
    intensity: IntensityOption = None,
    series: SeriesOption = None,
    bands: BandsOption = (0.9, 0.7),
    code: CodeOption = None,
    dicom_report: DicomReportOption = None,
    as_json: JsonOption = False,
) -> None:
    """Segment the object in a box and predict how good the mask is.

    \b
    evanyseg segment slice.png --box 120 90 210 180 -o mask.png
    evanyseg segment mr.nii.gz --slice 90 --axis coronal --box 60 50 99 90 \\
        --box-frame display -o m.mha
    evanyseg segment ct.nrrd --slice 40 --box 80 90 160 170 --box-frame display \\
        --propagate --intensity ct-soft -o liver.seg.nrrd
    evanyseg segment ct_folder --slice 40 --box 80 90 160 170 --box-frame display \\
        --name Liver -o liver.dcm --dicom-report quality.dcm
    """
    if box is None and not point:
        raise typer.BadParameter("say where the object is: --box X0 Y0 X1 Y1 or --point X,Y")
    prompt, points, levels, preset = (
        box_of(box),
        points_of(point or ()),
        bands_of(bands),
        preset_of(intensity),
    )
    request = dicom_request(output if ending(output) == SUFFIX else None, dicom_report)
    if request.seg is None and (code or dicom_report):
        raise typer.BadParameter("--code and --dicom-report go with a DICOM SEG: -o FILE.dcm")
    known = property_of_text(code) if code else None
    refuse_overwriting([output, dicom_report], [image, segmenter, estimator])
    volume = read_image(image, series, slice_index)
    remarks = volume.source.remarks + window_remarks(volume, preset)
    for remark in remarks:
        say(f"Note: {shown(remark)}")
    planes = stack_of(volume, axis)
    index = 0 if volume.source.frame is not None else slice_index_of(slice_index, planes)
    dicom = prepare_dicom(request, ReadImage(volume, image, series), None)
    if dicom is None:
        check_output(output, planes)
    prompt, points = shown_prompts(planes, index, prompt, points, box_frame)  # refuses before a network is loaded
    pipeline = load_pipeline(estimator, segmenter, Placement(device, backend))
    window = window_of(volume, preset)
    slice_at = lambda i: SliceInput(planes.pixels(i), window, planes.spacing, (i,))
    first = pipeline.segment(slice_at(index), prompt, points)
    found = {index: first}
    if propagate:
        found.update(_propagated(pipeline, planes, slice_at, index, first, stop_below))
    masks = {i: r.mask for i, r in found.items()}
    if dicom is None:
        write_masks(output, planes, masks, name)
    else:
        prompts = f"box={box}; points={point}; box_frame={box_frame}"
        how = f"slice={planes.name} {planes.shown_index(index)}; {prompts}; propagate={propagate}"
        made_by = segmented_here(pipeline.segmenter.name if pipeline.segmenter else "", how)
        seg, _ = dicom.write(segmentation_of_masks(planes, masks, name, known), made_by)
        measured = measured_segment(
            1, name, [(i, int(r.mask.sum()), r.estimate) for i, r in sorted(found.items())], planes.axis == 2
        )
        dicom.write_report(seg, [measured], pipeline.estimator, levels, f"intensity: {window.describe()}", how)
    head = {"segmenter": pipeline.segmenter.name if pipeline.segmenter else "", "device": pipeline.estimator.device}
    if as_json:
        rows = [_document(i, planes, found[i], levels) for i in sorted(found)]
        print_json(
            {
                "image": str(image),
                "out": str(output),
                "intensity": window.describe(),
                **head,
                "remarks": list(remarks),
                "slices": rows,
            }
        )
        return
    lines = [
        [_label(i, planes), str(int(r.mask.sum())), *estimate_cells(r.estimate, levels)]
        for i, r in sorted(found.items())
    ]
    columns = ["Slice", ">Pixels", ">Dice", "Band", f"{pipeline.estimator.level:.0%} interval", "Caveats"]
    out().print(table(shown(f"{volume.name}: {head['segmenter']} on {head['device']}"), columns, lines))
    heads = ", ".join(number_text(e.dice) for e in first.estimates)
    say(f"Mask {first.chosen + 1} of {len(first.estimates)} was chosen (predicted Dice {heads}).")
    say_written([output, dicom_report])


def _propagated(
    pipeline: SlicePipeline, planes: PlaneStack, slice_at: Any, index: int, first: SliceResult, stop_below: float
) -> dict[int, SliceResult]:
    found = {}
    with progress_bar("Propagating") as progress:
        for stop in (planes.count, -1):
            for i, result in pipeline.propagate(slice_at, index, first.mask, stop, stop_below):
                found[i] = result
                progress(len(found) / max(1, planes.count - 1), f"slice {i}")
    return found


def _label(index: int, planes: PlaneStack) -> str:
    if planes.volume.planar:
        return planes.name if planes.volume.source.frame is None else f"frame {planes.volume.source.frame}"
    return f"{planes.name} {index}"


def _document(index: int, planes: PlaneStack, result: SliceResult, levels: Any) -> dict[str, Any]:
    return {
        "plane": planes.name,
        "index": planes.shown_index(index),
        "position_mm": planes.plane(index).position_mm,
        "area_px": int(result.mask.sum()),
        "box": list(result.box.as_tuple()) if result.box else None,
        FRAME: BoxFrame.DISPLAY.value if result.box else None,
        **estimate_document(result.estimate, levels),
        "candidates": [e.dice for e in result.estimates],
        "chosen": result.chosen,
    }
