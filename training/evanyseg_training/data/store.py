"""The store: images at native resolution, masks and a manifest, opened without reading them into memory.

Layout of a store folder:

- `images.parquet`: one row per image (columns `manifest.IMAGE_COLUMNS`): height, width, channels (1 gray, 3 color)
  and the byte `offset` of its pixels in `images.bin` (uint8, C order; longest side <= 512; gray images have been
  through the percentile preset of `evanyseg.pipeline.intensity`, color ones are as they were).
- `manifest.parquet`: one row per (image, object) (columns `manifest.ROW_COLUMNS`). `row` is its index. `kind`:
  * 'object': ground truth. `component` = a single connected component (one prompt each), `whole` = everything that has
    the label in this image. An object of one component is one row with both flags; one of n components is n component
    rows and a whole row with n_components = n. `paper` = component with both box sides >= 16 px (the paper's prompts).
  * 'prediction': somebody's mask of the object in row `reference` (a whole row). `prediction_source` names
    who made it; `human_annotator` is True for human raters. The box is the reference object's.
  `x0 y0 x1 y1`: tight half-open pixel box of the true object; `px0..py1`: box of the predicted mask (all 0 if empty).
- `masks.bin`: for each mask, the bits of its tight box, packed (numpy.packbits, C order) from `mask_offset`;
  predicted masks likewise from `prediction_offset` (-1 where there is none).
- `splits.csv`: source,subject,split, with the seed; `prepare.yaml`: the options of the run.

`Store.mask(row)` is the true object, `Store.prediction(row)` the stored prediction, `Store.image(i)` uint8 RGB.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from evanyseg.pixels import as_rgb
from evanyseg.prompts import BoxPrompt

from ..errors import StoreError
from .former_names import with_current_names
from .manifest import IMAGE_COLUMNS, ROW_COLUMNS
from .packing import PixelBox, packed, unpacked

if TYPE_CHECKING:
    import pandas as pd

FILES = ("images.parquet", "manifest.parquet", "images.bin", "masks.bin")


class Store:
    """Read access. Cheap to open and to pickle (workers map the files themselves)."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        missing = [name for name in FILES if not (self.folder / name).is_file()]
        if missing:
            raise StoreError(f"{self.folder} is not a data store: it lacks {', '.join(missing)}; run prepare first.")

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder}

    @cached_property
    def images(self) -> pd.DataFrame:
        """The image table; index = image_id."""
        import pandas as pd

        return pd.read_parquet(self.folder / "images.parquet")

    @cached_property
    def manifest(self) -> pd.DataFrame:
        """The object table; index = row."""
        import pandas as pd

        return with_current_names(pd.read_parquet(self.folder / "manifest.parquet"))

    def __len__(self) -> int:
        return len(self.manifest)

    @cached_property
    def _pixels(self) -> np.ndarray:
        return np.memmap(self.folder / "images.bin", np.uint8, "r")

    @cached_property
    def _bits(self) -> np.ndarray:
        return np.memmap(self.folder / "masks.bin", np.uint8, "r")

    @cached_property
    def _image_layout(self) -> np.ndarray:
        return self.images[["height", "width", "channels", "offset"]].to_numpy(np.int64)

    @cached_property
    def _mask_layout(self) -> np.ndarray:
        return self.manifest[["image_id", "mask_offset", "x0", "y0", "x1", "y1"]].to_numpy(np.int64)

    @cached_property
    def _prediction_layout(self) -> np.ndarray:
        return self.manifest[["image_id", "prediction_offset", "px0", "py0", "px1", "py1"]].to_numpy(np.int64)

    def shape(self, image_id: int) -> tuple[int, int]:
        """(H, W) of an image."""
        height, width = self._image_layout[image_id][:2]
        return int(height), int(width)

    def gray_or_color(self, image_id: int) -> np.ndarray:
        """uint8 [H, W, 1 or 3], a view into the file."""
        height, width, channels, offset = (int(v) for v in self._image_layout[image_id])
        return self._pixels[offset : offset + height * width * channels].reshape(height, width, channels)

    def image(self, image_id: int) -> np.ndarray:
        """uint8 [H, W, 3]."""
        return np.array(as_rgb(self.gray_or_color(image_id)))

    def mask(self, row: int) -> np.ndarray:
        """bool [H, W]: the true object of the row (of the reference, for a prediction row)."""
        return self._unpack(self._mask_layout[row])

    def prediction(self, row: int) -> np.ndarray:
        """bool [H, W]: the stored prediction. Raises StoreError for a row that has none."""
        if self.manifest.prediction_offset.iat[row] < 0:
            raise StoreError(f"Row {row} of the manifest has no stored prediction.")
        return self._unpack(self._prediction_layout[row])

    def box(self, row: int) -> BoxPrompt:
        """Tight box of the true object."""
        _, _, *corners = self._mask_layout[row]
        return BoxPrompt(*(float(v) for v in corners))

    def _unpack(self, layout: np.ndarray) -> np.ndarray:
        image_id, offset, *corners = (int(v) for v in layout)
        return unpacked(self._bits[offset:], PixelBox(*corners), self.shape(image_id))


@dataclass
class StoreWriter:
    """Writes a store beside its place and moves it there when it is complete."""

    folder: Path
    images: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    _files: dict[str, IO[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder = Path(self.folder)
        if self.folder.exists():
            raise StoreError(f"{self.folder} exists already; name a new folder or remove the old one.")
        self.partial = self.folder.with_name(self.folder.name + ".part")
        self.partial.mkdir(parents=True, exist_ok=True)
        self._files = {name: (self.partial / name).open("wb") for name in ("images.bin", "masks.bin")}

    def add_image(self, pixels: np.ndarray, **columns: Any) -> int:
        """Store uint8 [H, W, 1 or 3] and return its image_id."""
        file = self._files["images.bin"]
        height, width, channels = pixels.shape
        self.images.append(
            {"image_id": len(self.images), "height": height, "width": width, "channels": channels,
             "offset": file.tell(), **columns}
        )  # fmt: skip
        file.write(np.ascontiguousarray(pixels).tobytes())
        return len(self.images) - 1

    def add_mask(self, mask: np.ndarray) -> tuple[PixelBox, int]:
        """Store a bool [H, W] mask; its half-open box (all 0 when empty) and offset."""
        file = self._files["masks.bin"]
        offset = file.tell()
        box, bits = packed(mask)
        file.write(bits)
        return box, offset

    def add_row(self, **columns: Any) -> int:
        """A manifest row; columns that are not named get 'nothing' values. Returns its index."""
        self.rows.append(
            {"row": len(self.rows), "reference": -1, "prediction_source": "", "human_annotator": False,
             "px0": 0, "py0": 0, "px1": 0, "py1": 0, "prediction_offset": -1, **columns}
        )  # fmt: skip
        return len(self.rows) - 1

    def close(self) -> Store:
        """Write the tables and put the folder in its place."""
        import pandas as pd

        for file in self._files.values():
            file.close()
        pd.DataFrame(self.images, columns=list(IMAGE_COLUMNS)).to_parquet(self.partial / "images.parquet")
        pd.DataFrame(self.rows, columns=list(ROW_COLUMNS)).to_parquet(self.partial / "manifest.parquet")
        os.replace(self.partial, self.folder)
        return Store(self.folder)
