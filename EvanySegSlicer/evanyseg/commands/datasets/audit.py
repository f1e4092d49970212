"""`evanyseg audit`: how good are the labels of a data set, which are the worst, and for whom are they worse?"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ...audit.layouts import read_dataset
from ...audit.measure import MeasureOptions
from ...audit.run import (
    Audit,
    AuditOptions,
    document,
    examined,
    log_of_audit,
    measured_rows,
    write_audit,
    write_parquet,
)
from ...bands import BandThresholds
from ...errors import EvanySegError
from ...io.remote import shown as shown_path
from ..support.console import (
    DISCLAIMER,
    band_text,
    interval_text,
    number_text,
    out,
    print_json,
    progress_bar,
    say,
    say_error,
    say_file_remarks,
    say_written,
    shown,
    table,
)
from ..support.loading import Placement
from ..support.options import (
    BackendOption,
    BandsOption,
    ClusterOption,
    CroppedOption,
    DeviceOption,
    EstimatorOption,
    IntensityOption,
    JsonOption,
    NamesOption,
    ThresholdOption,
    bands_of,
    preset_of,
    threshold_of,
)
from ..support.results import described, identity_of
from ..support.scorers import case_measurer

LINES = 40


def audit(
    dataset: Annotated[
        Path,
        typer.Argument(
            help="A table image,mask[,label][,subject][,case] whose other columns are metadata, an nnU-Net folder, a "
            "Medical Decathlon folder, or BIDS derivatives."
        ),
    ],
    output: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Where tables and page go.")],
    masks: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Audit these masks, named as the folder's labels are: predictions."),
    ] = None,
    metadata: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="What else is known of cases: a column 'case' (or subjects), and any others."),
    ] = None,
    truth_column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column with the true Dice, where it is known.")
    ] = None,
    slices: Annotated[
        str, typer.Option(metavar="N|all", help="Slices of each label of a volume, evenly spread over it.")
    ] = "10",
    worst: Annotated[int, typer.Option(min=0, max=50, help="Cases of each label that are pictured.")] = 5,
    names: NamesOption = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an audit that was stopped.")] = False,
    cluster: ClusterOption = None,
    estimator: EstimatorOption = "builtin",
    device: DeviceOption = "auto",
    backend: BackendOption = "auto",
    intensity: IntensityOption = None,
    threshold: ThresholdOption = None,
    allow_cropped: CroppedOption = False,
    bands: BandsOption = (0.9, 0.7),
    as_json: JsonOption = False,
) -> None:
    """Audit the labels of a data set without a reference.

    \b
    evanyseg audit nnUNet_raw/Dataset007_Pancreas -o audit --intensity ct-soft
    evanyseg audit nnUNet_raw/Dataset007_Pancreas --masks predictions -o audit
    evanyseg audit cases.csv -o audit --metadata people.csv

    Exit code 1: some cases could not be scored (they say why, the others are).
    """
    levels, most = bands_of(bands), _most(slices)
    options = MeasureOptions(most, preset_of(intensity), names, threshold_of(threshold), allow_cropped)
    cases = read_dataset(dataset, masks, metadata, truth_column)
    if output.exists() and not output.is_dir():
        raise EvanySegError(f"{output} is a file; give the folder that tables and page shall go to.")
    facts = {
        "Data set": shown_path(dataset),
        "Masks": shown_path(masks) if masks else "the data set's own labels",
        "Estimator": identity_of(estimator),
        "Intensity": intensity or "the default of each image",
        "Slices of a volume": "all" if most is None else f"{most} of each label, evenly spread",
    }
    made_with = {**facts, "threshold": threshold, "names": identity_of(names) if names else None,
                 "cropped masks": "allowed" if allow_cropped else None}  # fmt: skip
    log = log_of_audit(output, cases, described(made_with), resume)
    where, bar = Placement(device, backend), progress_bar("Auditing", len(cases), "cases")
    with case_measurer(estimator, where, options, cluster) as measurer, bar as progress:
        rows = measured_rows(cases, measurer, log, progress)
    found = examined(rows, worst)
    if all(row in found.failed for row in rows):
        first = found.failed[0]
        raise EvanySegError(f"None of the {len(cases)} cases could be scored; {first.case}: {first.caveats}")
    facts |= {"Cases": str(len(cases))}
    page = AuditOptions(options, dataset.resolve().name, levels, datetime.now(), worst)
    with progress_bar("Drawing") as progress:
        written = write_audit(output, found, cases, page, facts, progress)
    parquet = write_parquet(output, rows)
    if as_json:
        print_json(document(found, facts))
    else:
        _show(found, levels)
        say_file_remarks(found.remarks)
        if parquet is None:
            say("For Parquet beside the CSV: pip install 'evanyseg-slicer[parquet]'.")
        say(f"[dim]{DISCLAIMER}[/]")
    say_written([*written, parquet])
    if found.failed:
        for row in found.failed[:5]:
            say_error(f"{row.case}: {row.caveats}")
        say_error(f"{len(found.failed)} of {len(cases)} cases failed; the others are scored.")
        raise typer.Exit(1)


def _most(text: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise typer.BadParameter(f"'{text}' is no number of slices; write 10, or all", param_hint="--slices")
    return int(text)


def _show(found: Audit, levels: BandThresholds) -> None:
    rows = [
        [
            shown(c.label),
            str(c.cases),
            number_text(c.mean.value),
            band_text(c.mean.value, levels),
            interval_text(c.mean.low, c.mean.high),
            "-" if c.poor != c.poor else f"{c.poor:.0%}",
            shown(c.worst[0].case) if c.worst else "",
        ]
        for c in found.classes[:LINES]
    ]
    columns = ["Label", ">Cases", ">Mean Dice", "Band", "95 % interval", ">Below 0.8", "Worst case"]
    out().print(table("Labels, lowest predicted Dice first", columns, rows))
    notable = [d for d in found.groups if d.notable]
    if found.groups:
        say(f"{len(found.groups)} comparisons of groups, {len(notable)} of them more than chance.")
    for d in notable[:LINES]:
        ends = ", ".join(f"{shown(g.name)} {g.mean:.3f}" for g in (d.groups[0], d.groups[-1]))
        say(f"  {shown(d.label)} by {shown(d.column)}: {ends} (p corrected {d.corrected:.2g})")
    for sentence in found.left_out[:LINES]:
        say(f"  Not compared: {shown(sentence)}")
    for s in found.suspicions[:LINES]:
        say(f"  {shown(s.row.case)}, {shown(s.row.label)}: {shown(s.why)}")
    for name, value in found.at_k.items():
        say(f"  {name}: {number_text(value, 3)}")
