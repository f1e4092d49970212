"""The candidate store: masks of known quality, beside the data store they belong to.

A folder of parts, each written by one run: `NAME.parquet` (columns `COLUMNS`) and `NAME.bin` (the bits of each mask's
tight box, packed). Parts are added, never changed, so that corrupted masks, stored predictions and the masks of
segmenters can be made at different times. Dice, HD95 and NSD are against the true object `row` of the data store, on
the FULL image."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from evanyseg.io.write import atomic_path
from evanyseg.metrics.surface import surface_scores
from evanyseg.prompts import BoxPrompt

from ..data.former_names import with_current_names
from ..data.packing import PixelBox, packed, unpacked
from ..errors import CandidateError

if TYPE_CHECKING:
    import pandas as pd

    from ..data.store import Store

COLUMNS = (
    "row", "image_id", "set", "source", "subject", "split", "use", "mask_source", "mask_method", "dice", "hd95", "nsd",
    "x0", "y0", "x1", "y1", "qx0", "qy0", "qx1", "qy1", "predicted_iou", "stability", "offset",
)  # fmt: skip
PROMPT = ("qx0", "qy0", "qx1", "qy1")
"""x0..y1: the mask's tight box (0 when empty); qx0..qy1: the box it was prompted with (NaN: none). `mask_source`:
corruption,
classical, stored, annotator or segmenter; `mask_method`: the kind of corruption, the method, or the model."""


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
            raise CandidateError(f"{self.folder} already has a part '{self.name}'; name another or remove it.")
        self._bits = (self.folder / f"{self.name}.bin.part").open("wb")

    def add(
        self,
        store_row: dict[str, Any],
        truth: np.ndarray,
        mask: np.ndarray,
        mask_source: str,
        mask_method: str,
        box: BoxPrompt | None = None,
        predicted_iou: float = float("nan"),
        stability: float = float("nan"),
    ) -> float:
        """Measure and store one mask (bool [H, W], like `truth`); its Dice. `store_row`: the object's manifest row."""
        assert self._bits is not None
        mask_box, bits = packed(mask)
        scores = surface_scores(mask, truth)
        prompt = box.as_tuple() if box else (float("nan"),) * 4
        shared = {n: store_row[n] for n in ("row", "image_id", "set", "source", "subject", "split", "use")}
        self.rows.append(
            shared
            | {
                "mask_source": mask_source,
                "mask_method": mask_method,
                "dice": scores.dice,
                "hd95": scores.hd95,
                "nsd": scores.nsd,
            }
            | {**mask_box._asdict(), "offset": self._bits.tell()}
            | dict(zip(PROMPT, prompt, strict=True))
            | {"predicted_iou": predicted_iou, "stability": stability}
        )
        self._bits.write(bits)
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

    `prompts` [N, 4]: boxes to take instead of those that the masks were made with (NaN: none). Raises CandidateError
    when there is no part.
    """

    def __init__(
        self, folder: Path | str, store: Store, parts: Sequence[str] | None = None, prompts: np.ndarray | None = None
    ) -> None:
        self.folder, self.store, self._given_prompts = Path(folder), store, prompts
        found = sorted(p.stem for p in self.folder.glob("*.parquet"))
        self.parts = [p for p in found if parts is None or p in parts]
        if not self.parts:
            raise CandidateError(f"{self.folder} has no candidates; run candidates first.")

    def __getstate__(self) -> dict[str, Any]:
        kept = ("folder", "store", "parts", "_given_prompts")
        return {name: self.__dict__[name] for name in kept}

    def __len__(self) -> int:
        return len(self.table)

    @cached_property
    def table(self) -> pd.DataFrame:
        """All candidates; index 0..N-1; `part` numbers the file."""
        import pandas as pd

        frames = [pd.read_parquet(self.folder / f"{p}.parquet").assign(part=i) for i, p in enumerate(self.parts)]
        table = pd.concat([with_current_names(frame) for frame in frames], ignore_index=True)
        if self._given_prompts is not None:
            table[list(PROMPT)] = self._given_prompts
        return table

    @cached_property
    def prompts(self) -> np.ndarray:
        """[N, 4]: x0, y0, x1, y1 of the box that each mask was prompted with; NaN without one."""
        return self.table[list(PROMPT)].to_numpy(float)

    def with_prompts(self, prompts: np.ndarray) -> CandidateStore:
        """The same candidates with other prompt boxes [N, 4]."""
        return CandidateStore(self.folder, self.store, self.parts, prompts)

    @cached_property
    def _layout(self) -> np.ndarray:
        return self.table[["part", "image_id", "offset", "x0", "y0", "x1", "y1"]].to_numpy(np.int64)

    @cached_property
    def _bits(self) -> list[np.ndarray]:
        files = [self.folder / f"{p}.bin" for p in self.parts]
        return [np.memmap(f, np.uint8, "r") if f.stat().st_size else np.zeros(0, np.uint8) for f in files]

    def mask(self, index: int) -> np.ndarray:
        """bool [H, W]."""
        part, image_id, offset, *corners = (int(v) for v in self._layout[index])
        return unpacked(self._bits[part][offset:], PixelBox(*corners), self.store.shape(image_id))

    def mask_box(self, index: int) -> BoxPrompt | None:
        """Tight box of the mask; None when it is empty."""
        _, _, _, *corners = (int(v) for v in self._layout[index])
        return PixelBox(*corners).prompt()

    def prompt(self, index: int) -> BoxPrompt | None:
        """The box that the mask was prompted with; None without one."""
        corners = self.prompts[index]
        return BoxPrompt(*(float(v) for v in corners)) if np.isfinite(corners).all() else None
