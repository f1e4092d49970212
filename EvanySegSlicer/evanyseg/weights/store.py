"""The folder where weights are kept, and the record of what was in each file when it came.

A file without a published hash is trusted on first use: its hash is recorded, and a later change is said. The record
also keeps size and time stamp, so that an unchanged file is not hashed again every time it is loaded.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import OutputError, WeightsError
from ..protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from .files import WeightFile
from .settings import cache_folder

log = logging.getLogger("evanyseg.weights")
RECORDS = "records.json"
CHUNK = 2**20
MARGIN = 2**26
"""Bytes that stay free on the disk beside the file itself."""


@dataclass(frozen=True)
class Verdict:
    """What `verify` found about one file: `state` 'ok', 'changed', 'differs' (from the published hash) or 'new'."""

    entry: WeightFile
    state: str
    sha256: str
    note: str


class WeightStore:
    """Weight files in one folder that is made when first written to."""

    def __init__(self, folder: Path, free_bytes: Callable[[Path], int] | None = None) -> None:
        self.folder = folder
        self._free_bytes = free_bytes or (lambda path: shutil.disk_usage(path).free)

    @classmethod
    def default(cls) -> WeightStore:
        return cls(cache_folder())

    def path(self, entry: WeightFile) -> Path:
        return self.folder / entry.filename

    def has(self, entry: WeightFile) -> bool:
        return self.path(entry).is_file()

    def present(self, entries: Iterable[WeightFile]) -> list[WeightFile]:
        """Those of `entries` whose file is here."""
        return [e for e in entries if self.has(e)]

    def checked(self, entry: WeightFile, should_cancel: ShouldCancel = never_cancel) -> Path:
        """The file's path; hashes it again only when size or time stamp changed, and logs a warning when its content
        is another one than before or than published."""
        path = self.path(entry)
        record = self.record(entry)
        stat = path.stat()
        if (record.get("bytes"), record.get("mtime_ns")) != (stat.st_size, stat.st_mtime_ns):
            verdict = self.verify(entry, should_cancel=should_cancel)
            if verdict.state in {"changed", "differs"}:
                log.warning("%s: %s", entry.filename, verdict.note)
            if verdict.state != "changed":  # a change keeps being said until it is accepted by importing
                self.remember(entry, verdict.sha256, str(record.get("source", "found in the folder")))
        return path

    def verify(
        self, entry: WeightFile, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel
    ) -> Verdict:
        """Hash the file and compare with the published hash and with what was recorded first."""
        found = sha256_of(self.path(entry), progress, should_cancel)
        recorded = str(self.record(entry).get("sha256", ""))
        if entry.sha256 and found == entry.sha256:
            return Verdict(entry, "ok", found, "as published")
        if recorded and found != recorded:
            return Verdict(
                entry,
                "changed",
                found,
                f"its content changed since it was stored (was {recorded[:12]}, is {found[:12]}); if that was not you, "
                "get it again from its official source",
            )
        if entry.sha256:
            return Verdict(entry, "differs", found, mismatch_note(entry, found))
        if recorded:
            return Verdict(entry, "ok", found, "as when first stored (no hash was published)")
        return Verdict(entry, "new", found, "no hash was published; this one is remembered from now on")

    def require_space(self, size: int) -> None:
        """Raises OutputError when the disk has less than `size` bytes and a margin."""
        self.make_folder()
        free = self._free_bytes(self.folder)
        if free < size + MARGIN:
            raise OutputError(
                f"The disk of {self.folder} has {free / 2**20:.0f} MB left and {(size + MARGIN) / 2**20:.0f} MB are "
                "needed; free some space, or set EVANYSEG_CACHE to a folder on another disk."
            )

    def make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"The weights folder {self.folder} cannot be made ({error.strerror}); set EVANYSEG_CACHE to "
                "another one."
            ) from None

    def copy_in(
        self,
        source: Path,
        entry: WeightFile,
        progress: Progress = no_progress,
        should_cancel: ShouldCancel = never_cancel,
    ) -> Path:
        """Copy a user's file to its place: temporary file and rename, so that a failure leaves what was there."""
        target = self.path(entry)
        if target.exists() and target.samefile(source):
            self.remember(entry, sha256_of(target, progress, should_cancel), "already in the folder")
            return target
        size = source.stat().st_size
        self.require_space(size)
        digest = hashlib.sha256()
        handle, name = tempfile.mkstemp(prefix=".import-", dir=self.folder)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as out, source.open("rb") as file:
                done = 0
                while chunk := file.read(CHUNK):
                    raise_if_cancelled(should_cancel)
                    out.write(chunk)
                    digest.update(chunk)
                    done += len(chunk)
                    progress(done / max(size, 1), f"copying {entry.filename}")
            os.replace(temporary, target)
        except OSError as error:
            raise OutputError(f"{entry.filename} could not be copied to {self.folder}: {error.strerror}.") from None
        finally:
            temporary.unlink(missing_ok=True)
        self.remember(entry, digest.hexdigest(), f"imported from {source.name}")
        return target

    def clear(self, entries: Iterable[WeightFile]) -> int:
        """Delete files with their unfinished downloads and records; the bytes freed."""
        freed = 0
        for entry in entries:
            for path in (
                self.path(entry),
                *(self.folder / f"{entry.filename}{s}" for s in (".part", ".part.json", ".lock")),
            ):
                if path.is_file():
                    freed += path.stat().st_size
                    try:
                        path.unlink()
                    except OSError as error:
                        raise OutputError(f"{path} could not be deleted: {error.strerror}.") from None
            self._write_record(entry, None)
        return freed

    def record(self, entry: WeightFile) -> dict[str, Any]:
        found = self._records().get(entry.filename, {})
        return found if isinstance(found, dict) else {}

    def remember(self, entry: WeightFile, sha256: str, source: str) -> None:
        """Record what the stored file is now."""
        stat = self.path(entry).stat()
        self._write_record(
            entry, {"sha256": sha256, "bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns, "source": source}
        )

    def _records(self) -> dict[str, Any]:
        try:
            found = json.loads((self.folder / RECORDS).read_text(encoding="utf-8"))
        except (OSError, ValueError):  # none yet, or damaged: files count as new again
            return {}
        return found if isinstance(found, dict) else {}

    def _write_record(self, entry: WeightFile, record: dict[str, Any] | None) -> None:
        from filelock import FileLock

        if record is None and entry.filename not in self._records():
            return
        self.make_folder()
        try:
            with FileLock(self.folder / f"{RECORDS}.lock", timeout=30):
                records = self._records()
                records.pop(entry.filename, None)
                if record is not None:
                    records[entry.filename] = record
                handle, name = tempfile.mkstemp(prefix=".records-", dir=self.folder)
                with os.fdopen(handle, "w", encoding="utf-8") as out:
                    json.dump(records, out, indent=1)
                os.replace(name, self.folder / RECORDS)
        except OSError as error:
            raise OutputError(
                f"The record of {entry.filename} could not be written in {self.folder}: {error}."
            ) from None


def mismatch_note(entry: WeightFile, found: str) -> str:
    return (
        f"its SHA-256 is {found[:12]}..., known copies have {entry.sha256[:12]}... (from independent public sources, "
        "not from the publisher): it is damaged, another version, or not genuine; compare with the publisher's page, "
        f"{entry.page}"
    )


def sha256_of(path: Path, progress: Progress = no_progress, should_cancel: ShouldCancel = never_cancel) -> str:
    """Hex digest of a file. Raises WeightsError when it cannot be read, CancelledError."""
    digest = hashlib.sha256()
    try:
        size, done = path.stat().st_size, 0
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                raise_if_cancelled(should_cancel)
                digest.update(chunk)
                done += len(chunk)
                progress(done / max(size, 1), f"checking {path.name}")
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.") from None
    return digest.hexdigest()
