"""Tells somebody: runs a command of the user's for a case below a threshold."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import EvanySegError

LONGEST = 60.0
"""Seconds that a hook may take."""


@dataclass(frozen=True)
class Hook:
    """command: program and arguments; the facts of the case come as environment variables (EVANYSEG_CASE,
    EVANYSEG_DICE, ...), so that no name of a file is ever part of a command line. No shell is involved."""

    command: Sequence[str]
    below: float

    @classmethod
    def parsed(cls, text: str, below: float) -> Hook:
        """Raises EvanySegError for text that is no command line."""
        try:
            command = shlex.split(text, posix=os.name == "posix")
        except ValueError as error:
            raise EvanySegError(f"--hook cannot be read as a command ({error}).") from None
        if not command:
            raise EvanySegError("--hook is empty; give a program and its arguments.")
        return cls(command, below)

    def call(self, facts: Mapping[str, str]) -> str:
        """'' when it went well, else what went wrong: a hook never stops the watch."""
        environment = {**os.environ, **{f"EVANYSEG_{name.upper()}": value for name, value in facts.items()}}
        try:
            done = subprocess.run(
                list(self.command), env=environment, timeout=LONGEST, capture_output=True, text=True, errors="replace"
            )
        except subprocess.TimeoutExpired:
            return f"the hook took longer than {LONGEST:.0f} s and was ended"
        except OSError as error:
            return f"the hook cannot be run ({error.strerror or error})"
        said = (done.stderr or done.stdout).strip().splitlines()
        return f"the hook ended with code {done.returncode}: {said[-1] if said else ''}" if done.returncode else ""
