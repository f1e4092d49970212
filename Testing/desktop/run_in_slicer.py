"""Runs the module's self test inside desktop Slicer, which then ends with 0 (all passed) or 1."""

from __future__ import annotations

import traceback

import slicer


def run() -> int:
    """Every check on an empty scene; prints one line each."""
    from EvanySegSlicerLib.desktop.setup import self_test

    failed = []
    for name, check in self_test.CHECKS.items():
        slicer.mrmlScene.Clear(0)
        try:
            check()
        except Exception:
            failed.append(name)
            traceback.print_exc()
        print(f"{'FAILED' if name in failed else 'passed'}: {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    slicer.util.exit(run())
