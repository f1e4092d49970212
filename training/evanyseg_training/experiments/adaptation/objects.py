"""The objects of a data collection whose truth is known, with the masks that somebody's network made of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import cv2
import numpy as np

from evanyseg.geometry.box_jitter import moved
from evanyseg.overlap import dice
from evanyseg.pipeline.intensity import default_preset
from evanyseg.prompts import BoxPrompt

from ...candidates.corruption import ObjectPatch, corrupted
from ...data.prepare import load_image, load_labels, select_values, without_lines
from ...data.readers import Record
from ...evaluation.baselines.masks import ellipse_mask, grabcut_mask, otsu_mask
from ...evaluation.comparison.model import ComparisonSegmenter

LEAST_SIDE = 6
PATCH_SIDE = 144
JITTER = 0.06
WORST_USEFUL = 0.02
"""Predictions that miss the object altogether say nothing about the estimator: no network's answer to this prompt."""


@dataclass(frozen=True)
class KnownObject:
    """image uint8 [H, W, 3], truth bool [H, W], predictions: masks by one real network; whole: masks of every kind are
    made of it."""

    set: str
    source: str
    subject: str
    image: np.ndarray
    truth: np.ndarray
    predictions: tuple[np.ndarray, ...]
    whole: bool = True


@dataclass(frozen=True)
class Subjects:
    """most: subjects of which one object has masks of every kind; images: objects in all, at most `each` of a subject,
    the first objects of all subjects before the second ones."""

    most: int
    images: int
    each: int = 1


def known_objects(records: Sequence[Record], wanted: Subjects, seed: int = 0) -> Iterator[KnownObject]:
    """Whole objects of one label of 2D images, in an order drawn from `seed`: the label that most people have (the
    first of several), as references are kept by label. Of several networks' predictions those of the one that most
    subjects have (the last of several: the best trained). People's outlines are no predictions."""
    rng = np.random.default_rng(seed)
    planar = [r for r in records if not r.is_3d and not r.prediction_source.startswith("human rater")]
    planar = _commonest_label(planar)
    network = _commonest_network(planar)
    key = lambda r: (r.subject, str(r.image), str(r.mask), r.mask_value)
    objects = {k: list(rows) for k, rows in groupby(sorted(planar, key=key), key)}
    subjects = rng.permutation(sorted({k[0] for k in objects})).tolist()
    of_subject = {s: [k for k in objects if k[0] == s] for s in subjects}
    queues = {s: [keys[int(at)] for at in rng.permutation(len(keys))] for s, keys in of_subject.items()}
    found = 0
    for turn in range(wanted.each):
        for number, subject in enumerate(subjects):
            made = None
            while made is None and queues[subject] and found < wanted.images:
                made = _object(objects[queues[subject].pop(0)], network, turn == 0 and number < wanted.most)
            if made is not None:
                found += 1
                yield made


def _commonest_label(records: list[Record]) -> list[Record]:
    """The records of the label (and mask value) that most subjects have; the first of several in the table's order."""
    subjects: dict[tuple[str, str], set[str]] = {}
    for record in records:
        subjects.setdefault((record.label, record.mask_value), set()).add(record.subject)
    if not subjects:
        return []
    chosen = max(subjects, key=lambda label: len(subjects[label]))
    return [r for r in records if (r.label, r.mask_value) == chosen]


def _commonest_network(records: list[Record]) -> str:
    """The network whose predictions most subjects have; of several the last by name, numbers counted as such."""
    subjects: dict[str, set[str]] = {}
    for record in records:
        if record.prediction is not None:
            subjects.setdefault(record.prediction_source, set()).add(record.subject)
    number = lambda name: [int(part) for part in re.findall(r"\d+", name)]
    return max(subjects, key=lambda name: (len(subjects[name]), number(name), name), default="")


def _object(rows: list[Record], network: str, whole: bool) -> KnownObject | None:
    first = rows[0]
    truth = select_values(without_lines(load_labels(first.mask)), first.mask_value)
    box = BoxPrompt.of_mask(truth)
    if box is None or min(box.width, box.height) < LEAST_SIDE:
        return None
    image = shown(load_image(first.image))
    if image.shape[:2] != truth.shape:
        return None
    predictions = []
    for row in rows:
        if row.prediction is not None and row.prediction_source == network:
            mask = select_values(load_labels(row.prediction), row.mask_value)
            if mask.shape == truth.shape and dice(mask, truth) > WORST_USEFUL:
                predictions.append(mask)
    return KnownObject(first.set, first.source, first.subject, image, truth, tuple(predictions[:1]), whole)


def shown(pixels: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] of pixels [H, W, 1 or 3] as models see them; colors that are all gray count as gray."""
    gray = pixels[..., 0]
    if pixels.shape[2] == 3 and not all(np.array_equal(gray, pixels[..., c]) for c in (1, 2)):
        gray = pixels
    return default_preset(gray, gray.ndim == 3).fit(gray).apply(gray)


def drawn_box(truth: np.ndarray, rng: np.random.Generator) -> BoxPrompt:
    """The true mask's box as a person draws it: each side a little off, mostly outward."""
    tight = BoxPrompt.of_mask(truth)
    assert tight is not None
    return moved(tight, truth.shape, rng.normal(0.01, JITTER, 4) * (-1, -1, 1, 1))


def flat_masks(
    one: KnownObject, box: BoxPrompt, rng: np.random.Generator, errors: int = 5
) -> list[tuple[np.ndarray, str]]:
    """Masks of many kinds for a flat list: training's synthetic errors and classical segmenters.

    None of them is made by the code that makes the references' own synthetic errors (`evanyseg.adaptation.synthetic`).
    """
    found = [(mask, "synthetic error") for mask in _errors(one, errors, rng)]
    for make, name in ((ellipse_mask, "ellipse"), (otsu_mask, "otsu"), (grabcut_mask, "grabcut")):
        found.append((make(one.image, box), name))
    return [(mask, kind) for mask, kind in found if mask.any()]


def pool_masks(
    one: KnownObject, box: BoxPrompt, comparison: Sequence[ComparisonSegmenter]
) -> list[tuple[np.ndarray, str]]:
    """The comparison networks' answers to the box: the last checkpoint of each."""
    last = {network.config.name: network for network in comparison}
    made = [(network.segment(one.image, [box])[0], name) for name, network in last.items()]
    return [(mask, name) for mask, name in made if mask.any()]


def _errors(one: KnownObject, count: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    tight = BoxPrompt.of_mask(one.truth)
    assert tight is not None
    reach = 0.7 * max(tight.width, tight.height) + 8
    height, width = one.truth.shape
    rows = slice(max(int(tight.y0 - reach), 0), min(int(tight.y1 + reach), height))
    cols = slice(max(int(tight.x0 - reach), 0), min(int(tight.x1 + reach), width))
    part, gray = one.truth[rows, cols], one.image[rows, cols].mean(axis=2).astype(np.float32) / 255
    scale = min(1.0, PATCH_SIDE / max(part.shape))
    size = (max(round(part.shape[1] * scale), 4), max(round(part.shape[0] * scale), 4))
    small = cv2.resize(part.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5
    if not small.any():
        return
    patch = ObjectPatch(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), small)
    for target in (rng.permutation(count) + rng.uniform(0, 1, count)) / count:
        mask, _, _ = corrupted(patch, float(target), rng)
        changed = cv2.resize((mask ^ small).astype(np.float32), part.shape[::-1], interpolation=cv2.INTER_LINEAR) >= 0.5
        out = one.truth.copy()
        out[rows, cols] ^= changed
        yield out
