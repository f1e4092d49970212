"""Class names as vectors. No text model is needed to ask for one: a name that is not in the table is answered with the
nearest one by spelling."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ...errors import UnknownClassError, WeightsError

LEAST_ALIKE = 0.35
"""Names less alike than this to every name of the table are refused."""
SAME = {
    "tumour": "tumor", "grey": "gray", "haemorrhage": "hemorrhage", "haemorrhages": "hemorrhage",
    "ischaemic": "ischemic", "vessels": "vessel",
    "oesophagus": "esophagus", "oedema": "edema", "perihaematomal": "perihematomal", "peritumoural": "peritumoral",
    "caecum": "cecum", "foetal": "fetal", "nuclei": "nucleus", "lesions": "lesion", "glands": "gland",
}  # fmt: skip


@dataclass(frozen=True)
class FoundClass:
    """The name of the table that stands for an asked one, how alike the two are (1: the same), and its vector."""

    name: str
    alike: float
    vector: np.ndarray


class ClassTable:
    """Names with vectors float32 [N, D] of length 1."""

    def __init__(self, names: Iterable[str], vectors: np.ndarray) -> None:
        self.names = tuple(names)
        vectors = np.asarray(vectors, np.float32)
        if vectors.ndim != 2 or len(vectors) != len(self.names) or not len(self.names):
            raise WeightsError(f"A table of class names needs one vector a name, not {vectors.shape} for its names.")
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(vectors).all() or (length == 0).any():
            raise WeightsError("A vector of the table of class names is zero or not finite; embed its name again.")
        self.vectors = vectors / length
        self._place = {plain(name): k for k, name in reversed(list(enumerate(self.names)))}
        self._grams = [grams(name) for name in self._place]

    def __len__(self) -> int:
        return len(self.names)

    def find(self, name: str) -> FoundClass:
        """The entry of a name: case, `_`, British spelling and order of words do not matter; else the nearest by
        spelling. Raises UnknownClassError where nothing is near."""
        wanted = plain(name)
        if wanted in self._place:
            at = self._place[wanted]
            return FoundClass(self.names[at], 1.0, self.vectors[at])
        asked = grams(name)
        alike = np.array([similarity(asked, known) for known in self._grams])
        best = int(alike.argmax())
        at = list(self._place.values())[best]
        if alike[best] < LEAST_ALIKE:
            raise UnknownClassError(
                f"'{name}' is like none of the {len(self)} class names (the nearest: {self.names[at]}); use another "
                "word for it, or bring a table of your own."
            )
        return FoundClass(self.names[at], float(alike[best]), self.vectors[at])

    def vectors_of(self, names: Iterable[str]) -> np.ndarray:
        """float32 [n, D] of names. Raises UnknownClassError."""
        return np.stack([self.find(name).vector for name in names])


def plain(name: str) -> str:
    """Lower-case words in one order and spelling: 'Kidney_left' and 'left kidney' are the same."""
    words = re.findall(r"[a-z]+|\d+", name.lower())
    return " ".join(sorted(SAME.get(word, word) for word in words))


def grams(name: str) -> Counter[str]:
    """How often each run of three letters of the words is there, with the words' ends."""
    found: Counter[str] = Counter()
    for word in plain(name).split():
        text = f" {word} "
        found.update(text[k : k + 3] for k in range(len(text) - 2))
    return found


def similarity(one: Counter[str], other: Counter[str]) -> float:
    """Cosine of two counts, 0 to 1."""
    shared = sum(count * other[gram] for gram, count in one.items())
    size = (sum(c * c for c in one.values()) * sum(c * c for c in other.values())) ** 0.5
    return shared / size if size else 0.0
