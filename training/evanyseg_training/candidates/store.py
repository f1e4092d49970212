"""The candidate store: masks of known quality, beside the data store they belong to.

A folder of parts, each written by one run: `NAME.parquet` (columns `COLUMNS`) and `NAME.bin` (the bits of each mask's
tight box, packed). Parts are added, never changed, so that damage, stored predictions and the masks of segmenters can
be made at different times. Dice, HD95 and NSD are against the true object `row` of the data store, on the FULL image.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from evanyseg.io.write import atomic_path
from evanyseg.prompts import BoxPrompt

from ..data.manifest import ManifestError
from ..metrics.surface import surface_scores

if TYPE_CHECKING:
    import pandas as pd

    from ..data.store import Store

COLUMNS = (
    "row", "image_id", "set", "source", "subject", "split", "use", "maker", "family", "dice", "hd95", "nsd",
    "x0", "y0", "x1", "y1", "qx0", "qy0", "qx1", "qy1", "predicted_iou", "stability", "offset",
)  # fmt: skip
"""x0..y1: the mask's tight box (0 when empty); qx0..qy1: the box it was prompted with (NaN: none). `maker`: damage,
classical, stored, people or segmenter; `family`: the kind of damage, the method, or the model."""


@dataclass
class CandidateWriter:
    """Writes one part; it appears in the folder when `close` is called."""

    folder: Path
    name: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    _bits: IO[bytes] | None = None

    def __post_init__(self) -> None:
        self.folder = Path(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / f"{self.name}.parquet").exists():
            raise ManifestError(f"{self.folder} already has a part '{self.name}'; name another or remove it.")
        self._bits = (self.folder / f"{self.name}.bin.part").open("wb")

    def add(
        self,
        store_row: dict[str, Any],
        truth: np.ndarray,
        mask: np.ndarray,
        maker: str,
        family: str,
        box: BoxPrompt | None = None,
        predicted_iou: float = float("nan"),
        stability: float = float("nan"),
    ) -> float:
        """Measure and store one mask (bool [H, W], like `truth`); its Dice. `store_row`: the object's manifest row."""
        assert self._bits is not None
        own = BoxPrompt.of_mask(mask)
        x0, y0, x1, y1 = (int(v) for v in own.as_tuple()) if own else (0, 0, 0, 0)
        scores = surface_scores(mask, truth)
        prompt = box.as_tuple() if box else (float("nan"),) * 4
        shared = {n: store_row[n] for n in ("row", "image_id", "set", "source", "subject", "split", "use")}
        self.rows.append(
            shared
            | {"maker": maker, "family": family, "dice": scores.dice, "hd95": scores.hd95, "nsd": scores.nsd}
            | {"x0": x0, "y0": y0, "x1": x1, "y1": y1, "offset": self._bits.tell()}
            | dict(zip(("qx0", "qy0", "qx1", "qy1"), prompt, strict=True))
            | {"predicted_iou": predicted_iou, "stability": stability}
        )
        self._bits.write(np.packbits(mask[y0:y1, x0:x1]).tobytes())
        return scores.dice

    def close(self) -> None:
        import pandas as pd

        assert self._bits is not None
        self._bits.close()
        os.replace(self.folder / f"{self.name}.bin.part", self.folder / f"{self.name}.bin")
        with atomic_path(self.folder / f"{self.name}.parquet") as partial:
            pd.DataFrame(self.rows, columns=list(COLUMNS)).to_parquet(partial)


class CandidateStore:
    """Read access to all parts of a folder (or to the named ones). Cheap to pickle.

    Raises ManifestError when there is no part.
    """

    def __init__(self, folder: Path | str, store: Store, parts: Sequence[str] | None = None) -> None:
        self.folder, self.store = Path(folder), store
        found = sorted(p.stem for p in self.folder.glob("*.parquet"))
        self.parts = [p for p in found if parts is None or p in parts]
        if not self.parts:
            raise ManifestError(f"{self.folder} has no candidates; run candidates first.")

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "store": self.store, "parts": self.parts}

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def table(self) -> pd.DataFrame:
        """All candidates; index 0..N-1; `part` numbers the file."""
        import pandas as pd

        frames = [pd.read_parquet(self.folder / f"{p}.parquet").assign(part=i) for i, p in enumerate(self.parts)]
        return pd.concat(frames, ignore_index=True)

    @cached_property
    def _layout(self) -> np.ndarray:
        return self.table[["part", "image_id", "x0", "y0", "x1", "y1", "offset"]].to_numpy(np.int64)

    @cached_property
    def _bits(self) -> list[np.ndarray]:
        files = [self.folder / f"{p}.bin" for p in self.parts]
        return [np.memmap(f, np.uint8, "r") if f.stat().st_size else np.zeros(0, np.uint8) for f in files]

    def mask(self, index: int) -> np.ndarray:
        """bool [H, W]."""
        part, image_id, x0, y0, x1, y1, offset = (int(v) for v in self._layout[index])
        out = np.zeros(self.store.shape(image_id), bool)
        size = (y1 - y0) * (x1 - x0)
        if size:
            bits = np.unpackbits(self._bits[part][offset : offset + (size + 7) // 8], count=size)
            out[y0:y1, x0:x1] = bits.reshape(y1 - y0, x1 - x0)
        return out

    def own_box(self, index: int) -> BoxPrompt | None:
        """Tight box of the mask; None when it is empty."""
        x0, y0, x1, y1 = (float(v) for v in self._layout[index][2:6])
        return BoxPrompt(x0, y0, x1, y1) if x1 > x0 else None
