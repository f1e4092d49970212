"""The demo from start to end: prompt, segment, propagate, score, colour, find missing slices, save, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from evanyseg.errors import EvanySegError
from evanyseg.geometry.volume import Volume
from evanyseg.overlap import dice
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.prompts import BoxPrompt

from ..scene.review.session import Applied
from ..scene.table.records import MISSING, ScoreRecord
from .learn import Lesson, can_learn, learn
from .plan import AXIAL, TAUGHT, DemoPrompt, OldMask, old_mask, plan
from .stage import Stage, add_segment, set_stage
from .template import load_template

Say = Callable[[str], None]


@dataclass(frozen=True)
class DemoRow:
    """A row of the score table beside the truth: `true` is the Dice with the reference, None without one."""

    record: ScoreRecord
    true: float | None


@dataclass
class DemoRun:
    """What the demo made. rows: every scored slice; prompts: (prompt, segment id, box) of each box drawn;
    seconds: stage -> time it took; lesson: what learning from corrected slices brought, where it was tried."""

    stage: Stage
    rows: list[DemoRow] = field(default_factory=list)
    prompts: list[tuple[DemoPrompt, str, BoxPrompt]] = field(default_factory=list)
    olds: list[tuple[OldMask, str]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    lesson: Lesson | None = None

    @contextmanager
    def timed(self, name: str, say: Say) -> Iterator[None]:
        say(name)
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def run_template(make_pipeline: Callable[[], SlicePipeline], say: Say) -> DemoRun:
    """The demo on the brain template, with its tissue masks as the reference."""
    seconds: dict[str, float] = {}
    start = time.perf_counter()
    say("Reading the MNI152 template")
    template = load_template()
    volume = _volume_of(template.path, "MNI152 T1")
    seconds["Reading the MNI152 template"] = time.perf_counter() - start
    return _run(volume, plan(template.structures), template.structures, make_pipeline, seconds, say)


def run_volume(
    volume: Volume,
    prompt: DemoPrompt,
    box: BoxPrompt | None,
    make_pipeline: Callable[[], SlicePipeline],
    say: Say,
    preset: str = "",
) -> DemoRun:
    """The same on a user's volume, from one box in pixels of the slice (None: around its largest bright object).

    There is no reference, so nothing is compared. Raises PromptError, GeometryError, ImageError.
    """
    return _run(volume, [prompt], {}, make_pipeline, {}, say, box, preset)


def _run(
    volume: Volume,
    prompts: list[DemoPrompt],
    references: dict[str, np.ndarray],
    make_pipeline: Callable[[], SlicePipeline],
    seconds: dict[str, float],
    say: Say,
    box: BoxPrompt | None = None,
    preset: str = "",
) -> DemoRun:
    start = time.perf_counter()
    say("Loading the models")
    pipeline = make_pipeline()
    seconds["Loading the models"] = time.perf_counter() - start
    start = time.perf_counter()
    say("Setting up the scene")
    stage = set_stage(volume, pipeline, preset)
    seconds["Setting up the scene"] = time.perf_counter() - start
    run = DemoRun(stage, seconds=seconds)
    for prompt in prompts:
        _act(run, prompt, references.get(prompt.structure), box, say)
    if references:
        with run.timed("Scoring an existing mask", say):
            _score_old(run, old_mask(references), references)
    with run.timed("Looking for missing slices", say):
        _find_missing(run)
    with run.timed("Colouring by quality", say):
        stage.overlay.show()
    taught = next((t for t in run.prompts if t[0].structure == TAUGHT and t[0].structure in references), None)
    if taught is not None and can_learn(stage):
        with run.timed("Learning from corrected slices", say):
            run.lesson = learn(stage, taught[1], references[TAUGHT])
    run.rows = [_compared(run, record, references) for record in stage.review.table.records()]
    return run


def _act(run: DemoRun, prompt: DemoPrompt, reference: np.ndarray | None, box: BoxPrompt | None, say: Say) -> None:
    """One box: segment and score its slice, carry it to the neighbours."""
    review = run.stage.review
    plane = review.reader.plane(prompt.axis, prompt.index)
    if reference is not None:
        box = prompt.box(plane.take(reference))
    elif box is None:
        box = box_around_brightest(review.reader.snapshot().pixels(plane))
    segment_id = add_segment(run.stage, prompt.segment)
    with run.timed("Segmenting and scoring boxes", say if not run.prompts else lambda text: None):
        _checked(review.segment_box(segment_id, plane, box))
    run.prompts.append((prompt, segment_id, box))
    mask = review.store.mask(segment_id, plane)
    if prompt.reach != 0 and mask.any():
        with run.timed(f"Propagating: {prompt.segment}", say):
            job = review.jobs.propagate(segment_id, plane, "both", stop_below=0.5, **_limit(prompt))
            _checked(review.apply(job.run()))


def _score_old(run: DemoRun, old: OldMask, references: dict[str, np.ndarray]) -> None:
    """Put an existing mask into the scene and score it slice by slice, without any box."""
    review = run.stage.review
    segment_id = add_segment(run.stage, old.segment)
    for index in range(old.first, old.last + 1):
        plane = review.reader.plane(old.axis, index)
        review.store.write(segment_id, plane, old.mask(plane.take(references[old.structure]), index), run.stage.volume)
    _checked(review.score_existing(old.axis, [segment_id]))
    run.olds.append((old, segment_id))


def _limit(prompt: DemoPrompt) -> dict[str, int]:
    return {} if prompt.reach is None else {"limit": prompt.reach}


def _checked(applied: Applied) -> None:
    if not applied.ok:
        raise EvanySegError(applied.message)


def _find_missing(run: DemoRun) -> None:
    """Only where no limit of the demo cut a stack short: existing masks, and boxes carried until quality fell."""
    stacks = [(prompt.axis, s) for prompt, s, _ in run.prompts if prompt.reach is None]
    stacks += [(old.axis, s) for old, s in run.olds]
    for axis, segment_id in stacks:
        run.stage.review.find_missing(axis, [segment_id])


def _compared(run: DemoRun, record: ScoreRecord, references: dict[str, np.ndarray]) -> DemoRow:
    known = [(p.structure, segment_id) for p, segment_id, _ in run.prompts]
    known += [(old.structure, segment_id) for old, segment_id in run.olds]
    structure = next((name for name, segment_id in known if segment_id == record.segment_id), "")
    reference = references.get(structure)
    if reference is None or record.kind == MISSING:
        return DemoRow(record, None)
    plane = run.stage.review.reader.plane(record.axis, record.index)
    mask = run.stage.review.store.mask(record.segment_id, plane)
    return DemoRow(record, dice(mask, plane.take(reference)))


def box_around_brightest(pixels: np.ndarray) -> BoxPrompt:
    """Box of the largest component above Otsu's threshold of a slice [H, W(, C)]: where a user gives none.

    Raises EvanySegError when the slice has no contrast.
    """
    import SimpleITK as sitk
    from scipy import ndimage as ndi

    gray = np.nan_to_num(pixels.astype(np.float32))
    gray = gray.mean(axis=-1) if gray.ndim == 3 else gray
    if gray.min() == gray.max():
        raise EvanySegError("The slice has no contrast; choose another with --slice, or draw a box with --box.")
    bright = sitk.GetArrayFromImage(sitk.OtsuThreshold(sitk.GetImageFromArray(gray), 0, 1)).astype(bool)
    labels, _ = ndi.label(bright)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    box = BoxPrompt.of_mask(labels == sizes.argmax())
    if box is None:
        raise EvanySegError("No object was found on the slice; draw a box with --box.")
    return box.scaled(1.05).validated(gray.shape)


def prompt_for(volume: Volume, axis: int | None, index: int | None, reach: int | None = None) -> DemoPrompt:
    """Where the demo acts on a user's volume: by default the middle slice of its K axis."""
    axis = AXIAL if axis is None else axis
    count = volume.shape[2 - axis]
    index = count // 2 if index is None else index
    return DemoPrompt("Object in the box", "", axis, index, reach, "the user's box")


def _volume_of(path: Path, name: str) -> Volume:
    from dataclasses import replace

    from evanyseg.io.read import read_image

    return replace(read_image(path), name=name)
