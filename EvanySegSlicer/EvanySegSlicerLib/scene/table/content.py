"""What a score belongs to: fingerprints of a slice's image and mask, so that edited slices show as stale."""

from __future__ import annotations

import hashlib

import numpy as np


def image_hash(pixels: np.ndarray) -> str:
    """16 hex digits of a slice's stored pixels [H, W(, C)], shape and type."""
    digest = hashlib.blake2b(digest_size=8)
    digest.update(f"{pixels.shape}{pixels.dtype.str}".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def content_hash(mask: np.ndarray, image: str) -> str:
    """16 hex digits of a mask bool [H, W] on the slice whose `image_hash` is given."""
    digest = hashlib.blake2b(digest_size=8)
    digest.update(image.encode())
    digest.update(str(mask.shape).encode())
    digest.update(np.packbits(mask).data)
    return digest.hexdigest()
