"""Segmentations for tests: two segments of known quality, in Slicer's format and in that of other programs."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path

import numpy as np

from engine import phantom
from engine.cli_fixtures import SHAPE
from evanyseg.io.seg_nrrd import write_seg_nrrd
from evanyseg.io.segmentation import Segment, Segmentation


def two_labels() -> np.ndarray:
    """A good one (1, the left half of the ball) and a bad one (2, the right half, shifted)."""
    ball = phantom.ball(SHAPE)
    labels = np.zeros(SHAPE, np.uint8)
    labels[:, :, :24][ball[:, :, :24]] = 1
    labels[:, :, 24:][np.roll(ball, 12, axis=1)[:, :, 24:]] = 2
    return labels


def named_file(path: Path, *segments: tuple[str, str, int]) -> Path:
    grid = phantom.volume(SHAPE)
    made = tuple(Segment(i, name, value) for i, name, value in segments)
    write_seg_nrrd(path, Segmentation(grid, (two_labels(),), made))
    return path


def nrrd(path: Path, meta: str, data: np.ndarray, encoding: str = "raw", kinds: str = "", space: str = "") -> Path:
    """An NRRD file as other programs write it, [K, J, I] or [K, J, I, layers]."""
    sizes = " ".join(map(str, data.shape[::-1]))
    none = "none " * (data.ndim - 3)
    pack = {"raw": bytes, "gzip": gzip.compress, "bzip2": bz2.compress}[encoding]
    head = (
        f"NRRD0005\ntype: uint8\ndimension: {data.ndim}\nspace: {space or 'left-posterior-superior'}\nsizes: {sizes}\n"
        f"space directions: {none}(1,0,0) (0,1,0) (0,0,2)\nkinds: {kinds or 'domain domain domain'}\n"
        f"encoding: {encoding}\nspace origin: (1,2,3)\n{meta}\n"
    )
    path.write_bytes(head.encode() + pack(data.tobytes()))
    return path


def meta(*segments: tuple[int, str, str, int]) -> str:
    lines = [f"Segment{n}_ID:={i}\nSegment{n}_Name:={name}\nSegment{n}_LabelValue:={v}" for n, i, name, v in segments]
    return "\n".join(lines) + "\n" if lines else ""
