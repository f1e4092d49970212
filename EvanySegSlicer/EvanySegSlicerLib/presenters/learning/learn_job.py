"""The long part of learning, on the worker: keep the references, learn from all of a label, keep what was learned."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from evanyseg.adaptation import file
from evanyseg.adaptation.fit import AdaptationOptions, adapt
from evanyseg.adaptation.measured import MeasuredReferences
from evanyseg.adaptation.reference import Reference
from evanyseg.adaptation.store import CORRECTED, Place, ReferenceStore
from evanyseg.errors import ImageError
from evanyseg.protocols import Progress, ShouldCancel
from evanyseg.quality.builtin import BuiltinEstimator

from ...scene.nodes.volume_reader import VolumeSnapshot
from ...scene.review.evidence import Evidence
from .versions import SUFFIX, Version

MOST = 48
"""References learned from at a time: corrected ones first, volumes in turn."""


@dataclass(frozen=True)
class LabelEvidence:
    """What the scene says of one label: evidence, places that are evidence no longer, and the built-in scores of masks
    that nobody has decided on."""

    evidence: tuple[Evidence, ...]
    taken_back: tuple[Place, ...]
    waiting: tuple[float, ...] = ()


@dataclass(frozen=True)
class Learned:
    """version: None where it does not help yet; remarks: for the user."""

    version: Version | None
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class LearnJob:
    """Reads the snapshot and files only. base(): the built-in estimator; measured: what earlier jobs
    measured of references."""

    volume: VolumeSnapshot
    labels: Mapping[str, LabelEvidence]
    store: ReferenceStore
    base: Callable[[], BuiltinEstimator]
    options: AdaptationOptions
    measured: MeasuredReferences

    def run(self, progress: Progress, should_cancel: ShouldCancel) -> dict[str, Learned]:
        """By label. Raises CancelledError, OutputError, MissingPackageError; ImageError where no label has a slice that
        can be learned from."""
        found: dict[str, Learned] = {}
        problems: list[str] = []
        for number, (label, known) in enumerate(self.labels.items()):
            part = lambda fraction, what, done=number: progress(
                (done + fraction) / len(self.labels), f"Learning: {what}"
            )
            try:
                found[label] = self._label(label, known, part, should_cancel)
            except ImageError as error:
                problems.append(f"{label}: {error}")
        if not found:
            raise ImageError(" ".join(problems))
        return found

    def _label(self, label: str, known: LabelEvidence, progress: Progress, should_cancel: ShouldCancel) -> Learned:
        self.store.keep(label, {e.place: e.reference(self.volume) for e in known.evidence}, known.taken_back)
        kept, problems = self.store.references(label)
        references = selected(kept)
        corrected = [r for r in references if r.truth is not None]
        if not corrected:
            raise ImageError("no corrected slice can be used; correct some first.")
        digest = _digest(references)
        name = f"adapted ({label}, {len(corrected)} corrected, {digest})"
        base = self.base()
        made = adapt(references, base, self.options, name, progress, should_cancel, self.measured, known.waiting)
        path = self.store.folder_of(label) / f"learned-{digest}{SUFFIX}"
        said = file.save(path, made, references)
        volumes = len({r.subject for r in corrected})
        version = Version(name, path.name, len(corrected), volumes, said.before, said.after)
        return Learned(version if made.helps else None, (*made.remarks, *problems))


def selected(references: Sequence[Reference], most: int = MOST) -> list[Reference]:
    """At most so many: corrected before accepted ones, volumes taken in turn."""
    turn: dict[tuple[bool, str], int] = {}
    ranked = []
    for number, reference in enumerate(references):
        group = (reference.truth is None, reference.subject)
        turn[group] = turn.get(group, -1) + 1
        ranked.append((group[0], turn[group], number))
    return [references[number] for *_, number in sorted(ranked)[:most]]


def _digest(references: Sequence[Reference]) -> str:
    digest = hashlib.blake2b(digest_size=3)
    for reference in references:
        digest.update(reference.digest())
    return digest.hexdigest()


def corrected_count(labels: Mapping[str, LabelEvidence]) -> int:
    return sum(e.place.kind == CORRECTED for known in labels.values() for e in known.evidence)
