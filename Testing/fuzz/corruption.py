"""Files of every format, damaged on purpose: cut, with flipped bits, with headers that contradict themselves.

A damaged file must be refused in a sentence, or be read as an independent reader reads it; never end in a traceback,
never be scored although that reader refuses it, never leave anything behind.

    python Testing/fuzz/corruption.py 1000            # all formats, seed 0
    python Testing/fuzz/corruption.py 200 --seed 7 --only nii.gz
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
for folder in (ROOT, ROOT.parent / "EvanySegSlicer"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from doubles.bright import BrightEstimator  # noqa: E402
from engine import dicom_files, files, phantom  # noqa: E402

SHAPE = (6, 24, 20)
REFUSED = 2


@dataclass(frozen=True)
class Original:
    """A sound file's bytes, its mask (a path), how long its header is, and a reader that is not ours."""

    name: str
    data: bytes
    header: int
    mask: Path
    check: Callable[[Path], object]


@dataclass
class Outcome:
    """What happened to all files; `faults`: (file, what was done to it, what went wrong)."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[str, str, str]] = field(default_factory=list)


def originals(folder: Path) -> list[Original]:
    """One sound file of every format, written into `folder` with its mask."""
    volume = phantom.volume(SHAPE)
    pixels, mask = phantom.picture((24, 20))
    flat = files.write_image_2d(folder / "mask.png", mask.astype(np.uint8) * 255)
    solid = files.write_volume(folder / "mask.nii.gz", volume, phantom.ball(SHAPE))
    made: list[Original] = []

    def add(path: Path, header: int, mask_path: Path, check: Callable[[Path], object]) -> None:
        made.append(Original(path.name, path.read_bytes(), header, mask_path, check))

    for suffix, header in ((".nii", 352), (".nii.gz", 90), (".nrrd", 300), (".mha", 300)):
        check = _nibabel if suffix.startswith(".nii") else _itk
        add(files.write_volume(folder / f"v{suffix}", volume), header, solid, check)
    import SimpleITK as sitk

    sitk.WriteImage(files.sitk_image(volume), str(folder / "p.nrrd"), useCompression=True)
    sitk.WriteImage(files.sitk_image(volume), str(folder / "p.mha"), useCompression=True)
    add(folder / "p.nrrd", 300, solid, _itk)
    add(folder / "p.mha", 300, solid, _itk)
    for suffix in (".png", ".tif", ".bmp", ".jpg", ".webp"):
        add(files.write_image_2d(folder / f"i{suffix}", pixels), 60, flat, _pillow)
    for name, syntax in (("d.dcm", None), ("r.dcm", "1.2.840.10008.1.2.5"), ("l.dcm", "1.2.840.10008.1.2.4.80")):
        path = dicom_files.write_slice(folder / name, pixels.astype(np.int16), 16)
        if syntax is not None:
            import pydicom

            header = pydicom.dcmread(path)
            header.compress(syntax, generate_instance_uid=False)
            header.save_as(path, enforce_file_format=True)
        add(path, path.read_bytes().index(b"\xe0\x7f\x10\x00"), flat, _pydicom)
    return made


def damaged(original: Original, random: np.random.Generator) -> tuple[bytes, str]:
    """(bytes, what was done)."""
    data = bytearray(original.data)
    size = len(data)
    kind = random.choice(["cut", "flip header", "flip data", "number", "zeros", "insert"])
    if kind == "cut":
        at = int(random.integers(0, size))
        return bytes(data[:at]), f"cut at {at} of {size}"
    if kind == "insert":
        at = int(random.integers(0, size))
        return bytes(data[:at] + random.bytes(int(random.integers(1, 9))) + data[at:]), f"bytes inserted at {at}"
    first, last = (0, min(original.header, size)) if kind in ("flip header", "number") else (original.header, size)
    at = int(random.integers(first, max(last, first + 1)))
    if kind == "number":
        value = random.choice([0, 1, 2, 255, 256, 32767, 65535])
        data[at : at + 2] = int(value).to_bytes(2, "little")
        return bytes(data[:size]), f"{value} written at {at}"
    if kind == "zeros":
        data[at : at + 64] = bytes(min(64, size - at))
        return bytes(data[:size]), f"64 zeros at {at}"
    bit = int(random.integers(0, 8))
    data[min(at, size - 1)] ^= 1 << bit
    return bytes(data), f"bit {bit} of byte {at} turned ({kind})"


def run(count: int, seed: int = 0, only: str = "") -> Outcome:
    """Damage `count` files, score each with a stand-in for the network, and compare with the independent readers."""
    from evanyseg import cli, models
    from evanyseg.models import ModelSpec

    outcome = Outcome()
    random = np.random.default_rng(seed)
    models.estimators.register(ModelSpec("bright-fuzz", "stand-in", lambda spec, path, device: BrightEstimator()))
    try:
        with tempfile.TemporaryDirectory() as name, _own_temporary_folder(Path(name)) as temporary, _silent():
            folder = Path(name)
            (folder / "sound").mkdir()
            sound = [o for o in originals(folder / "sound") if only in o.name]
            for n in range(count):
                original = sound[n % len(sound)]
                data, what = damaged(original, random)
                place = folder / f"{n}"
                place.mkdir()
                path = place / original.name
                path.write_bytes(data)
                result, text = _score(cli.main, path, original.mask)
                _classify(outcome, original, path, what, result, text)
                left = [p.name for p in place.iterdir() if p != path]
                left += [p.name for p in temporary.iterdir()]
                if left:
                    outcome.faults.append((original.name, what, f"left behind: {', '.join(left)}"))
    finally:
        models.estimators.remove("bright-fuzz")
    return outcome


@contextlib.contextmanager
def _own_temporary_folder(folder: Path) -> Iterator[Path]:
    """Where temporary files go meanwhile: other programs leave theirs in the system's folder."""
    before, mine = tempfile.tempdir, folder / "temporary"
    mine.mkdir()
    tempfile.tempdir = str(mine)
    try:
        yield mine
    finally:
        tempfile.tempdir = before


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Libraries in C++ write their complaints past Python."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _classify(outcome: Outcome, original: Original, path: Path, what: str, result: int | None, text: str) -> None:
    if result is None:
        outcome.faults.append((original.name, what, text))
        outcome.counts["traceback"] += 1
        return
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            original.check(path)
            refused = ""
        except Exception as error:
            refused = f"{type(error).__name__}: {error}"
    if result == 0 and refused:
        outcome.faults.append((original.name, what, f"scored, but another reader refuses it ({refused[:120]})"))
        outcome.counts["scored although broken"] += 1
    else:
        outcome.counts["scored" if result == 0 else "refused"] += 1


