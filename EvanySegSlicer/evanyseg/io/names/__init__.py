"""What the values of a label map are called, where a file or a known tool says it.

entries: names with their values, and putting them on a segmentation; files: nnU-Net, ITK-SNAP, Slicer, CSV, JSON;
nifti: names inside of a NIfTI file; totalsegmentator: its classes; find: where to look for a mask's names.
"""

from .entries import LabelName, LabelNames, with_names
from .find import names_for

__all__ = ["LabelName", "LabelNames", "names_for", "with_names"]
