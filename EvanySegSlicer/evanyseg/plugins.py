"""What other installed packages add: entry points by group ('evanyseg.segmenters', 'evanyseg.metrics', ...)."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points
from typing import Any

log = logging.getLogger("evanyseg.plugins")


def added(group: str) -> dict[str, Any]:
    """Name -> object of every entry point of `group`; one that cannot be loaded is logged and left out."""
    found: dict[str, Any] = {}
    for point in entry_points(group=group):
        try:
            found[point.name] = point.load()
        except Exception as error:  # somebody else's package: whatever it raises, the others are to work
            log.warning("'%s' (%s) of %s cannot be loaded: %s", point.name, point.value, group, error)
    return found
