"""The demo's volume: the MNI152 T1 brain template that nilearn ships, with structures cut from its tissue maps.

The tissue maps are the reference: they let the demo print true Dice beside predicted Dice. No download happens.
Source: Fonov et al., Unbiased average age-appropriate atlases for pediatric studies, NeuroImage 2011 (ICBM 2009a).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..scene.headless.sample_volume import template_files


@dataclass(frozen=True)
class Template:
    """t1 uint8 [K, J, I] with the path of its file; structures: name -> bool [K, J, I] on the same grid."""

    path: Path
    t1: np.ndarray
    structures: dict[str, np.ndarray]


def load_template() -> Template:
    """Read the template and cut its structures (about 2 s)."""
    import SimpleITK as sitk

    files = template_files()
    t1, gray, white = (sitk.GetArrayFromImage(sitk.ReadImage(str(files[k]))) for k in ("t1", "gm", "wm"))
    return Template(files["t1"], t1, cut_structures(t1, gray / max(gray.max(), 1), white / max(white.max(), 1)))


def cut_structures(t1: np.ndarray, gray: np.ndarray, white: np.ndarray) -> dict[str, np.ndarray]:
    """Structures of a symmetric head from its T1 and tissue probabilities, each bool [K, J, I]; I runs right to left.

    Ventricles: the largest compact component of brain - grey - white, deep inside the brain. Cerebellar white matter:
    the two compact white components of the lowest third. Hemispheric white matter: what is left, cut at the midline.
    """
    from scipy import ndimage as ndi

    brain = ndi.binary_fill_holes(t1 > 0)
    deep = ndi.binary_erosion(brain, iterations=12)
    fluid = deep & (gray < 0.5) & (white < 0.5)
    # opened first: thin cisterns touch the ventricles
    ventricles = _grow(_largest(ndi.binary_erosion(fluid))[0], fluid, 2)

    solid = white > 0.5
    low = np.zeros_like(solid)
    low[: t1.shape[0] // 3] = True
    cores = ndi.binary_erosion(solid, iterations=3) & low
    sides = [c for c in _largest(cores, 8) if abs(_middle(c)[2] - t1.shape[2] / 2) > 10][:2]
    cerebellum = _grow(sides[0] | sides[1], solid & low, 4)

    hemispheres = solid & ~ndi.binary_dilation(cerebellum, iterations=2)
    hemispheres[: t1.shape[0] // 3] = False
    left, right = hemispheres.copy(), hemispheres.copy()
    middle = t1.shape[2] // 2
    left[..., :middle] = False
    right[..., middle:] = False
    return {
        "Lateral ventricles": ventricles,
        "Cerebellar white matter": cerebellum,
        "White matter, one hemisphere": left if left.sum() >= right.sum() else right,
        "Whole brain": brain,
    }


def _largest(mask: np.ndarray, count: int = 1) -> list[np.ndarray]:
    """The largest connected components of a mask, largest first."""
    from scipy import ndimage as ndi

    labels, found = ndi.label(mask)
    sizes = np.bincount(labels.ravel())[1:]
    return [labels == 1 + i for i in np.argsort(sizes)[::-1][: min(count, found)]]


def _grow(core: np.ndarray, within: np.ndarray, steps: int) -> np.ndarray:
    from scipy import ndimage as ndi

    return ndi.binary_dilation(core, iterations=steps, mask=within)


def _middle(mask: np.ndarray) -> np.ndarray:
    return np.argwhere(mask).mean(axis=0)
