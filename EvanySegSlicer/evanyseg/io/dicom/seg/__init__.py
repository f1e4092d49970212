"""DICOM SEG: frames and their pixels to segments, segments to a file."""
