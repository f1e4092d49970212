"""Quality Sentinel's label embeddings and the organ names they belong to (the labels of the DAP Atlas)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import EvanySegError, WeightsError
from .safe_load import read_pickle

if TYPE_CHECKING:
    from torch import Tensor

EMBEDDING_SIZE = 512
_SIDED = ("left", "right")


def _pairs(names: str) -> list[str]:
    return [f"{name} {side}" for name in names.split(",") for side in _SIDED]


ORGANS: tuple[str, ...] = (
    "background",
    "left to annotate",
    *[
        "muscles",
        "fat",
        "abdominal tissue",
        "mediastinal tissue",
        "esophagus",
        "stomach",
        "small bowel",
        "duodenum",
        "colon",
        "rectum",
    ],
    *[
        "gallbladder",
        "liver",
        "pancreas",
        "kidney left",
        "kidney right",
        "bladder",
        "gonads",
        "prostate",
        "uterocervix",
        "uterus",
    ],
    *["breast left", "breast right", "spinal canal", "brain", "spleen"],
    *_pairs("adrenal gland,thyroid"),
    "thymus",
    *_pairs("gluteus maximus,gluteus medius,gluteus minimus,iliopsoas,autochthon"),
    "skin",
    *(f"vertebrae C{i}" for i in range(1, 8)),
    *(f"vertebrae T{i}" for i in range(1, 13)),
    *(f"vertebrae L{i}" for i in range(1, 6)),
    *_pairs(",".join(f"costa {i}" for i in range(1, 13))),
    "rib cartilage",
    "sternum",
    *_pairs("clavicle,scapula,humerus"),
    "skull",
    *_pairs("hip"),
    "sacrum",
    *_pairs("femur"),
    *["heart", "heart atrium left", "heart tissue", "heart atrium right", "heart myocardium"],
    *_pairs("heart ventricle,iliac artery"),
    "aorta",
    *_pairs("iliac vena"),
    *[
        "inferior vena cava",
        "portal vein and splenic vein",
        "celiac trunk",
        "lung lower lobe left",
        "lung upper lobe left",
    ],
    *[
        "lung lower lobe right",
        "lung middle lobe right",
        "lung upper lobe right",
        "bronchie",
        "trachea",
        "pulmonary artery",
    ],
    *_pairs("cheek,eyeball"),
    *["nasal cavity", "artery common carotid right", "artery common carotid left", "sternum manubrium"],
    *["artery internal carotid right", "artery internal carotid left", "internal jugular vein right"],
    *[
        "internal jugular vein left",
        "artery brachiocephalic",
        "vein brachiocephalic right",
        "vein brachiocephalic left",
    ],
    *["artery subclavian right", "artery subclavian left"],
)
"""Index = key of the embedding; 0 and 1 are no organs."""

SYNONYMS = {
    "urinary bladder": "bladder",
    "oesophagus": "esophagus",
    "left kidney": "kidney left",
    "right kidney": "kidney right",
    "small intestine": "small bowel",
    "bronchi": "bronchie",
}


def organ_key(name: str) -> int:
    """Key of an organ: case, '_' and '-' do not matter; sides may come first; 'rib left 3' is 'costa 3 left'.

    Raises EvanySegError with the nearest names."""
    wanted = re.sub(r"[\s_-]+", " ", name.strip().lower())
    wanted = SYNONYMS.get(wanted, wanted)
    wanted = re.sub(r"^(left|right) (.+)$", r"\2 \1", wanted)
    wanted = re.sub(r"^rib (left|right) (\d+)$", r"costa \2 \1", wanted)
    wanted = re.sub(r"^rib (\d+) (left|right)$", r"costa \1 \2", wanted)
    wanted = wanted.replace("clavicula", "clavicle")
    known = {organ.lower(): key for key, organ in enumerate(ORGANS) if key > 1}
    if wanted in known:
        return known[wanted]
    near = difflib.get_close_matches(wanted, known, n=3)
    hint = f" Near: {', '.join(near)}." if near else ""
    raise EvanySegError(
        f"Quality Sentinel knows no organ '{name}'.{hint} It knows {len(known)}, such as liver, spleen, aorta."
    )


def is_label_embeddings(content: Any) -> bool:
    """Whether an unpickled object is a dict of organ key -> float [1, 512]."""
    import torch

    return (
        isinstance(content, Mapping)
        and len(content) > 0
        and all(isinstance(k, int) for k in content)
        and all(isinstance(v, torch.Tensor) and v.numel() == EMBEDDING_SIZE for v in content.values())
    )


def read_label_embeddings(path: Path) -> dict[int, Tensor]:
    """Organ key -> float32 [512]. Raises WeightsError."""
    content = read_pickle(path)
    if not is_label_embeddings(content):
        raise WeightsError(f"{path.name} does not hold Quality Sentinel's label embeddings (organ key -> 512 numbers).")
    return {int(k): v.detach().float().reshape(-1) for k, v in content.items()}
