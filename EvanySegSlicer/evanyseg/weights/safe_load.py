"""Reading a checkpoint that somebody else made: nothing of it is ever executed.

Order: safetensors; torch files with `weights_only=True`; trainer files through `restricted`. Files that are no
checkpoints at all (a web page saved under its name, a Git LFS pointer, TorchScript) are named for what they are.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import WeightsError
from . import restricted

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

MODEL, KIND = "evanyseg_model", "evanyseg_kind"
"""Safetensors metadata of files that this project makes: the registered name, and 'segmenter' or 'estimator'."""
WRAPPERS = ("model", "state_dict", "model_state_dict", "net", "ema")
PREFIXES = ("module.", "_orig_mod.", "model.")
OLD_MAGIC = bytes.fromhex("6cfc9c46f9206aa85019")
"""torch's number 0x1950a86a20f9469cfc6c, little-endian, as pickle writes it."""


@dataclass(frozen=True)
class Checkpoint:
    """Named tensors of a file: `state` without wrapper and common prefix, which are told apart in `wrapper` ('' for a
    flat file) and `prefix`; `metadata` of a safetensors file."""

    state: Mapping[str, Tensor]
    wrapper: str
    prefix: str
    metadata: Mapping[str, str]


def read_state(path: Path) -> Mapping[str, Tensor]:
    """The tensors of a checkpoint on the CPU, by key. Raises WeightsError."""
    return read_checkpoint(path).state


def read_checkpoint(path: Path) -> Checkpoint:
    """Tensors with what wrapped them. Raises WeightsError for anything that is not a safe, whole checkpoint."""
    head = _head(path)
    if _is_safetensors(path, head):
        return _read_safetensors(path)
    content = read_pickle(path)
    if not isinstance(content, Mapping):
        raise WeightsError(f"{path.name} holds a {type(content).__name__}, not named tensors.")
    state, wrapper = _unwrapped(content)
    if not state:
        keys = ", ".join(str(k) for k in list(content)[:5])
        raise WeightsError(f"{path.name} holds no named tensors (its keys: {keys or 'none'}).")
    prefix, state = _without_prefix(state)
    return Checkpoint(state, wrapper, prefix, {})


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Tensors (numpy, as stored) and metadata of a safetensors file, without torch. Raises WeightsError."""
    from safetensors import SafetensorError, safe_open

    if not _is_safetensors(path, _head(path)):
        raise WeightsError(f"{path.name} is not a safetensors file; give one made by 'evanyseg-train'.")
    try:
        with safe_open(path, framework="numpy") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise WeightsError(f"{path.name} is not a whole safetensors file ({_short(error)}); get it again.") from None


def read_pickle(path: Path) -> Any:
    """Whatever a torch file or a plain pickle holds, tensors rebuilt, foreign objects dropped. Raises WeightsError."""
    import torch

    head = _head(path)
    archive = head.startswith(b"PK")
    if archive:
        _check_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols: what fails goes to our own reader
            return torch.load(path, map_location="cpu", weights_only=True, mmap=archive)
    except Exception as error:
        # not torch's own safe format, or damaged in any of a pickle's many ways; nothing of it has run
        first = error
    try:
        if archive or _is_old_torch_file(path):
            # restricted as pickle_module: torch reads the container, every pickle in it goes through our reader
            return torch.load(path, map_location="cpu", weights_only=False, pickle_module=restricted)
        with path.open("rb") as file:
            return restricted.load(file)
    except restricted.UnsafePickleError as error:
        raise WeightsError(
            f"{path.name} was refused: it asks to use '{error}', which no weight file needs. Nothing of it was run; "
            "get the file from its official source."
        ) from None
    except Exception as error:
        # a damaged pickle can raise anything at all; no code of the file has run
        raise WeightsError(
            f"{path.name} cannot be read as a checkpoint: truncated or damaged ({_short(first)}; {_short(error)}). "
            "Download it again."
        ) from None


def _head(path: Path) -> bytes:
    if path.is_dir():
        raise WeightsError(f"{path} is a folder; name the weight file in it.")
    if not path.is_file():
        raise WeightsError(f"There is no weight file {path}.")
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise WeightsError(f"{path.name} is empty; download it again.")
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        raise WeightsError(
            f"{path.name} is a web page, not weights: the site answered with a page (a download warning, a login). "
            "Open its address in a browser and save the file itself."
        )
    if text.startswith(b"version https://git-lfs"):
        raise WeightsError(f"{path.name} is a Git LFS pointer, not the weights; fetch the file itself (git lfs pull).")
    return head


def _is_safetensors(path: Path, head: bytes) -> bool:
    return path.suffix == ".safetensors" or (
        len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < path.stat().st_size
    )


def _read_safetensors(path: Path) -> Checkpoint:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
            metadata = file.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path.name} is not a whole safetensors file ({_short(error)}); get it again.") from None
    prefix, state = _without_prefix(state)
    return Checkpoint(state, "", prefix, metadata)


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [i.filename for i in archive.infolist()]
            inflated = sum(i.file_size for i in archive.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise WeightsError(f"{path.name} is truncated or damaged ({_short(error)}); download it again.") from None
    if any(name.endswith("/constants.pkl") for name in names):
        raise WeightsError(f"{path.name} is a TorchScript program, not weights; programs are not run.")
    if inflated > 4 * path.stat().st_size + 2**20:
        raise WeightsError(f"{path.name} would grow to {inflated / 2**30:.1f} GB when read; it was refused.")


def _is_old_torch_file(path: Path) -> bool:
    """torch's format before 1.6 opens with a pickled magic number."""
    with path.open("rb") as file:
        return OLD_MAGIC in file.read(32)


def _unwrapped(content: Mapping) -> tuple[dict[str, Tensor], str]:
    """The state dict in a trainer's file and the key it was under."""
    for key in WRAPPERS:
        inner = content.get(key)
        if isinstance(inner, Mapping) and _tensors(inner):
            return _tensors(inner), key
    return _tensors(content), ""


def _tensors(content: Mapping) -> dict[str, Tensor]:
    import torch

    return {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, torch.Tensor)}


def _without_prefix(state: dict[str, Tensor]) -> tuple[str, dict[str, Tensor]]:
    """(prefix, state) after taking off what DataParallel and torch.compile put before every key."""
    taken = ""
    while True:
        prefix = next((p for p in PREFIXES if state and all(k.startswith(p) for k in state)), "")
        if not prefix:
            return taken, state
        taken += prefix
        state = {k[len(prefix) :]: v for k, v in state.items()}


def _short(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return (text[0][:120] if text else "") or type(error).__name__
