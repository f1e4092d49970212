"""Puts the commands together."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated

import typer

from .. import __version__

HELP = """Predicts how good segmentation masks are, without ground truth.

Research software: not for clinical use."""


OWN = ("segment", "next-click", "score", "select", "compare", "triage", "adapt", "assess")
"""Each in the module of its name."""
OF_DATASETS = ("audit", "rank", "performance", "watch", "merge")
"""The same, in `datasets`."""
SERVICES = ("serve",)
"""The same, in `service`."""
GROUP = "evanyseg.commands"
"""Entry points of this group are commands that other packages add: a name and the function behind it."""


def build_app(further: Mapping[str, str], wanted: str = "") -> typer.Typer:
    """The typer application: the engine's commands, those that installed packages add (entry points of `GROUP`), and
    `further` ones by name, as 'module:function'. The engine itself knows no front end.

    `wanted`: the command that will be run; only its module is imported then (all of them for a name that is none)."""
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
    added = {point.name: point for point in entry_points(group=GROUP)}
    added.update({name: EntryPoint(name, target, GROUP) for name, target in further.items()})
    known = (*OWN, *OF_DATASETS, *SERVICES, "models", *added)
    for name in (wanted,) if wanted in known else known:
        if name in added:
            app.command(name)(added[name].load())
        elif name == "models":
            app.add_typer(import_module(".models", __package__).app, name=name)
        else:
            place = ".datasets" if name in OF_DATASETS else ".service" if name in SERVICES else ""
            python = name.replace("-", "_")
            app.command(name)(getattr(import_module(f"{place}.{python}", __package__), python))
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
