"""`evanyseg-train`: each command lives in its own file of `commands/`, and imports what it needs when it runs."""

from __future__ import annotations

import sys

import typer

from evanyseg.errors import EvanySegError

from .commands import data, estimator, evaluation, files, segmenter
from .commands.aliases import CommandWithAliases, add_aliases

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def commands() -> None:
    """Build data sets, train, calibrate and evaluate the built-in models."""


for group in (data, segmenter, estimator, files, evaluation):
    for name, command in group.COMMANDS.items():
        app.command(name, cls=CommandWithAliases)(command)
    add_aliases(app, group.COMMANDS)


def main() -> None:
    """Console entry point: deliberate errors are one line and exit status 2."""
    try:
        app()
    except EvanySegError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
