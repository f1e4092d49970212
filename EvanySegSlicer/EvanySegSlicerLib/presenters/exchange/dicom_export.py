"""A review's segments as a DICOM SEG on the series that was opened: gathered on the main thread, written on another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from evanyseg import __version__
from evanyseg.errors import OutputError
from evanyseg.io.dicom.codes import ARTIFICIAL_INTELLIGENCE, SEMIAUTOMATIC, SegmentAlgorithm
from evanyseg.io.dicom.seg.write import write_dicom_seg
from evanyseg.io.dicom.source import read_source
from evanyseg.io.read import read_image, read_segmentation

from ...scene.headless.scene_files import save_segmentation
from ...scene.review.session import ReviewSession


@dataclass(frozen=True)
class DicomExport:
    """source: the DICOM file or folder that the volume came from; masks: its segments as a .seg.nrrd; segmenters: by
    segment id, which network drew them."""

    source: Path
    masks: Path
    segmenters: dict[str, str]

    def write(self, path: Path) -> None:
        """On any thread: no node is touched. Raises OutputError, ImageError, GeometryError."""
        volume = read_image(self.source)
        found = read_segmentation(self.masks)
        segments = tuple(
            replace(s, algorithm=s.algorithm or _by(self.segmenters.get(s.id, ""), s.name)) for s in found.segments
        )
        write_dicom_seg(path, replace(found, segments=segments), volume, read_source(self.source, volume))


def gathered(review: ReviewSession, source: Path | None, folder: Path) -> DicomExport:
    """On the main thread: the segments are written into `folder`. Raises OutputError without a DICOM series."""
    if source is None:
        raise OutputError(
            "A DICOM SEG refers to the images that it was made on: open the DICOM series itself (a folder, or zipped)."
        )
    segmenters = {row.segment_id: row.segmenter for row in review.table.records() if row.segmenter}
    masks = folder / "masks.seg.nrrd"
    save_segmentation(review.segmentation, masks)
    return DicomExport(source, masks, segmenters)


def _by(segmenter: str, segment: str) -> SegmentAlgorithm:
    """A person drew a box, a network the mask."""
    if not segmenter:
        raise OutputError(
            f"DICOM asks who made a segment, and '{segment}' does not say: it was not drawn here. Export .seg.nrrd, "
            "and write the DICOM SEG with 'evanyseg score --dicom-seg --segmented-by'."
        )
    return SegmentAlgorithm(SEMIAUTOMATIC, f"EvanySeg segmenter {segmenter}", __version__, ARTIFICIAL_INTELLIGENCE)
