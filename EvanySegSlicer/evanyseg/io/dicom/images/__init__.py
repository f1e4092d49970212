"""DICOM images: finding a series, putting slices and frames in order, decoding pixels."""
