"""Data sets in a store: a layout is told from names, so that nothing but their descriptions is fetched."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from ...errors import ImageError
from ...io.remote import address, local_copy
from ...io.remote.listing import names_below
from ..case import AuditCase
from .bids import PARTICIPANTS
from .described import FILE

FETCHED = (FILE, PARTICIPANTS)
DERIVATIVES = "derivatives"


class Outline:
    """Use as a context. Folders of empty files called as those of a store are, and what the store calls them."""

    def __enter__(self) -> Outline:
        self._temporary = tempfile.TemporaryDirectory(prefix="evanyseg-outline-")
        self._bases: dict[Path, str] = {}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._temporary.cleanup()

    def of(self, path: Path) -> Path:
        """The folder that stands for the one at an address; of BIDS derivatives together with the data set that they
        lie in. Raises ImageError."""
        found = (address(path) or "").rstrip("/")
        above = found.split("/")
        within = Path(*above[-2:]) if len(above) > 4 and above[-2] == DERIVATIVES else Path()
        base = "/".join(above[:-2]) if within.parts else found
        # as deep as a data set lies in others, so that nobody looks for its parts beside it
        root = Path(self._temporary.name).resolve() / str(len(self._bases)) / "in" / "store"
        self._bases[root] = base
        try:
            for name in names_below(base):
                local = root / name
                local.parent.mkdir(parents=True, exist_ok=True)
                if name.name in FETCHED:
                    shutil.copyfile(local_copy(Path(f"{base}/{name}")), local)
                else:
                    local.touch()
        except OSError as error:
            raise ImageError(f"{found} cannot be laid out here ({error.strerror or error}).") from error
        return root / within

    def there(self, case: AuditCase) -> AuditCase:
        """The case with the addresses of its files."""
        names = self._address(case.names) if case.names else None
        return replace(case, image=self._address(case.image), mask=self._address(case.mask), names=names)

    def said(self, text: str) -> str:
        """A sentence about the outline as one about the store."""
        for root, base in self._bases.items():
            text = text.replace(str(root), base)
        return text

    def _address(self, path: Path) -> Path:
        for root, base in self._bases.items():
            if path.is_relative_to(root):
                return Path(f"{base}/{path.relative_to(root).as_posix()}")
        return path
