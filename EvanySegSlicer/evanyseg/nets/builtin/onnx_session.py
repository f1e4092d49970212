"""Running a graph with onnxruntime: weights from memory, few threads that wait passively, cancelling in the middle.

Graphs are shipped without weights (`evanyseg-train graphs` makes them); their initialisers bear the names of the torch
networks' parameters and are filled from the same file that torch reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ...device import INSTALL_ONNX
from ...errors import DeviceError, MissingPackageError, WeightsError
from ...protocols import ShouldCancel, never_cancel, raise_if_cancelled
from ...threads import network_threads
from ...weights.strict import check_keys

FIRST_POLL, LAST_POLL = 0.002, 0.02
"""Seconds between two looks at `should_cancel`, which may take a lock: soon at first, then seldom."""
MOST_AT_ONCE = 4
_runs = ThreadPoolExecutor(MOST_AT_ONCE, "evanyseg-onnx")


@dataclass(frozen=True)
class GraphFile:
    """A graph's .onnx and what its .json says: `sizes` of the network it was made from, `weights`: shapes of its
    parameters by name."""

    path: Path
    sizes: dict[str, Any]
    weights: dict[str, list[int]]

    @classmethod
    def read(cls, path: Path) -> GraphFile:
        """Raises WeightsError when either file is missing or damaged."""
        try:
            told = json.loads(path.with_suffix(".graph.json").read_text(encoding="utf-8"))
            found = cls(path, dict(told["sizes"]), dict(told["weights"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WeightsError(
                f"The graph {path.stem} of the built-in models is damaged ({error}); reinstall."
            ) from None
        if not path.is_file():
            raise WeightsError(f"{path.name}, the graph of a built-in model, is missing; reinstall.")
        return found


class Graph:
    """A session on the CPU. Deterministic for a given number of threads; safe to run from several threads."""

    def __init__(self, graph: GraphFile, state: Mapping[str, np.ndarray], what: str) -> None:
        """`state`: float32 weights by name (more than the graph's own are ignored). Raises WeightsError."""
        runtime = onnxruntime()
        used = {name: np.ascontiguousarray(state[name], np.float32) for name in graph.weights if name in state}
        check_keys(graph.weights, {name: array.shape for name, array in used.items()}, what)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = network_threads()
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        values = [runtime.OrtValue.ortvalue_from_numpy(array) for array in used.values()]
        options.add_external_initializers(list(used), values)
        try:
            self._session = runtime.InferenceSession(
                graph.path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime has its own classes for each of many reasons
            raise WeightsError(f"onnxruntime cannot open {graph.path.name} ({_first_line(error)}).") from None
        self._runtime = runtime
        self.outputs = [output.name for output in self._session.get_outputs()]

    def run(
        self, inputs: Mapping[str, np.ndarray], should_cancel: ShouldCancel = never_cancel
    ) -> dict[str, np.ndarray]:
        """Outputs by name. Raises CancelledError soon after `should_cancel()` turns true, MemoryError."""
        raise_if_cancelled(should_cancel)
        options = self._runtime.RunOptions()
        run = partial(self._session.run, self.outputs, dict(inputs), options)
        if should_cancel is never_cancel:
            found = run()
        else:
            found = self._watched(_runs.submit(run), options, should_cancel)
            raise_if_cancelled(should_cancel)
        return dict(zip(self.outputs, found, strict=True))

    def _watched(self, run: Future, options: Any, should_cancel: ShouldCancel) -> list[np.ndarray]:
        pause = FIRST_POLL
        try:
            while True:
                try:
                    found: list[np.ndarray] = run.result(pause)
                    return found
                except NotYet:
                    raise_if_cancelled(should_cancel)
                    pause = min(2 * pause, LAST_POLL)
        finally:
            if not run.done():
                options.terminate = True  # looked at before every node of the graph
                run.exception()


def onnxruntime() -> Any:
    """The package, silent and without telemetry. Raises MissingPackageError, DeviceError when it cannot be loaded."""
    try:
        import onnxruntime as runtime
    except ModuleNotFoundError:
        raise MissingPackageError(
            "The built-in models need onnxruntime, which is not installed", INSTALL_ONNX
        ) from None
    except ImportError as error:
        raise DeviceError(
            f"onnxruntime is installed and cannot be loaded ({_first_line(error)}): install it again, on Windows with "
            "Microsoft's Visual C++ runtime, or choose the backend torch."
        ) from None
    runtime.set_default_logger_severity(4)  # what fails is raised; it is not printed as well
    runtime.disable_telemetry_events()
    return runtime


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
