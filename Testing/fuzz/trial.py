"""One damaged file against one command, and what is wrong with how it ended."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evanyseg import cli, models
from evanyseg.io.read import read_image, read_segmentation
from evanyseg.models import ModelSpec

from .corpus import Sample
from .damage import damaged
from .readers import affine_by_others, pixels_by_others

BOX = ("--box", "5", "5", "40", "35")
TELLTALE = re.compile(
    r"Traceback|itk::|sitk::|0x[0-9a-f]{6}|NoneType|<class |TypeError|KeyError|object has no|\[nrrd\]|_nrrd|Reason: "
)
"""Words of programmers that no sentence for users has."""

OUTPUTS = ("out.csv", "out.png", "out.nii.gz")


@dataclass(frozen=True)
class Outcome:
    """`finding`: what is wrong with it, '' when nothing is. scored: whether any number came out."""

    number: int
    format: str
    role: str
    damage: str
    command: str
    code: int
    scored: bool
    said: str
    finding: str = ""


def register_models() -> None:
    """Stand-ins for networks, so that a thousand files take minutes."""
    from doubles import BrightEstimator, BrightSegmenter

    models.estimators.register(ModelSpec("bright", "", lambda spec, path, device: BrightEstimator()))
    models.segmenters.register(ModelSpec("bright-box", "", lambda spec, path, device: BrightSegmenter()))


def run_trial(number: int, seed: int, samples: list[Sample], folder: Path) -> Outcome:
    """Trial `number` of a seed is always the same. `folder`: empty; holds the damaged file afterwards."""
    rng = np.random.default_rng([seed, number])
    sample = samples[rng.integers(len(samples))]
    target = sample.targets[rng.integers(len(sample.targets))]
    content, what = damaged(sample.files[target], target, sample.format, rng)
    for name, data in {**sample.files, target: content}.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    before = _contents(folder)
    arguments = _command(sample, folder, rng)
    before |= _contents(folder)  # tables that the command needs
    code, said, crash = _run(arguments, folder)
    scored = _scored(folder, said, code)
    finding = crash or _ending(code, said) or _left(folder, before, code)
    if not finding and scored and sample.role != "table":
        finding = _believed(folder / target, folder / (sample.image if sample.role == "image" else sample.mask), sample)
    shown = " ".join(a.replace(f"{folder}/", "") for a in arguments)
    return Outcome(number, sample.format, sample.role, f"{target}: {what}", shown, code, scored, said[-600:], finding)


def _command(sample: Sample, folder: Path, rng: np.random.Generator) -> list[str]:
    image, mask, e = str(folder / sample.image), str(folder / sample.mask), ["--estimator", "bright"]
    out = ["-o", str(folder / "out.csv")]
    if sample.role == "table":
        if sample.mask == "pairs":
            return ["score", "--pairs", image, *e, *out]
        return [["triage", image], ["compare", image], ["select", "--scores", image]][rng.integers(3)] + out
    choices = [["score", image, mask, *e, *out]] * 3
    (folder / "pairs.csv").write_text(f"image,mask\n{sample.image},{sample.mask}\n")
    choices.append(["score", "--pairs", str(folder / "pairs.csv"), *e, *out])
    if sample.role == "image":
        place, end = ([], "out.png") if sample.single else (["--slice", "3", "--box-frame", "file"], "out.nii.gz")
        target = str(folder / end)
        choices.append(["segment", image, *BOX, *place, *e, "--segmenter", "bright-box", "-o", target])
    else:
        choices.append(["select", image, mask, *e, "--json"])
    return choices[rng.integers(len(choices))]


def _run(arguments: list[str], folder: Path) -> tuple[int, str, str]:
    """(exit code, what was printed, the traceback if there is one)."""
    temporary = folder / "tmp"
    temporary.mkdir()
    kept, tempfile.tempdir = tempfile.tempdir, str(temporary)
    out, err = io.StringIO(), io.StringIO()
    crash = ""
    code = -1
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.main(arguments)
    except BaseException:  # whatever leaves the command is what is looked for
        crash = "traceback: " + "".join(traceback.format_exc().splitlines(keepends=True)[-3:])
    finally:
        tempfile.tempdir = kept
        csv.field_size_limit(2**31 - 1)
    if os.listdir(temporary):
        crash = crash or f"left in the folder of temporary files: {os.listdir(temporary)}"
    else:
        temporary.rmdir()
    return code, out.getvalue() + err.getvalue(), crash


def _ending(code: int, said: str) -> str:
    if code not in (0, 1, 2):
        return f"exit code {code}"
    if found := TELLTALE.search(said):
        return f"not a user's words: '{found[0]}'"
    errors = [line for line in said.splitlines() if line.startswith("Error: ")]
    if code and not errors:
        return "it failed without a sentence"
    return "the sentence is longer than a screen" if max(map(len, errors), default=0) > 1500 else ""


def _left(folder: Path, before: dict[str, bytes], code: int) -> str:
    after = _contents(folder)
    changed = [name for name, data in before.items() if after.get(name) != data]
    new = sorted(set(after) - set(before))
    if changed:
        return f"an input was changed: {changed}"
    if unexpected := [n for n in new if n not in OUTPUTS]:
        return f"left behind: {unexpected}"
    return f"written although it failed: {new}" if new and code == 2 else ""


def _scored(folder: Path, said: str, code: int) -> bool:
    if code == 2:
        return False
    path = folder / "out.csv"
    if not path.exists():
        return code == 0
    with path.open(newline="", encoding="utf-8") as file:
        return any(row.get("pred_dice") for row in csv.DictReader(file))


def _believed(damaged_file: Path, given: Path, sample: Sample) -> str:
    """A file that was scored must be readable by others too, and hold the same numbers at the same place for them.
    `given`: what the command was given; the damaged file belongs to it."""
    try:
        theirs = pixels_by_others(damaged_file if given.is_dir() else given)
        place = None if given.is_dir() else affine_by_others(given)
    except Exception as error:
        return f"scored, but an independent reader refuses it: {type(error).__name__}: {str(error)[:200]}"
    if given.is_dir() or (theirs is None and place is None):
        return ""
    volume = read_image(given) if sample.role == "image" else read_segmentation(given).grid
    if place is not None and volume.has_geometry and not volume.planar:
        reach = place @ np.array([*volume.shape[::-1], 1.0])
        if not np.allclose(volume.ijk_to_lps @ np.array([*volume.shape[::-1], 1.0]), reach, rtol=1e-3, atol=1e-2):
            return "scored, but others see it at another place"
    if theirs is None:
        return ""
    ours = volume.array if sample.role == "image" else read_segmentation(given).layers[0]
    if ours.size != theirs.size:
        return f"scored, but others see {theirs.shape} where we see {ours.shape}"
    theirs = theirs.reshape(ours.shape).astype(float)
    if sample.role == "mask":
        theirs = np.round(theirs)
    scale = max(1.0, float(np.nanmax(np.abs(theirs), initial=0)))
    same = np.isclose(ours, theirs, atol=1e-3 * scale, equal_nan=True)
    return "" if same.all() else f"scored, but others read other numbers in {np.count_nonzero(~same)} places"


def _contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