def _score(main: Callable[[list[str]], int], path: Path, mask: Path) -> tuple[int | None, str]:
    """(exit code, what was said); None with the traceback when there was one."""
    out, err = io.StringIO(), io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        warnings.simplefilter("ignore")
        try:
            code = main(["score", str(path), str(mask), "--estimator", "bright-fuzz", "--json"])
        except Exception:
            return None, traceback.format_exc(limit=-4)
    if code not in (0, REFUSED):
        return None, f"exit code {code}"
    return code, err.getvalue()


def _nibabel(path: Path) -> None:
    import nibabel

    image = nibabel.load(path)
    np.asarray(image.dataobj)
    if path.name.endswith(".gz"):
        import gzip

        gzip.decompress(path.read_bytes())  # nibabel stops reading before the checksum


def _itk(path: Path) -> None:
    import SimpleITK as sitk

    sitk.ReadImage(str(path), imageIO="MetaImageIO" if path.suffix == ".mha" else "NrrdImageIO")


def _pillow(path: Path) -> None:
    from PIL import Image

    with Image.open(path) as picture:
        picture.load()


def _pydicom(path: Path) -> None:
    import pydicom

    assert pydicom.dcmread(path).pixel_array.size


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, nargs="?", default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="formats whose file name contains this")
    options = parser.parse_args()
    outcome = run(options.count, options.seed, options.only)
    for name, what, fault in outcome.faults:
        print(f"{name}: {what}\n    {fault}")
    print(", ".join(f"{n} {what}" for what, n in outcome.counts.most_common()), f"; {len(outcome.faults)} faults")
    return bool(outcome.faults)


if __name__ == "__main__":
    sys.exit(main())
