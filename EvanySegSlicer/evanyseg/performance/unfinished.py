"""Parts of a long run: each is on disk as soon as it is made, so that a stopped run loses nothing.

A part is known by a hash of all it is made of, never by its place in the run: a part made of something else is not
found, and made anew.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import numpy as np

from ..errors import OutputError
from ..io.write import atomic_path

Arrays = dict[str, np.ndarray]
FORMAT = 2
"""Of the parts; another one makes them anew."""


class Parts:
    """Use as a context: parts stay in `folder` when it ends badly, and go with the folder when it ends well.

    folder None: nothing is kept. run: what all parts are made with, in words. `taken`: parts that an earlier run has
    made. Raises OutputError when there are some and `resume` is False.
    """

    def __init__(self, folder: Path | None = None, run: str = "", resume: bool = False) -> None:
        self.folder, self.taken = folder, 0
        self._run = f"{FORMAT};{run};".encode("utf-8", "backslashreplace")
        found = len(list(folder.glob("*.npz"))) if folder is not None else 0
        if found and not resume:
            raise OutputError(
                f"{folder} holds {found} finished parts of a run that was stopped: go on with --resume, or delete that "
                "folder to start again."
            )

    def get(self, made_of: bytes, make: Callable[[], Arrays]) -> Arrays:
        """The part that is made of this, from an earlier run or now. Raises OutputError."""
        if self.folder is None:
            return make()
        path = self.folder / f"{hashlib.sha256(self._run + made_of).hexdigest()[:32]}.npz"
        if path.is_file():
            try:
                with np.load(path, allow_pickle=False) as file:
                    found = {name: file[name] for name in file.files}
            except (OSError, ValueError, zipfile.BadZipFile):
                path.unlink()  # damaged by others than this program, which writes whole files: made again
            else:
                self.taken += 1
                return found
        made = make()
        with atomic_path(path) as part, part.open("wb") as out:
            np.savez(out, allow_pickle=False, **made)
        return made

    def __enter__(self) -> Parts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.folder is None or not self.folder.is_dir():
            return
        if error is None:
            shutil.rmtree(self.folder)
            return
        kept = len(list(self.folder.glob("*.npz")))
        error.add_note(f"{kept} finished parts are kept in {self.folder}; --resume goes on from there.")


def digest(*arrays: np.ndarray) -> bytes:
    """Of the arrays' shapes and values."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype}{array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.digest()


def state_of(path: Path) -> str:
    """What tells that a file has changed; of a missing one its name alone."""
    try:
        found = path.stat()
    except OSError:
        return str(path)
    return f"{path}|{found.st_size}|{found.st_mtime_ns}"
