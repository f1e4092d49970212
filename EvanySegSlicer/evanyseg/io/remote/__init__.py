"""Files that are not on this machine: addresses such as s3://bucket/scan.nii.gz in place of paths, through fsspec (the
extra `[cluster]`; each kind of store has a package of its own, as s3fs).

address: what is one; copies: reading, through copies on this disk; upload: writing. A `Path` makes s3:/x of s3://x;
both mean the same here.
"""

from .address import address, is_there, joined, plain, shown, whole
from .copies import local_copy, local_file

__all__ = ["address", "is_there", "joined", "local_copy", "local_file", "plain", "shown", "whole"]
