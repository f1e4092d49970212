"""DICOM results that `score` and `segment` share: what is asked for, what is checked, what is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ... import __version__
from ...bands import BandThresholds
from ...errors import ImageError, OutputError
from ...geometry.volume import Volume
from ...io.dicom.codes import ARTIFICIAL_INTELLIGENCE, AUTOMATIC, MANUAL, SEMIAUTOMATIC, SegmentAlgorithm
from ...io.dicom.headers import SEGMENTATIONS, mask_objects, read_header
from ...io.dicom.masks import ReadImage
from ...io.dicom.report import MeasuredSegment, QualityReport, write_quality_report
from ...io.dicom.seg.write import check_headers_fit, write_dicom_seg
from ...io.dicom.source import DicomSource, read_source
from ...io.segmentation import Segment, Segmentation
from ...io.write import ending

DICOM = "DICOM"
SUFFIX = ".dcm"

DicomSegOption = Annotated[
    Path | None,
    typer.Option(
        "--dicom-seg",
        metavar="DCM",
        help="Write the masks as a DICOM SEG on the image's series (the image must be DICOM).",
        rich_help_panel=DICOM,
    ),
]
DicomReportOption = Annotated[
    Path | None,
    typer.Option(
        "--dicom-report",
        metavar="DCM",
        help="Write the predicted quality as a DICOM measurement report (TID 1500) about a DICOM SEG.",
        rich_help_panel=DICOM,
    ),
]
SegmentedByOption = Annotated[
    str | None,
    typer.Option(
        "--segmented-by",
        metavar="manual|[semiautomatic:]NAME",
        help="For --dicom-seg: who made masks that do not say so themselves, a person or the program NAME.",
        rich_help_panel=DICOM,
    ),
]
FractionalOption = Annotated[
    bool,
    typer.Option(
        "--fractional/--no-fractional",
        help="Take a fractional DICOM SEG as the part above one half, with a caveat; or refuse it.",
        rich_help_panel=DICOM,
    ),
]
CodeOption = Annotated[
    str | None,
    typer.Option(
        "--code",
        metavar="SCHEME:VALUE:MEANING",
        help="What the segment is, in a DICOM SEG: SCT:10200004:Liver. Default: DICOM's code with exactly the name "
        "given by --name, else 'Tissue'.",
        rich_help_panel=DICOM,
    ),
]


@dataclass(frozen=True)
class DicomRequest:
    """seg, report: files to write; made_by: who made masks that do not say; fractional: whether such SEGs are taken."""

    seg: Path | None = None
    report: Path | None = None
    made_by: SegmentAlgorithm | None = None
    fractional: bool = True

    @property
    def written(self) -> list[Path | None]:
        return [self.seg, self.report]


def dicom_request(
    seg: Path | None, report: Path | None, segmented_by: str | None = None, fractional: bool = True
) -> DicomRequest:
    """Raises OutputError for names that no DICOM file has, and for --segmented-by without --dicom-seg."""
    for path in (seg, report):
        if path is not None and ending(path) != SUFFIX:
            raise OutputError(f"A DICOM file cannot be named '{path.name}'; give it the ending {SUFFIX}.")
    if segmented_by is not None and seg is None:
        raise OutputError("--segmented-by says who made the masks of a DICOM SEG; it goes with --dicom-seg.")
    return DicomRequest(seg, report, algorithm_of(segmented_by), fractional)


def segmented_here(segmenter: str, parameters: str) -> SegmentAlgorithm:
    """A person drew a box, a network the mask: semi-automatic, with the network's name and this package's version."""
    return SegmentAlgorithm(
        SEMIAUTOMATIC, f"EvanySeg segmenter {segmenter}", __version__, ARTIFICIAL_INTELLIGENCE, parameters
    )


@dataclass(frozen=True)
class DicomResults:
    """A request that can be met: the image's headers are there and have what is needed.

    about: the data set of the DICOM SEG that was scored, when it is the one to report on.
    """

    request: DicomRequest
    source: DicomSource
    volume: Volume
    about: Any = None

    def write(
        self, segmentation: Segmentation, made_by: SegmentAlgorithm | None = None
    ) -> tuple[Any, list[tuple[int, Segment]]]:
        """(the SEG's data set, its segments with their numbers); written first when that was asked for."""
        if self.request.seg is None:
            return self.about, [(s.value, s) for s in segmentation.segments]
        by = made_by or self.request.made_by
        made = write_dicom_seg(self.request.seg, segmentation, self.volume, self.source, by)
        return made, list(enumerate(segmentation.segments, 1))

    def write_report(
        self, seg: Any, segments: Sequence[MeasuredSegment], estimator: Any, bands: BandThresholds, *facts: str
    ) -> None:
        if self.request.report is not None:
            report = QualityReport(tuple(segments), estimator.name, estimator.level, bands, facts)
            write_quality_report(self.request.report, report, seg, self.volume, self.source)


def prepare_dicom(
    request: DicomRequest, image: ReadImage, mask: Path | None, segments: Sequence[Segment] = ()
) -> DicomResults | None:
    """Everything that can be wrong, found before a network is loaded; None when nothing in DICOM is asked for.

    `mask`: the file that is scored; without --dicom-seg the report is about it, and it must be a DICOM SEG.
    Raises OutputError, ImageError, GeometryError.
    """
    if request.seg is None and request.report is None:
        return None
    source = read_source(image.path, image.volume, image.series)
    check_headers_fit(source, image.volume)
    if request.report is not None and len({s.name for s in segments}) < len(segments):
        raise ImageError("Two segments have one name: a report could not tell them apart; rename one, or use --label.")
    if request.seg is not None:
        nobody = [s.name for s in segments if s.algorithm is None]
        if nobody and request.made_by is None:
            raise OutputError(
                f"DICOM asks who made a segment, and '{nobody[0]}' does not say; add --segmented-by manual, or "
                "--segmented-by with the name of the program."
            )
        return DicomResults(request, source, image.volume)
    files = mask_objects(mask) if mask is not None else []
    if len(files) > 1:
        raise OutputError(
            f"{mask} holds {len(files)} segmentations and a DICOM report is about one; score one of them, or join them "
            "in the same go with --dicom-seg."
        )
    header = read_header(files[0]) if files else None
    if header is None or str(header.SOPClassUID) not in SEGMENTATIONS:
        raise OutputError(
            "A DICOM report is about the segments of a DICOM SEG, and the mask is none: write it as one in the same "
            "go with --dicom-seg."
        )
    return DicomResults(request, source, image.volume, header)


def algorithm_of(text: str | None) -> SegmentAlgorithm | None:
    """Who made masks, of --segmented-by. Raises OutputError for an empty name."""
    if text is None:
        return None
    kind, colon, name = text.partition(":")
    if text.strip().lower() == "manual":
        return SegmentAlgorithm(MANUAL)
    if colon and kind.strip().lower() == "semiautomatic" and name.strip():
        return SegmentAlgorithm(SEMIAUTOMATIC, name.strip())
    if not text.strip():
        raise OutputError("--segmented-by needs 'manual' or the name of a program.")
    return SegmentAlgorithm(AUTOMATIC, text.strip())
