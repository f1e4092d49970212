"""What was learnt, as a file: safetensors with a JSON description. Numbers only: no pixels, no names, no pickle.

References are remembered by a salted hash, so that the same case is recognized and nobody's data can be read back. The
file belongs to one version of the built-in estimator, whose numbers it reads; another version refuses it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import WeightsError
from ..io.write import atomic_path
from ..quality.builtin import BuiltinEstimator
from ..quality.builtin import load as load_builtin
from ..quality.gbdt import Trees
from ..quality.ood import STATISTICS
from ..weights.safe_load import KIND, MODEL, read_arrays
from .choosing import Choice
from .conformal import GroupedInterval
from .estimator import AdaptedEstimator, Learned, Mode, Windows
from .features import COUNT, RELATIVE, TrueMasks
from .fit import Adaptation
from .learner.gaussian_process import MOST, GaussianProcess
from .learner.regression import Regression
from .learner.scale import Scale
from .recalibration import Recalibration
from .reference import Reference

FORMAT = 4
KEY = "adapted"
PROCESS = ("points", "pull", "mean", "center", "spread")


@dataclass(frozen=True)
class Description:
    """What the file says of itself beside the arrays. before, after: cross-validated mean absolute errors with a box
    (without one where there were none); references: salted hashes."""

    name: str
    base: str
    references: tuple[str, ...]
    salt: str
    subjects: int
    before: float
    after: float
    remarks: tuple[str, ...] = ()
    format: int = FORMAT
    modes: tuple[dict[str, Any], ...] = field(default=())


def reference_hash(reference: Reference, salt: str) -> str:
    """The same image and truth give the same hash under one salt; nothing can be read back from it."""
    digest = hashlib.sha256(salt.encode())
    digest.update(np.ascontiguousarray(reference.image))
    masks = [reference.truth] if reference.truth is not None else [g.mask for g in reference.graded]
    for mask in masks:
        digest.update(np.packbits(mask))
    return digest.hexdigest()[:32]


def describe(adaptation: Adaptation, references: Sequence[Reference], salt: str | None = None) -> Description:
    salt = salt or secrets.token_hex(16)
    check, learned = adaptation.check, adaptation.estimator.learned
    has_box = bool(check.has_box.any())
    modes = tuple({**asdict(m.choice), **asdict(m.interval)} for m in learned.modes)
    return Description(
        adaptation.estimator.name,
        adaptation.estimator.base.fingerprint,
        tuple(reference_hash(r, salt) for r in references),
        salt,
        adaptation.subjects,
        check.error(check.builtin, has_box),
        check.error(check.blended, has_box),
        adaptation.remarks,
        modes=modes,
    )


def save(path: Path, adaptation: Adaptation, references: Sequence[Reference]) -> Description:
    """Writes the file whole or not at all. Raises OutputError."""
    from safetensors.numpy import save_file

    learned, said = adaptation.estimator.learned, describe(adaptation, references)
    tensors = {
        **learned.regression.trees.tensors(),
        **{f"process.{name}": array for name, array in _process_arrays(learned.regression.process).items()},
        "masks": learned.masks.descriptors.astype(np.float64),
        "windows": learned.windows.statistics.astype(np.float64),
        "limit": np.array([learned.windows.limit]),
    }
    metadata = {MODEL: "adapted", KIND: "estimator", KEY: json.dumps(asdict(said))}
    with atomic_path(path) as part:
        save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, part, metadata)
    return said


def read(path: Path) -> tuple[Learned, Description]:
    """Raises WeightsError for a file that is damaged, foreign, or made to lead astray."""
    arrays, metadata = read_arrays(path)
    try:
        stored = json.loads(metadata[KEY])
        if stored["format"] != FORMAT:
            raise WeightsError(
                f"{path.name} has format {stored['format']}, this version reads format {FORMAT}: run 'evanyseg adapt' "
                "again on the same references."
            )
        modes = [_mode(m) for m in stored["modes"]]
        said = Description(**{**stored, **{k: tuple(stored[k]) for k in ("references", "remarks", "modes")}})
        masks, windows, limit = (np.asarray(arrays[n], np.float64) for n in ("masks", "windows", "limit"))
        points, pull, mean, center, spread = (np.asarray(arrays[f"process.{n}"], np.float64) for n in PROCESS)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path.name} is no file of 'evanyseg adapt', or damaged; make it again.") from None
    trees = Trees.from_tensors(arrays, COUNT)
    fits = (
        trees is not None
        and pull.ndim == 1
        and 0 < len(pull) <= MOST
        and points.shape == (len(pull), COUNT)
        and center.shape == spread.shape == (COUNT,)
        and mean.shape == (1,)
        and all(np.isfinite(a).all() for a in (points, pull, mean, center, spread))
        and (spread > 0).all()
        and len(trees.base) == 1
        and len(modes) == 2
        and masks.ndim == windows.ndim == 2
        and masks.shape[1] == len(RELATIVE)
        and windows.shape[1] == STATISTICS
        and len(windows) > 0
        and limit.shape == (1,)
        and np.isfinite(masks).all()
        and np.isfinite(windows).all()
        and not np.isnan(limit).any()
    )
    if not fits or trees is None:
        raise WeightsError(f"{path.name} is damaged: its parts do not fit together; make it again.")
    regression = Regression(trees, GaussianProcess(points, pull, float(mean[0]), Scale(center, spread)))
    return Learned(regression, TrueMasks(masks), Windows(windows, float(limit[0])), (modes[0], modes[1])), said


def _mode(stored: Mapping[str, Any]) -> Mode:
    half, edges = tuple(map(float, stored["half"])), tuple(map(float, stored["edges"]))
    learned, recalibrated = float(stored["learned"]), float(stored["recalibrated"])
    level, subjects = float(stored["level"]), int(stored["subjects"])
    mixes = min(learned, recalibrated) >= 0 and learned + recalibrated <= 1 + 1e-9
    if len(half) != len(edges) + 1 or not mixes or not 0 <= level < 1 or min(half) < 0:
        raise ValueError("a mode out of range")
    again = stored["recalibration"]
    numbers = [float(again["mean"]), *map(float, again["center"]), *map(float, again["slopes"])]
    if len(numbers) != 5 or not np.isfinite(numbers).all():
        raise ValueError("a recalibration out of range")
    mean, *rest = numbers
    recalibration = Recalibration(mean, (rest[0], rest[1]), (rest[2], rest[3]))
    return Mode(Choice(learned, recalibrated, recalibration), GroupedInterval(half, edges, level, subjects))


def _process_arrays(process: GaussianProcess) -> dict[str, np.ndarray]:
    scale, mean = process.scale, np.array([process.mean])
    return dict(zip(PROCESS, (process.points, process.pull, mean, scale.center, scale.spread), strict=True))


def load(
    path: Path | None, device: str = "cpu", backend: str = "auto", base: BuiltinEstimator | None = None
) -> AdaptedEstimator:
    """An adapted estimator from its file. Raises WeightsError, also when it was learnt with another version of the
    built-in estimator."""
    if path is None:
        raise WeightsError("'adapted' is made from your own cases by 'evanyseg adapt'; give its file, not the name.")
    learned, said = read(path)
    base = base or load_builtin(None, device, backend)
    check_base(path, said, base.fingerprint)
    return AdaptedEstimator(base, learned, said.name)


def check_base(path: Path, said: Description, fingerprint: str) -> None:
    """Raises WeightsError for a file that was learnt with another built-in estimator than that of `fingerprint`."""
    if said.base != fingerprint:
        raise WeightsError(
            f"{path.name} was learnt with another version of the built-in estimator, whose numbers it reads; run "
            "'evanyseg adapt' again on the same references."
        )
