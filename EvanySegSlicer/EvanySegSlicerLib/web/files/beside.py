"""Work on the scene that takes seconds (Slicer's writers keep Python's lock), beside the event loop.

On Linux a forked process does it: it has the scene as it was at that moment, frames and edits go on meanwhile, and what
it changes is its own. It only writes files: no view, network, thread or socket of the server is touched in it.
Elsewhere forking a program with threads is not safe, and the work is done on the event loop.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from evanyseg.errors import EvanySegError, OutputError

DONE, REFUSED = 0, 3
"""How the process ends: all is written; the reason lies in the note."""
PR_SET_PDEATHSIG = 1
POLL_S = 0.02
LONGEST_S = 1800.0
"""A process that takes longer is stuck: it is ended, and that is said."""


async def beside(work: Callable[[], None], note: Path) -> None:
    """Run `work`, which only writes files. note: a path for what went wrong. Raises what it raises of EvanySegError."""
    if not sys.platform.startswith("linux"):
        await asyncio.sleep(POLL_S)  # what was said before is sent first
        work()
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: a program with threads forks, see above
        child = os.fork()
    if child == 0:
        _run_and_end(work, note)
    try:
        status = await _ended(child)
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    code = os.waitstatus_to_exitcode(status)
    if code == REFUSED:
        raise EvanySegError(note.read_text(encoding="utf-8"))
    if code != DONE:
        raise OutputError(f"The file could not be written: the process that wrote it ended with {code}.")


async def _ended(child: int) -> int:
    began = time.monotonic()
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        if time.monotonic() - began > LONGEST_S:
            raise OutputError(f"The file was not written within {LONGEST_S / 60:.0f} minutes.")
        await asyncio.sleep(POLL_S)


def _run_and_end(work: Callable[[], None], note: Path) -> None:
    """In the child. Nothing of the parent's is closed or flushed."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server's own business
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a killed server leaves nobody on its port
        from vtkmodules.vtkCommonCore import vtkSMPTools

        vtkSMPTools.SetBackend("Sequential")  # its threads stayed in the parent
        work()
        code = DONE
    except EvanySegError as error:
        note.write_text(str(error), encoding="utf-8")
        code = REFUSED
    except Exception:
        logging.getLogger("evanyseg").exception("An export failed")
    finally:
        os._exit(code)
