"""A pickle reader that rebuilds tensors and plain data and calls nothing else.

Trainer files (SAM-Med2D's hold a whole optimizer) need more than torch's `weights_only` allows. What is neither tensor
nor plain data becomes an inert `Dropped` object if it comes from a known library, and the file is refused otherwise.
No code named by the file ever runs: a name is looked up in the tables below, never imported.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict, defaultdict
from typing import Any

DROPPED_MODULES = (
    "torch.optim",
    "torch.nn",
    "torch.cuda.amp",
    "torch.amp",
    "torch.utils.data",
    "numpy",
    "argparse",
    "collections",
    "pathlib",
    "datetime",
    "easydict",
    "omegaconf",
    "yacs",
    "lightning",
    "pytorch_lightning",
    "timm",
    "segment_anything",
    "copyreg",
    "copy_reg",
)
"""Objects of these libraries are left out silently: what trainers store beside the weights."""

PLAIN_NAMES = {"scalar", "_reconstruct", "dtype", "ndarray", "deque", "_reconstructor", "__newobj__"}
"""Names of those libraries that are dropped although they are not written like classes."""


class UnsafePickleError(pickle.UnpicklingError):
    """The pickle asks for something that no weight file needs; nothing of it was run."""


class Dropped:
    """Stands for an object that was left out; swallows whatever the pickle does to it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __call__(self, *args: Any, **kwargs: Any) -> Dropped:
        return self

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, value: Any) -> None:
        pass

    def extend(self, values: Any) -> None:
        pass

    def add(self, value: Any) -> None:
        pass


def _storage_from_bytes(data: bytes) -> Any:
    """torch.storage._load_from_bytes, which is torch.load; here: only with `weights_only`."""
    import torch

    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


def _allowed(module: str, name: str) -> Any:
    """The real object behind the few names that rebuild tensors and plain containers; None for any other."""
    import torch
    from torch import _utils

    containers: dict[tuple[str, str], Any] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("collections", "defaultdict"): lambda *args: defaultdict(None, *args[1:]),
        ("torch.storage", "_load_from_bytes"): _storage_from_bytes,
        ("torch", "Size"): torch.Size,
        ("torch", "device"): torch.device,
        ("_codecs", "encode"): lambda text, encoding="latin1": text.encode("latin1"),
    }
    for plain in (set, frozenset, dict, list, tuple, int, float, complex, str, bytes, bool, bytearray):
        containers["builtins", plain.__name__] = plain
        containers["__builtin__", plain.__name__] = plain
    if module == "torch._utils" and name in {"_rebuild_tensor_v2", "_rebuild_tensor", "_rebuild_parameter"}:
        return getattr(_utils, name)
    if module in {"torch", "torch.storage"} and name.endswith("Storage"):
        return getattr(torch, name, None) or getattr(torch.storage, name, None)
    if module == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
        return getattr(torch, name)
    return containers.get((module, name))


class Unpickler(pickle.Unpickler):
    """Finds only what `_allowed` knows; known libraries become `Dropped`; anything else raises UnsafePickleError."""

    def find_class(self, module: str, name: str) -> Any:
        found = _allowed(module, name)
        if found is not None:
            return found
        known = any(module == m or module.startswith(f"{m}.") for m in DROPPED_MODULES)
        # objects are dropped; a function could only be there to be called, and that is refused
        if known and "." not in name and (name.lstrip("_")[:1].isupper() or name in PLAIN_NAMES):
            return Dropped
        raise UnsafePickleError(f"{module}.{name}")


def load(file: Any, **kwargs: Any) -> Any:
    """Like pickle.load, restricted (torch reads the head of its old format through this)."""
    return Unpickler(file, **kwargs).load()
