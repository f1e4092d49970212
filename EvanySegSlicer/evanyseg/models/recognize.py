"""What a weight file is, told from its wrapper, its keys and its shapes; where those do not tell, from its name."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UnknownModelError, WeightsError
from ..weights.labels import is_label_embeddings
from ..weights.safe_load import KIND, MODEL, Checkpoint, read_arrays, read_checkpoint, read_pickle
from .spec import ModelSpec, Shapes

log = logging.getLogger("evanyseg.weights")
KindsAndSpecs = Iterable[tuple[str, ModelSpec[Any]]]

LABELS_NAME = "quality-sentinel-labels"


@dataclass(frozen=True)
class Recognized:
    """`name` of the registered model, `kind` 'segmenter', 'estimator' or 'labels'; `assumed`: what was taken from the
    file's name because its content cannot tell, in words for the user, '' when it could; `alternatives`: the other
    models whose files have the same content."""

    name: str
    kind: str
    assumed: str = ""
    alternatives: tuple[str, ...] = ()


def recognize(path: Path, specs: KindsAndSpecs) -> Recognized:
    """`specs`: the models that are known (`models.specs_by_kind()`).

    Raises WeightsError when the file cannot be read, UnknownModelError when no loader knows it."""
    stated = _stated(path)
    if stated is not None:
        return stated
    try:
        checkpoint = read_checkpoint(path)
    except WeightsError:
        if path.is_file() and path.suffix == ".pkl" and is_label_embeddings(read_pickle(path)):
            return Recognized(LABELS_NAME, "labels")
        raise
    return _own(path, checkpoint) or _recognize_checkpoint(checkpoint, path.name, specs)


def name_as(kind: str, path: Path, specs: KindsAndSpecs) -> str:
    """The name of the model of one kind that a file holds; what was assumed is logged. Raises WeightsError for a file
    of the other kind."""
    found = recognize(path, specs)
    if found.kind != kind:
        raise WeightsError(f"{path.name} is a file of {found.name}, which is no {kind} but a {found.kind}.")
    if found.assumed:
        log.warning("%s: %s", path.name, found.assumed)
    return found.name


def recognize_shapes(shapes: Shapes, specs: KindsAndSpecs, filename: str = "", wrapper: str = "") -> Recognized | None:
    """The same from tensor shapes by key; None when nothing fits. `wrapper`: the key that the tensors lay under."""
    fitting = [(kind, spec) for kind, spec in specs if spec.fingerprint is not None and spec.fingerprint(shapes)]
    if not fitting:
        return None
    if len(fitting) == 1:
        kind, spec = fitting[0]
        return Recognized(spec.name, kind)
    return _by_name(fitting, filename.lower(), wrapper)


def _by_name(fitting: list[tuple[str, ModelSpec[Any]]], filename: str, wrapper: str) -> Recognized:
    """Several models have files of this content: the most telling name counts, then whose trainer wraps its files."""
    told = [(kind, spec) for kind, spec in fitting if spec.hints and all(word in filename for word in spec.hints)]
    others = lambda chosen: tuple(spec.name for _, spec in fitting if spec.name != chosen.name)
    first = fitting[0][1]
    if told:
        most = max(len(spec.hints) for _, spec in told)
        kind, spec = [pair for pair in told if len(pair[1].hints) == most][-1]  # "medsam_vit_b" has "sam_vit_b" in it
        said = f"taken for {spec.title} because of its name"
        return Recognized(spec.name, kind, said + _unless(spec, fitting, filename), others(spec))
    trained = [(kind, spec) for kind, spec in fitting if spec.trainer_files]
    if wrapper and trained:
        kind, spec = trained[0]
        said = (
            f"taken for {spec.title} because it is a trainer's file ({first.title}'s own are not wrapped); "
            f"for {first.title} use `evanyseg models import FILE --as {first.name}`"
        )
        return Recognized(spec.name, kind, said, others(spec))
    kind, spec = fitting[0]
    said = f"taken for {spec.title} for want of a telling name" + _unless(spec, fitting, filename)
    return Recognized(spec.name, kind, said, others(spec))


def _unless(chosen: ModelSpec[Any], fitting: list[tuple[str, ModelSpec[Any]]], filename: str) -> str:
    """For the first of several: how to say that it is another one. Who named the file after another one knows."""
    if chosen.name != fitting[0][1].name:
        return ""
    other = fitting[1][1]
    place = f"rename it to {other.weights.filename} or " if other.weights else ""
    return (
        f"; {other.title} has the same keys: if it is {other.title}, {place}use `evanyseg models import FILE --as "
        f"{other.name}`"
    )


def _stated(path: Path) -> Recognized | None:
    """What a safetensors file says of itself, read without torch."""
    if path.suffix != ".safetensors" or not path.is_file():
        return None
    _, metadata = read_arrays(path)
    name = metadata.get(MODEL, "")
    return Recognized(name, metadata.get(KIND, "estimator")) if name else None


def _own(path: Path, checkpoint: Checkpoint) -> Recognized | None:
    """Files of this project's own training: the segmenter tells its architecture inside, the estimator beside."""
    if "architecture" in checkpoint.metadata and MODEL not in checkpoint.metadata:
        return Recognized("builtin", "segmenter")
    try:
        beside = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if path.suffix == ".safetensors" and isinstance(beside, dict) and {"format", "config", "factors"} <= set(beside):
        return Recognized("builtin", "estimator")
    return None


def _recognize_checkpoint(checkpoint: Checkpoint, filename: str, specs: KindsAndSpecs) -> Recognized:
    shapes = {key: tuple(tensor.shape) for key, tensor in checkpoint.state.items()}
    found = recognize_shapes(shapes, specs, filename, checkpoint.wrapper)
    if found is None:
        some = ", ".join(list(shapes)[:4])
        raise UnknownModelError(
            f"{filename} is no model that EvanySeg knows ({len(shapes)} tensors: {some}, ...); `evanyseg models list` "
            "shows the known ones."
        )
    return found
