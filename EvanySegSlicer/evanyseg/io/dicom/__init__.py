"""DICOM objects beside images: segmentations (SEG) in and out, structure sets (RTSTRUCT) in, quality reports (SR) out.

Reading needs pydicom alone, any version from 2.4 on: what Slicer ships is enough. Writing needs highdicom (which asks
for pydicom 3). Both are in the `[cli]` extra and are imported inside the functions that use them.
"""
