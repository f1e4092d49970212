"""Options that several commands share, and what they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...bands import BandThresholds
from ...device import BACKENDS, CHOICES, SERVER
from ...errors import EvanySegError
from ...geometry.anatomy import PLANE_NAMES
from ...geometry.boxes import BoxFrame
from ...pipeline.intensity import PRESETS, IntensityPreset, preset_named
from ...prompts import BoxPrompt

IMAGE_HELP = "Image or volume: PNG, JPEG, WebP, TIFF, NIfTI, NRRD, MHA, a DICOM file, or a folder with a DICOM series."
MODELS, RESULTS = "Models", "Results"

BoxOption = Annotated[
    tuple[float, float, float, float] | None,
    typer.Option(
        "--box",
        metavar="X0 Y0 X1 Y1",
        help="Box in pixels of the slice, half-open: x right, y down, the whole image is 0 0 W H. "
        "Of a volume: with --box-frame.",
    ),
]
PointOption = Annotated[
    list[str] | None,
    typer.Option("--point", metavar="X,Y[,-]", help="A click in pixels; ',-' excludes. Repeatable."),
]
BoxFrameOption = Annotated[
    BoxFrame | None,
    typer.Option(
        "--box-frame",
        help="How boxes and points on a volume are counted: 'display', in the slice as radiologists see it (as in "
        "every result), or 'file', in the file's own voxel order (as versions up to 0.1 took them).",
    ),
]
SliceOption = Annotated[int | None, typer.Option("--slice", help="Index of the slice in a volume, from 0.")]
AxisOption = Annotated[
    str | None,
    typer.Option(
        "--axis",
        metavar="|".join(reversed(PLANE_NAMES)),
        help="Slice plane of a volume: the voxel axis nearest to that anatomical one. Default: axial.",
    ),
]
SeriesOption = Annotated[
    str | None, typer.Option("--series", metavar="UID", help="Which series, when a DICOM folder holds several.")
]
SegmenterOption = Annotated[
    str,
    typer.Option("--segmenter", metavar="NAME|FILE", help="A SAM variant, or its weight file.", rich_help_panel=MODELS),
]
EstimatorOption = Annotated[
    str,
    typer.Option(
        "--estimator", metavar="NAME|FILE", help="A quality estimator, or its weight file.", rich_help_panel=MODELS
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="|".join([*CHOICES, f"{SERVER}URL"]),
        help=f"Where the models run; {SERVER}https://NAME: on a server ('evanyseg serve'), to which pixels, boxes and "
        "masks are sent.",
        rich_help_panel=MODELS,
    ),
]
BackendOption = Annotated[
    str,
    typer.Option(
        "--backend",
        metavar="|".join(BACKENDS),
        help="What runs the built-in models. auto: torch on a GPU, else onnxruntime.",
        rich_help_panel=MODELS,
    ),
]
IntensityOption = Annotated[
    str | None,
    typer.Option(
        "--intensity",
        metavar="PRESET",
        help=f"The window in which the models see the image: {', '.join(PRESETS)}, or fixed:LOW,HIGH. "
        "Default: percentile, rgb for colours. Use a ct- window for CT.",
        rich_help_panel=MODELS,
    ),
]
NamesOption = Annotated[
    str | None,
    typer.Option(
        "--names",
        metavar="FILE|totalsegmentator",
        help="What the values of a label map are called: nnU-Net's dataset.json, an ITK-SNAP label file, a Slicer "
        ".ctbl, JSON, or a table with value,name. Default: what the file itself or nnU-Net's folder says.",
    ),
]
CroppedOption = Annotated[
    bool,
    typer.Option("--allow-cropped", help="Score masks that lie partly outside the image: what is left of them."),
]
ThresholdOption = Annotated[
    str | None,
    typer.Option(
        "--threshold",
        metavar="VALUE|labels",
        help="Of a grey mask (soft, resized, anti-aliased) take everything above VALUE; 'labels': take its values as "
        "labels. Without it grey masks are refused.",
    ),
]
ClusterOption = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="local:N|tcp://HOST:PORT",
        help="Work on N processes of this machine, or on the workers of a Dask scheduler. The results are the same.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document instead of tables.", rich_help_panel=RESULTS)
]
OutOption = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="FILE", help="Where the result goes.", rich_help_panel=RESULTS)
]
BandsOption = Annotated[
    tuple[float, float],
    typer.Option(
        "--bands",
        metavar="GOOD CHECK",
        help="A slice is good from the first Dice on, to be checked from the second on, poor below.",
        rich_help_panel=RESULTS,
    ),
]


def box_of(values: tuple[float, float, float, float] | None) -> BoxPrompt | None:
    return BoxPrompt(*values) if values is not None else None


def preset_of(name: str | None) -> IntensityPreset | None:
    """None means: the default of the image's kind. Raises ImageError."""
    return preset_named(name) if name else None


def threshold_of(text: str | None) -> float | str | None:
    """A grey value, 'labels', or None. Raises EvanySegError."""
    if text is None or text == "labels":
        return text
    try:
        return float(text)
    except ValueError:
        raise EvanySegError(f"'{text}' is no threshold; write a grey value such as 127 or 0.5, or labels.") from None


def bands_of(values: tuple[float, float]) -> BandThresholds:
    try:
        return BandThresholds(*values)
    except ValueError as error:
        raise EvanySegError(str(error)) from None
