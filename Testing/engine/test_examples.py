"""Every command line that the help and the pages show is one that the program understands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from evanyseg.commands.app import OF_DATASETS, OWN, build_app
from evanyseg.errors import EvanySegError
from evanyseg.pipeline.intensity import preset_named

ROOT = Path(__file__).resolve().parents[2]
REFUSED = typer.BadParameter.__mro__[2]
"""click.ClickException, of the click that this typer works with."""
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def lines_of(text: str) -> Iterator[str]:
    """Lines that begin with `evanyseg COMMAND`, those that go on after a backslash joined; remarks after # go."""
    joined = re.sub(r"\\+\n\s*", " ", text)
    for line in joined.splitlines():
        if re.match(r"\s+evanyseg [a-z]", line) or line.startswith("evanyseg "):
            yield re.split(r"\s#\s| && ", line.strip())[0]


@pytest.fixture(scope="module")
def program() -> TyperGroup:
    made = typer.main.get_command(build_app({}))
    assert isinstance(made, TyperGroup)
    return made


def problem(program: TyperGroup, line: str) -> str:
    """Why the program would not understand the words of a line; '' when it does. No file is looked at."""
    words = shlex.split(line)[1:]
    command = program.commands.get(words[0])
    if isinstance(command, TyperGroup):
        words = words[1:]
        command = command.commands.get(words[0])
    if command is None:
        return f"there is no command {words[0]}"
    try:
        given = command.make_context(words[0], words[1:]).params
        if given.get("intensity"):
            preset_named(given["intensity"])
    except (REFUSED, EvanySegError) as error:
        return str(getattr(error, "message", error))
    return ""


def test_what_is_not_understood_is_found(program: TyperGroup) -> None:
    assert "No such option" in problem(program, "evanyseg score a.png b.png --colour")
    assert "Unknown intensity preset" in problem(program, "evanyseg score a.png b.png --intensity ct-belly")
    assert "no command" in problem(program, "evanyseg grade a.png")
    (found,) = lines_of("evanyseg a \\\n  --b  # why\nso evanyseg c")
    assert found.split() == ["evanyseg", "a", "--b"]


@pytest.mark.parametrize("name", [*OWN, *OF_DATASETS])
def test_examples_of_the_help(program: TyperGroup, name: str) -> None:
    lines = list(lines_of(program.commands[name].help or ""))
    assert lines, "no example"
    assert {line: said for line in lines if (said := problem(program, line))} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_examples_of_the_pages(program: TyperGroup, page: Path) -> None:
    lines = lines_of(page.read_text(encoding="utf-8"))
    assert {line: said for line in lines if (said := problem(program, line))} == {}
