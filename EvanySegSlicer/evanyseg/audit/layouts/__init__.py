"""Data sets as they lie on disks: a table, an nnU-Net folder, a Medical Decathlon folder, BIDS derivatives."""

from .find import read_dataset

__all__ = ["read_dataset"]
