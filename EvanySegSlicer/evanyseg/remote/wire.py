"""What server and client say to each other: images, masks and numbers as bytes and JSON. Shared by both sides.

Requests are JSON (masks as zlib-packed bits in base64) and raw image bytes; answers that hold arrays are safetensors
with a JSON document in the metadata. Nothing here can run code: no pickle.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import ImageError
from ..results import QualityEstimate

PROTOCOL = 1
"""Raised when an older client or server would misunderstand."""
SESSION_HEADER = "Evanyseg-Session"
ARRAYS = "application/vnd.safetensors"
_DOCUMENT = "document"
_MAPS = ("false_positive", "false_negative")


def image_bytes(image: np.ndarray) -> tuple[bytes, int]:
    """(pixels, channels) of an image uint8 [H, W, 3]; one channel where it is gray."""
    first = image[..., :1]
    gray = bool((image[..., 1:] == first).all())
    return np.ascontiguousarray(first if gray else image).tobytes(), 1 if gray else 3


def image_of(pixels: bytes, height: int, width: int, channels: int) -> np.ndarray:
    """uint8 [H, W, 3]. Raises ImageError when there are more or fewer bytes."""
    if len(pixels) != height * width * channels:
        raise ImageError(
            f"An image of {width} x {height} pixels and {channels} channels has {height * width * channels} bytes, "
            f"got {len(pixels)}."
        )
    found = np.frombuffer(pixels, np.uint8).reshape(height, width, channels)
    return np.repeat(found, 3, axis=2) if channels == 1 else found.copy()


def content_hash(pixels: bytes, height: int, width: int) -> str:
    """32 hex digits that name an image by what is sent of it."""
    return hashlib.blake2b(f"{height}x{width}:".encode() + pixels, digest_size=16).hexdigest()


def bytes_hash(content: bytes) -> str:
    """32 hex digits."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def mask_document(mask: np.ndarray) -> dict[str, Any]:
    """Of a mask bool [H, W]."""
    packed = zlib.compress(np.packbits(mask).tobytes(), 1)
    return {"shape": list(mask.shape), "bits": base64.b64encode(packed).decode("ascii")}


def mask_of(shape: Sequence[int], bits: str) -> np.ndarray:
    """bool [H, W]. Raises ImageError for bits that are damaged or of another size; unpacks no more than needed."""
    height, width = shape
    size = (height * width + 7) // 8
    try:
        unpacker = zlib.decompressobj()
        found = unpacker.decompress(_decoded(bits), size + 1)
    except zlib.error:
        raise ImageError("The bits of a mask are damaged: they are no zlib stream.") from None
    if len(found) != size:
        raise ImageError(f"A mask of {width} x {height} pixels has {size} bytes of bits; another number was sent.")
    flat = np.unpackbits(np.frombuffer(found, np.uint8), count=height * width)
    return flat.reshape(height, width).astype(bool)


def floats_document(values: np.ndarray) -> dict[str, Any]:
    """Of an array float32."""
    data = np.ascontiguousarray(values, "<f4").tobytes()
    return {"shape": list(values.shape), "data": base64.b64encode(data).decode("ascii")}


def floats_of(shape: Sequence[int], data: str) -> np.ndarray:
    """float32 of that shape. Raises ImageError when the bytes are another number, or not finite."""
    found = _decoded(data)
    if len(found) != 4 * math.prod(shape):
        raise ImageError(f"An array of shape {list(shape)} has {4 * math.prod(shape)} bytes, got {len(found)}.")
    values = np.frombuffer(found, "<f4").reshape(tuple(shape)).astype(np.float32)
    if not np.isfinite(values).all():
        raise ImageError("An array has values that are not finite.")
    return values


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ImageError("The bytes of an array or mask are no base64.") from None


def answer_bytes(document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """One safetensors file: arrays, and a JSON document in its metadata."""
    from safetensors.numpy import save

    told = {_DOCUMENT: json.dumps(document, allow_nan=False)}
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, told)


def read_answer(content: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The document and arrays of `answer_bytes`. Raises ValueError for anything else."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        size = int.from_bytes(content[:8], "little")
        head = json.loads(content[8 : 8 + size])
        document = json.loads(head["__metadata__"][_DOCUMENT])
        arrays = load(content)
    except (SafetensorError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"no answer of this protocol ({type(error).__name__})") from error
    if not isinstance(document, dict):
        raise ValueError("no answer of this protocol")
    return document, arrays


def estimates_answer(estimates: Sequence[QualityEstimate]) -> bytes:
    """Estimates with their maps, if any."""
    arrays = {
        f"{name}.{number}": getattr(e, name)
        for number, e in enumerate(estimates)
        for name in _MAPS
        if getattr(e, name) is not None
    }
    return answer_bytes({"estimates": [_estimate_document(e) for e in estimates]}, arrays)


def estimates_of(content: bytes) -> list[QualityEstimate]:
    """Raises ValueError."""
    document, arrays = read_answer(content)
    try:
        return [
            _estimate_of(told, {name: arrays.get(f"{name}.{number}") for name in _MAPS})
            for number, told in enumerate(document["estimates"])
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no estimates of this protocol ({type(error).__name__})") from error


def _estimate_document(e: QualityEstimate) -> dict[str, Any]:
    known = lambda value: None if value is None or math.isnan(value) else value
    return {
        **{name: known(getattr(e, name)) for name in ("dice", "low", "high", "hd95", "hd_max")},
        "level": e.level,
        "estimator": e.estimator,
        "caveats": list(e.caveats),
    }


def _estimate_of(told: Mapping[str, Any], maps: Mapping[str, np.ndarray | None]) -> QualityEstimate:
    number = lambda name: math.nan if told[name] is None else float(told[name])
    distance = lambda name: None if told[name] is None else float(told[name])
    return QualityEstimate(
        dice=number("dice"),
        low=number("low"),
        high=number("high"),
        level=float(told["level"]),
        estimator=str(told["estimator"]),
        hd95=distance("hd95"),
        false_positive=maps["false_positive"],
        false_negative=maps["false_negative"],
        caveats=tuple(str(c) for c in told["caveats"]),
        hd_max=distance("hd_max"),
    )
