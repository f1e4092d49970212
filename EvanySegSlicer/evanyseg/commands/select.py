"""`evanyseg select`: which candidate is the best? Several masks, several segmenters, or a scored table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ..errors import EvanySegError, OutputError
from ..geometry.plane_stack import stack_of
from ..geometry.volume import Volume
from ..io.copying import copy_mask
from ..io.dicom.masks import ReadImage
from ..io.overwrite import refuse_overwriting
from ..io.read import read_image, read_segmentation
from ..io.segmentation import segmentation_of_labels
from ..io.write import ending
from ..pipeline.intensity import IntensityPreset
from ..pipeline.slice_pipeline import SlicePipeline
from ..prompts import BoxPrompt
from ..protocols import QualityEstimator
from ..results import Caveat, QualityEstimate
from ..scoring.stacks import SliceStack
from ..scoring.volumes import VolumeScorer, mean_of_slices
from ..uses import best_of_candidates
from .select_table import select_from_table
from .support.console import estimate_cells, estimate_document, out, print_json, say, say_written, shown, table
from .support.loading import Placement, load_estimator, load_segmenter
from .support.masks import check_output, slice_index_of, write_masks
from .support.options import (
    IMAGE_HELP,
    MODELS,
    RESULTS,
    AxisOption,
    BackendOption,
    BandsOption,
    BoxFrameOption,
    BoxOption,
    CroppedOption,
    DeviceOption,
    EstimatorOption,
    IntensityOption,
    JsonOption,
    SliceOption,
    ThresholdOption,
    bands_of,
    box_of,
    preset_of,
    threshold_of,
)
from .support.prompts import shown_box, shown_prompts


@dataclass(frozen=True)
class _Candidate:
    name: str
    estimate: QualityEstimate
    mask: np.ndarray | None = None  # [H, W], of a segmenter
    file: Path | None = None  # of the user


def select(
    image: Annotated[Path | None, typer.Argument(help=IMAGE_HELP)] = None,
    candidates: Annotated[list[Path] | None, typer.Argument(help="Masks of that image to choose from.")] = None,
    box: BoxOption = None,
    box_frame: BoxFrameOption = None,
    slice_index: SliceOption = None,
    axis: AxisOption = None,
    segmenter: Annotated[
        list[str] | None,
        typer.Option(
            "--segmenter",
            metavar="NAME|FILE",
            help="Choose among all masks of this SAM variant for the box. Repeatable.",
            rich_help_panel=MODELS,
        ),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Choose per sample in a scored table.", rich_help_panel="Scored tables"),
    ] = None,
    sample: Annotated[
        str, typer.Option(metavar="COLUMN", help="Column that names the sample.", rich_help_panel="Scored tables")
    ] = "image",
    output: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="The best mask, or the best rows.", rich_help_panel=RESULTS),
    ] = None,
    estimator: EstimatorOption = "builtin",
    device: DeviceOption = "auto",
    backend: BackendOption = "auto",
    intensity: IntensityOption = None,
    threshold: ThresholdOption = None,
    allow_cropped: CroppedOption = False,
    bands: BandsOption = (0.9, 0.7),
    as_json: JsonOption = False,
) -> None:
    """Choose the best mask by predicted Dice.

    \b
    evanyseg select slice.png a.png b.png --box 120 90 210 180 -o best.png
    evanyseg select slice.png --segmenter builtin --box 9 9 80 70 -o best.png
    evanyseg select --scores scores.csv --sample image -o best.csv
    """
    levels = bands_of(bands)
    if scores is not None:
        refuse_overwriting([output], [scores])
        select_from_table(scores, sample, output, as_json)
        return
    if image is None or bool(candidates) == bool(segmenter):
        raise typer.BadParameter("give an IMAGE with masks, an IMAGE with --segmenter and --box, or --scores CSV")
    preset, prompt = preset_of(intensity), box_of(box)
    refuse_overwriting([output], [image, *(candidates or []), *(segmenter or []), estimator])
    volume = read_image(image, frame=slice_index)
    slice_index = None if volume.source.frame is not None else slice_index
    if candidates:
        # read and checked before a network is loaded
        prompt = shown_box(volume, axis, slice_index, prompt, box_frame)
        read, cut = ReadImage(volume, image), threshold_of(threshold)
        stacks = [(c, _stack(read, c, axis, preset, slice_index, prompt, allow_cropped, cut)) for c in candidates]
        if output is not None:
            _check_copy(output, candidates)
        for remark in dict.fromkeys(r for _, stack in stacks for r in stack.remarks):
            say(f"Note: {shown(remark)}")
        pipeline = SlicePipeline(load_estimator(estimator, Placement(device, backend)))
        found = [_Candidate(str(path), _scored(stack, pipeline), file=path) for path, stack in stacks]
        planes = None
    else:
        if prompt is None:
            raise typer.BadParameter("--segmenter needs the object's --box")
        planes = stack_of(volume, axis)
        index = slice_index_of(slice_index, planes)
        asked = shown_prompts(planes, index, prompt, (), box_frame)[0] or prompt
        if output is not None:
            check_output(output, planes)
        stack = _nothing_yet(volume, axis, index, preset)
        where = Placement(device, backend)
        found = _segmented(stack, index, asked, segmenter or [], load_estimator(estimator, where), where)
    order = best_of_candidates([c.estimate for c in found])
    best = found[order[0]]
    if not best.estimate.scored:
        raise EvanySegError("None of the candidates could be scored: " + "; ".join(best.estimate.caveats) + ".")
    if output is not None:
        if best.file is not None:
            copy_mask(best.file, output)
        elif planes is not None and best.mask is not None:
            write_masks(output, planes, {index: best.mask}, "Segment")
    if as_json:
        documents = [estimate_document(found[i].estimate, levels) for i in order]
        ranked = [{"candidate": found[i].name, **d} for i, d in zip(order, documents, strict=True)]
        print_json({"image": str(image), "best": best.name, "out": str(output) if output else None, "ranking": ranked})
        return
    rows = [[shown(found[i].name), *estimate_cells(found[i].estimate, levels)] for i in order]
    out().print(table("Candidates, best first", ["Candidate", ">Dice", "Band", "Interval", "Caveats"], rows))
    say_written([output])


def _stack(
    image: ReadImage,
    path: Path,
    axis: str | None,
    preset: IntensityPreset | None,
    only: int | None,
    box: BoxPrompt | None,
    allow_cropped: bool,
    threshold: float | str | None,
) -> SliceStack:
    mask = read_segmentation(path, binary=True, image=image, threshold=threshold)
    return SliceStack(image.volume, mask, axis, preset, only, box, allow_cropped)


def _nothing_yet(volume: Volume, axis: str | None, index: int, preset: IntensityPreset | None) -> SliceStack:
    empty = segmentation_of_labels(np.zeros(volume.shape, np.uint8), volume)
    return SliceStack(volume, empty, axis, preset, index)


def _scored(stack: SliceStack, pipeline: SlicePipeline) -> QualityEstimate:
    """One estimate of a candidate: of its slice, or the mean over the slices of a volume."""
    if stack.only is not None:
        shown = stack.slice_input(stack.only), stack.whole_mask(stack.only), stack.box
        estimate = next(pipeline.score([shown]))
        return replace(estimate, caveats=tuple(dict.fromkeys(stack.caveats + estimate.caveats)))
    dice, low, high = mean_of_slices(list(VolumeScorer(stack, pipeline).scores()))
    name, level = pipeline.estimator.name, pipeline.estimator.level
    if np.isnan(dice):
        return QualityEstimate.unscored(name, Caveat.EMPTY_MASK, level=level)
    return QualityEstimate(dice, low, high, level, name, caveats=stack.caveats)


def _segmented(
    stack: SliceStack, index: int, box: BoxPrompt, segmenters: list[str], estimator: QualityEstimator, where: Placement
) -> list[_Candidate]:
    found = []
    for name in segmenters:
        result = SlicePipeline(estimator, load_segmenter(name, where)).segment(stack.slice_input(index), box)
        found += [
            _Candidate(f"{name}, mask {n + 1}", estimate, mask)
            for n, (mask, estimate) in enumerate(zip(result.masks, result.estimates, strict=True))
        ]
    return found


def _check_copy(output: Path, candidates: list[Path]) -> None:
    endings = {ending(c) for c in candidates}
    if endings != {ending(output)}:
        raise OutputError(
            f"The best mask is copied as it is: {output.name} must end as the candidates do, "
            f"in {', '.join(sorted(endings))}."
        )
