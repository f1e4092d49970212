"""The command `evanyseg`. Standard library only until a command line is really parsed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.util import find_spec

NEEDED = {"typer": "typer", "rich": "rich", "SimpleITK": "SimpleITK", "PIL": "Pillow"}


def main(arguments: list[str] | None = None, commands: Mapping[str, str] | None = None) -> int:
    """Run one command line; the exit code: 0 all went well, 1 some rows failed or an alert was raised, 2 nothing
    could be done with what was given, 128 + a signal's number when it was stopped. `commands`: further ones by name,
    as 'module:function'."""
    missing = [package for module, package in NEEDED.items() if find_spec(module) is None]
    if missing:
        print(
            f"evanyseg: the command line needs {', '.join(missing)}; install them with: "
            "pip install 'evanyseg-slicer[cli]'",
            file=sys.stderr,
        )
        return 2
    from .commands.app import build_app
    from .commands.support.console import say_error, say_plain
    from .commands.support.stopping import Stopped, stoppable
    from .errors import EvanySegError

    given = sys.argv[1:] if arguments is None else arguments
    try:
        with stoppable():
            build_app(commands or {}, given[0] if given else "")(args=given, prog_name="evanyseg")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 2
    except EvanySegError as error:
        say_error(" ".join([str(error), *getattr(error, "__notes__", ())]))
        return 2
    except Stopped as stop:
        say_plain(f"{stop}. " + (" ".join(getattr(stop, "__notes__", ())) or "Nothing was written."))
        return stop.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
