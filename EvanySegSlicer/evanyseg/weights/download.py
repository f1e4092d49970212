"""Fetching a weight file: asked for, resumable, checked, and put in its place in one step.

`NAME.part` holds what has arrived, `NAME.part.json` which version of the file it is a part of. A resumed part is only
ever completed from the same version (If-Range, ETag, size); the finished file is hashed before it gets its name.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import CancelledError, OutputError, WeightsError
from ..protocols import Progress, ShouldCancel, never_cancel, no_progress, raise_if_cancelled
from .files import WeightFile
from .http import Answer, Exchange, TransferError
from .settings import DownloadSettings
from .store import WeightStore, mismatch_note, sha256_of

LONGEST_WAIT = 30.0
DISK_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
Consent = Callable[[WeightFile, str], bool]
"""Asked with the file and its address before anything is fetched; False leaves everything as it is."""


class _Restart(Exception):
    """The part belongs to another version of the file."""


def address(entry: WeightFile, settings: DownloadSettings) -> str:
    """Where the file comes from: the mirror, else its own address. Raises WeightsError when offline, or when only a
    person can fetch it."""
    if settings.offline:
        raise WeightsError(f"Offline (EVANYSEG_OFFLINE is set): {entry.filename} was not fetched. Bring it as a file.")
    if settings.mirror:
        return f"{settings.mirror.rstrip('/')}/{entry.filename}"
    if not entry.url:
        raise WeightsError(
            f"{entry.title} cannot be fetched by a program: get {entry.filename} from {entry.page} and bring it with "
            f"`evanyseg models import FILE --as {entry.name}`."
        )
    return entry.url


def download(
    entry: WeightFile,
    store: WeightStore,
    consent: Consent,
    settings: DownloadSettings | None = None,
    progress: Progress = no_progress,
    should_cancel: ShouldCancel = never_cancel,
) -> Path:
    """The file in the store, fetched unless it is there. A second process that asks for the same file waits for the
    first and takes its result. Raises WeightsError, OutputError (disk full), CancelledError."""
    from filelock import FileLock, Timeout

    settings = settings or DownloadSettings.from_environment()
    if store.has(entry):
        return store.checked(entry, should_cancel)
    url = address(entry, settings)
    if not consent(entry, url):
        raise CancelledError(f"{entry.title} was not downloaded: not agreed to.")
    store.make_folder()
    lock = FileLock(store.folder / f"{entry.filename}.lock")
    while True:
        try:
            lock.acquire(timeout=0.2)
            break
        except Timeout:
            progress(0.0, f"waiting for another download of {entry.filename}")
            raise_if_cancelled(should_cancel)
    try:
        if not store.has(entry):
            _Transfer(entry, store, url, settings, progress, should_cancel).run()
        return store.path(entry)
    finally:
        lock.release()


@dataclass
class _Transfer:
    entry: WeightFile
    store: WeightStore
    url: str
    settings: DownloadSettings
    progress: Progress
    should_cancel: ShouldCancel

    def __post_init__(self) -> None:
        self.part = self.store.folder / f"{self.entry.filename}.part"
        self.note = self.store.folder / f"{self.entry.filename}.part.json"

    def run(self) -> None:
        resumed = self.part.is_file()
        self._fetch_whole()
        digest = sha256_of(self.part, should_cancel=self.should_cancel)
        if self.entry.sha256 and digest != self.entry.sha256 and resumed:
            # parts of two versions can pass every other check: once more, from the first byte
            self._discard()
            self._fetch_whole()
            digest = sha256_of(self.part, should_cancel=self.should_cancel)
        if self.entry.sha256 and digest != self.entry.sha256:
            kept = self.part.with_name(f"{self.entry.filename}.suspect")
            os.replace(self.part, kept)
            self.note.unlink(missing_ok=True)
            raise WeightsError(
                f"{self.entry.filename} from {self.url} was not put in place: {mismatch_note(self.entry, digest)}. It "
                f'is kept as {kept}; if you have reason to trust it, `evanyseg models import "{kept}" --as '
                f"{self.entry.name}`."
            )
        os.replace(self.part, self.store.path(self.entry))
        self.note.unlink(missing_ok=True)
        self.store.remember(self.entry, digest, self.url)

    def _fetch_whole(self) -> None:
        failures = 0
        while True:
            before = self._have()
            try:
                self._fetch_once()
                return
            except _Restart:
                self._discard()
                failures += 1
                if failures > self.settings.attempts:
                    raise WeightsError(f"{self.url} keeps changing while it is fetched; try again later.") from None
            except TransferError as error:
                failures = 1 if self._have() > before else failures + 1
                if failures >= self.settings.attempts:
                    raise WeightsError(
                        f"{self.entry.filename} could not be fetched from {self.url}: {error}. What arrived is kept; "
                        "start the download again to go on, or bring the file with `evanyseg models import`."
                    ) from None
                wait = error.wait if error.wait is not None else self.settings.wait * 2 ** (failures - 1)
                self._sleep(min(wait, LONGEST_WAIT))

    def _fetch_once(self) -> None:
        have, validator = self._have(), self._validator()
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if validator:
                headers["If-Range"] = validator
        exchange = Exchange(self.url, headers, self.settings, self.should_cancel)
        try:
            answer = exchange.answer()
            start, total = self._checked(answer, have)
            if start == total:
                return
            self.store.require_space((total or self.entry.size or 0) - start)
            self._write(exchange, start, total)
        finally:
            exchange.close()

    def _checked(self, answer: Answer, have: int) -> tuple[int, int | None]:
        """(first byte of what follows, size of the whole file if known)."""
        if answer.status == 416 and have:
            if answer.headers.get("content-range", "").rpartition("/")[2] == str(have):
                return have, have  # all of it had arrived
            raise _Restart
        if answer.status in {408, 429, 500, 502, 503, 504}:
            wait = answer.headers.get("retry-after", "")
            raise TransferError(f"the server answered {answer.status}", float(wait) if wait.isdigit() else None)
        if answer.status not in {200, 206}:
            raise WeightsError(
                f"{self.entry.filename} is not at {self.url} (the server answered {answer.status}); get it from "
                f"{self.entry.page} and bring it with `evanyseg models import`."
            )
        if answer.headers.get("content-type", "").startswith("text/html"):
            raise WeightsError(
                f"{answer.url} answered with a web page instead of {self.entry.filename}: a proxy or a log-in stands "
                "in between. Fetch it with a browser and bring it with `evanyseg models import`."
            )
        if answer.status == 200:
            start, total = 0, _number(answer.headers.get("content-length"))
        else:
            span, _, whole = answer.headers.get("content-range", "").removeprefix("bytes ").partition("/")
            start, total = have, _number(whole)
            if _number(span.partition("-")[0]) != have or self._changed(answer, total):
                raise _Restart
        if self.entry.size and total and total != self.entry.size:
            raise WeightsError(
                f"{self.url} offers {total} bytes, {self.entry.filename} has {self.entry.size}: another version, or "
                "not the file. Nothing was fetched."
            )
        self._write_note(answer, total)
        return start, total

    def _write(self, exchange: Exchange, start: int, total: int | None) -> None:
        expected = total or self.entry.size
        done = start
        try:
            with self.part.open("r+b" if start else "wb") as out:
                out.seek(start)
                for chunk in exchange:
                    out.write(chunk)
                    done += len(chunk)
                    if expected and done > expected:
                        raise _Restart
                    self.progress(done / expected if expected else 0.0, f"{self.entry.filename} {done / 2**20:.0f} MB")
                out.flush()
                os.fsync(out.fileno())
        except OSError as error:
            full = error.errno in DISK_FULL
            raise OutputError(
                f"The disk of {self.store.folder} is full; what arrived is kept. Free some space and start again."
                if full
                else f"{self.part} could not be written: {error.strerror}."
            ) from None
        if expected and done < expected:
            raise TransferError(f"the connection closed after {done} of {expected} bytes")

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _discard(self) -> None:
        self.part.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def _known(self) -> dict[str, str]:
        try:
            known = json.loads(self.note.read_text(encoding="utf-8"))
            return known if isinstance(known, dict) else {}
        except (OSError, ValueError):
            return {}

    def _validator(self) -> str:
        """What If-Range wants: a strong ETag, else the date."""
        known = self._known()
        etag = known.get("etag", "")
        return etag if etag and not etag.startswith("W/") else known.get("modified", "")

    def _changed(self, answer: Answer, total: int | None) -> bool:
        known = self._known()
        if known.get("url") != hashlib.sha256(self.url.encode()).hexdigest():
            return True
        pairs = (("etag", answer.headers.get("etag", "")), ("modified", answer.headers.get("last-modified", "")))
        changed = any(known.get(key) and now and known[key] != now for key, now in pairs)
        return changed or bool(known.get("total") and total and known["total"] != str(total))

    def _write_note(self, answer: Answer, total: int | None) -> None:
        known = {
            "url": hashlib.sha256(self.url.encode()).hexdigest(),
            "etag": answer.headers.get("etag", ""),
            "modified": answer.headers.get("last-modified", ""),
            "total": str(total or ""),
        }
        self.note.write_text(json.dumps(known), encoding="utf-8")

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            raise_if_cancelled(self.should_cancel)
            time.sleep(min(left, 0.1))


def _number(text: str | None) -> int | None:
    return int(text) if text and text.strip().isdigit() else None
