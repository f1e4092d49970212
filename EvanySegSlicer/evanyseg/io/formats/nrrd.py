"""What an NRRD header says about its voxels, to see that they are there before ITK's reader is asked.

Format: http://teem.sourceforge.net/nrrd/format.html. teem measures raw voxels, but takes compressed ones as they come
and never looks at their checksum.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...errors import ImageError
from .streams import share_held, unpacked, unpacked_size

_METHODS = {"gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}
_TEXTS = ("ascii", "text", "txt", "hex")
_BYTES = {
    "signed char": 1, "int8": 1, "int8_t": 1, "uchar": 1, "unsigned char": 1, "uint8": 1, "uint8_t": 1,
    "short": 2, "short int": 2, "signed short": 2, "signed short int": 2, "int16": 2, "int16_t": 2, "ushort": 2,
    "unsigned short": 2, "unsigned short int": 2, "uint16": 2, "uint16_t": 2, "int": 4, "signed int": 4, "int32": 4,
    "int32_t": 4, "uint": 4, "unsigned int": 4, "uint32": 4, "uint32_t": 4, "longlong": 8, "long long": 8,
    "long long int": 8, "signed long long": 8, "signed long long int": 8, "int64": 8, "int64_t": 8, "ulonglong": 8,
    "unsigned long long": 8, "unsigned long long int": 8, "uint64": 8, "uint64_t": 8, "float": 4, "double": 8,
}  # fmt: skip


@dataclass(frozen=True)
class NrrdHeader:
    """fields: as the file names them, in lower case; start: offset of attached voxels; data: the file that has them,
    None when there are several; surplus: more data is there than the header tells of (known after `check_complete`)."""

    fields: dict[str, str]
    start: int
    data: Path | None
    surplus: bool = False

    @property
    def placed(self) -> bool:
        """Whether the file says where its voxels lie, in a space that ITK knows."""
        known = {"left-posterior-superior", "right-anterior-superior", "left-anterior-superior", "lps", "ras", "las"}
        return self.fields.get("space", "").lower() in known and "space directions" in self.fields

    @property
    def unit(self) -> str:
        """Of lengths, as the file writes it; several units are joined."""
        given = self.fields.get(
            "space units", "" if "space directions" in self.fields else self.fields.get("units", "")
        )
        return ", ".join(dict.fromkeys(word for word in re.findall(r'"([^"]*)"', given) if word))

    @property
    def color(self) -> bool:
        """Whether the file itself calls its components colours."""
        return "-color" in self.fields.get("kinds", "").lower()


def read_header(path: Path) -> NrrdHeader:
    """Raises ImageError for a header that does not end or lacks what every NRRD has."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        while line := file.readline(1 << 20):
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            if not text:
                break
            if not text.startswith("#") and ":=" not in text and ": " in text:
                key, _, value = text.partition(": ")
                fields[key.strip().lower()] = value.strip()
        start = file.tell()
    missing = [key for key in ("type", "dimension", "sizes", "encoding") if key not in fields]
    if missing:
        raise ImageError(f"{path.name} has a damaged NRRD header: it lacks '{missing[0]}'.")
    named = fields.get("data file", fields.get("datafile", ""))
    if not named:
        return NrrdHeader(fields, start, path)
    single = not named.upper().startswith("LIST") and "%" not in named
    return NrrdHeader(fields, 0, path.parent / named if single else None)


@contextlib.contextmanager
def readable(path: Path, header: NrrdHeader) -> Iterator[Path]:
    """A file that ITK can read: the file itself, or an unpacked copy that is there as long as the context, for bzip2,
    which ITK's NRRD reader lacks, and for numbers as text, at which it ends the process when they are none."""
    encoding = header.fields["encoding"].lower()
    if header.data is None or (_METHODS.get(encoding) != "bzip2" and encoding not in _TEXTS):
        yield path
        return
    gone = re.compile(rb"^(line ?skip|data ?file|encoding):", re.IGNORECASE)
    with path.open("rb") as file:
        lines = list(itertools.takewhile(lambda line: line.strip(b"\r\n"), file))
    kept = [line.rstrip(b"\r\n") for line in lines if not gone.match(line)]
    with tempfile.TemporaryDirectory(prefix="evanyseg-") as folder:
        copy = Path(folder) / f"{path.stem}.nrrd"
        with copy.open("wb") as file:
            order = [] if "endian" in header.fields else [b"endian: little"]
            file.write(b"\n".join([*kept, *order, b"encoding: raw", b"", b""]))
            text = encoding in _TEXTS
            file.write(_of_text(path.name, header) if text else unpacked(header.data, "bzip2", _start_of_data(header)))
        yield copy


