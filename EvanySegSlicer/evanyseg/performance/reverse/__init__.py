"""The reverse step: segmenters that a checkpoint's predictions teach, and that segment the labelled training images."""
