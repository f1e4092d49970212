"""The reverse engines by name."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import EvanySegError
from .reverse.protocol import ReverseEngine

DEFAULT = "ridge"


def _ridge() -> ReverseEngine:
    from ..segmenters.builtin import load
    from .reverse.ridge import RidgeEngine

    return RidgeEngine(load(None).features)


def _patches() -> ReverseEngine:
    from .reverse.patches import PatchEngine

    return PatchEngine()


def _registration() -> ReverseEngine:
    from .reverse.registration import RegistrationEngine

    return RegistrationEngine()


def _network() -> ReverseEngine:
    from .reverse.network import NetworkEngine

    return NetworkEngine()


ENGINES: dict[str, Callable[[], ReverseEngine]] = {
    "ridge": _ridge,
    "patches": _patches,
    "registration": _registration,
    "network": _network,
}


def reverse_engine(name: str) -> ReverseEngine:
    """Raises EvanySegError for a name that is none."""
    if name not in ENGINES:
        raise EvanySegError(f"There is no reverse engine '{name}'; there are {', '.join(ENGINES)}.")
    return ENGINES[name]()