def check_complete(path: Path) -> NrrdHeader:
    """Raises ImageError when voxels are cut, fewer than the header tells of, or their compressed stream is damaged."""
    header = read_header(path)
    encoding = header.fields["encoding"].lower()
    method = _METHODS.get(encoding)
    if header.data is None:
        return header
    if not header.data.is_file():
        raise ImageError(f"{path.name} keeps its voxels in {header.data.name}, which is not there.")
    if encoding in _TEXTS:
        return header  # counted when they are read
    if method is None and encoding != "raw":
        raise ImageError(f"{path.name} has an encoding that no NRRD file has ({encoding[:40]}).")
    try:
        needed = math.prod(int(n) for n in header.fields["sizes"].split()) * _BYTES[header.fields["type"].lower()]
        start = _start_of_data(header)
        skip = int(header.fields.get("byte skip", header.fields.get("byteskip", "0")))
    except (ValueError, KeyError):
        raise ImageError(f"{path.name} has a damaged NRRD header: its sizes or type cannot be read.") from None
    if needed < 1:
        raise ImageError(f"{path.name} has a damaged NRRD header: no voxels in sizes {header.fields['sizes']}.")
    found = header.data.stat().st_size - start if method is None else unpacked_size(header.data, method, start)
    found -= max(skip, 0)
    if found < needed:
        raise ImageError(
            f"{header.data.name} is cut off: it holds {share_held(found, needed)} of the voxels that its header tells "
            "of; copy or download it again."
        )
    return replace(header, surplus=found > needed and skip >= 0)


def _start_of_data(header: NrrdHeader) -> int:
    """Where the voxels begin in their file. Raises ValueError for a damaged number."""
    assert header.data is not None
    skip = int(header.fields.get("line skip", header.fields.get("lineskip", "0")))
    with header.data.open("rb") as file:
        file.seek(header.start)
        for _ in range(skip):
            file.readline()
        return file.tell()


def segment_numbers(meta: Mapping[str, str]) -> list[int]:
    """The numbers that Slicer's metadata gives to segments (`Segment3_Name`), in order; there may be gaps."""
    return sorted({int(found[1]) for key in meta if (found := re.match(r"Segment(\d+)_", key))})


def _of_text(name: str, header: NrrdHeader) -> bytes:
    """Voxels that are written as numbers (or as hexadecimal digits), as raw bytes. Raises ImageError."""
    assert header.data is not None
    kind = header.fields["type"].lower()
    count = math.prod(int(n) for n in header.fields["sizes"].split())
    words = header.data.read_bytes()[_start_of_data(header) :].split()
    try:
        if header.fields["encoding"].lower() == "hex":
            found = bytes.fromhex(b"".join(words).decode("ascii"))
            size = len(found) // _BYTES[kind]
        else:
            real = kind in ("float", "double")
            code = {"float": "f4", "double": "f8"}.get(kind) or f"{'u' if kind.startswith('u') else 'i'}{_BYTES[kind]}"
            values = np.array([float(w) if real else int(w) for w in words])
            found, size = values.astype(f"{_order(header)}{code}").tobytes(), len(words)
    except (ValueError, KeyError, OverflowError):
        raise ImageError(f"{name} is damaged: its voxels are said to be numbers as text, and are none.") from None
    if size < count:
        raise ImageError(f"{name} is cut off: it holds {share_held(size, count)} of its voxels; copy it again.")
    return found


def _order(header: NrrdHeader) -> str:
    return ">" if header.fields.get("endian", "little").lower() == "big" else "<"
