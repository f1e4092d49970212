"""`evanyseg-train candidates`: masks of known quality for training, calibrating and evaluating estimators."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def candidates(
    store: Annotated[Path, typer.Argument(help="Data store made by prepare.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the candidate store; parts are added to it.")],
    kind: Annotated[str, typer.Option(help="corruption, other-object, stored or segmenter.")] = "corruption",
    shard: Annotated[str, typer.Option(help="K/N: every N-th object from K on (corruption, other-object).")] = "0/1",
    objects: Annotated[int, typer.Option(help="Most objects of a set.")] = 400,
    objects_of: Annotated[list[str] | None, typer.Option(help="SET=N: the same for one set.")] = None,
    masks: Annotated[
        int | None, typer.Option(help="Masks per set (corruption, other-object). [default: 3000; other-object: 800]")
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="FILE, FILE@FOLD or FILE@leave-out.")] = None,
    folds: Annotated[int, typer.Option(help="Number of folds behind FILE@FOLD.")] = 2,
    box_jitter: Annotated[list[float] | None, typer.Option(help="Of one prompt each (segmenter).")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the part.")] = None,
    seed: Annotated[int, typer.Option(help="Everything drawn depends on it.")] = 1,
) -> None:
    """Make candidates of one kind."""
    from ...candidates.run import CandidateOptions, copy_stored, make_corruptions
    from ...candidates.segmenter_masks import FoldModel, SegmenterRun, make_segmenter_masks
    from ...data.store import Store
    from ...errors import OptionError

    data = Store(store)
    per_set = {key: int(n) for key, n in (text.split("=") for text in objects_of or ())}
    options = CandidateOptions(objects, per_set, masks or (800 if kind == "other-object" else 3000), seed=seed)
    if kind == "stored":
        count = copy_stored(data, out, seed=seed, name=name or "stored")
    elif kind in ("corruption", "damage"):  # damage: its former name
        first, of = (int(n) for n in shard.split("/"))
        count = make_corruptions(data, out, options, (first, of), name or "corruption")
    elif kind == "other-object":
        from ...candidates.other_object import make_other_objects

        first, of = (int(n) for n in shard.split("/"))
        count = make_other_objects(data, out, options, (first, of), name or "other-object")
    elif kind == "segmenter":
        from ...segmenter.checkpoints import segmenter_from_checkpoint

        models = [FoldModel.parsed(text) for text in model or ()]
        if not models:
            raise OptionError("No segmenter was given; add --model FILE@FOLD.")
        run = SegmenterRun(boxes=tuple(box_jitter or SegmenterRun.boxes), folds=folds)
        count = make_segmenter_masks(data, out, models, segmenter_from_checkpoint, options, run, name or "segmenter")
    else:
        raise OptionError(f"Unknown kind '{kind}'; choose corruption, other-object, stored or segmenter.")
    print(f"{count} masks in {out}")
