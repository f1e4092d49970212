"""Former names of commands and options: they work for one version, are not shown, and say what they are called now."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperCommand

COMMANDS = {"hedges": "blend", "rivals": "comparison", "trees": "gbdt"}
OPTIONS = {
    "--hedge": "--blend",
    "--rivals": "--comparison",
    "--transplanted": "--texture",
    "--warped": "--elastic",
    "--real": "--by-methods",
    "--factor-own": "--factor-no-prompt",
    "--licences": "--licenses",
}


class CommandWithAliases(TyperCommand):
    """A command whose options may be given by their former names."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = {name for parameter in self.params for name in parameter.opts}
        return super().parse_args(ctx, current_options(args, known))


def current_options(args: Sequence[str], known: set[str]) -> list[str]:
    """The arguments with former option names replaced where the command knows the present one."""
    out = []
    for word in args:
        name, equals, value = word.partition("=")
        now = OPTIONS.get(name)
        if now in known and name not in known:
            _say(name, str(now))
            word = f"{now}{equals}{value}"
        out.append(word)
    return out


def add_aliases(app: typer.Typer, commands: dict[str, Any]) -> None:
    """Register the former names of the given commands, hidden."""
    for former, now in COMMANDS.items():
        if now in commands:
            app.command(former, hidden=True, cls=_saying(former, now))(commands[now])


def _saying(former: str, now: str) -> type[TyperCommand]:
    class Renamed(CommandWithAliases):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            _say(former, now)
            return super().parse_args(ctx, args)

    return Renamed


def _say(former: str, now: str) -> None:
    print(f"note: {former} is called {now} now; the old name goes with the next version.", file=sys.stderr)
