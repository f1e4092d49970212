"""`evanyseg-train`: each command lives in its own file of `commands/`, and imports what it needs when it runs."""

from __future__ import annotations

import sys

import typer

from evanyseg.errors import EvanySegError

from .commands import (
    architectures,
    calibrate,
    candidates,
    estimator,
    evaluate,
    export,
    head,
    hedges,
    heldout,
    prepare,
    report,
    rivals,
    scale,
    segmenter,
    segmenter_eval,
    segmenter_export,
    trees,
)

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def commands() -> None:
    """Build data sets, train, calibrate and evaluate the built-in models."""


app.command("prepare")(prepare.prepare)
app.command("segmenter")(segmenter.segmenter)
app.command("segmenter-eval")(segmenter_eval.segmenter_eval)
app.command("segmenter-export")(segmenter_export.segmenter_export)
app.command("rivals")(rivals.rivals)
app.command("heldout")(heldout.heldout)
app.command("evaluate")(evaluate.evaluate)
app.command("report")(report.report)
app.command("shards")(scale.shards)
app.command("scale")(scale.scale)
app.command("throughput")(scale.throughput)
app.command("candidates")(candidates.candidates)
app.command("estimator")(estimator.estimator)
app.command("head")(head.head)
app.command("hedges")(hedges.hedges)
app.command("trees")(trees.trees)
app.command("calibrate")(calibrate.calibrate)
app.command("export")(export.export)
app.command("architectures")(architectures.architectures)


def main() -> None:
    """Console entry point: deliberate errors are one line and exit status 2."""
    try:
        app()
    except EvanySegError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
