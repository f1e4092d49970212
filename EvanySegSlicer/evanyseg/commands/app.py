"""Puts the commands together."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated

import typer

from .. import __version__
from .compare import compare
from .score import score
from .segment import segment
from .select import select
from .triage import triage

HELP = """Predicts how good segmentation masks are, without ground truth.

Research software: not for clinical use."""


def build_app() -> typer.Typer:
    """The typer application. `models` and `demo` are mounted from their own modules (a function `demo`, an `app`)."""
    app = typer.Typer(
        name="evanyseg",
        help=HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for command in (segment, score, select, compare, triage):
        app.command()(command)
    package = __name__.rpartition(".")[0]
    for name in ("models", "demo"):
        if find_spec(f"{package}.{name}") is None:
            continue
        module = import_module(f"{package}.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(getattr(module, name))
    return app


def _print_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"evanyseg {__version__}\n")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Options of `evanyseg` itself."""
