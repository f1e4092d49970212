"""Where the workers are: processes of this machine, or somebody's Dask scheduler."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from ..errors import EvanySegError, MissingPackageError

LOCAL = "local:"
SCHEMES = ("tcp://", "tls://", "ucx://")
WAIT_S = 30
"""For a scheduler, and for its first worker."""
SETTINGS = {
    # Dask's sampling of what workers do takes a few percent of them and about 0.1 MB a second of their memory
    "distributed.worker.profile.enabled": False,
    # Dask makes glibc give every free page back at once, and take blocks above 128 kB from the system each time: that
    # costs a fifth of the time of scoring. These are the highest values that glibc itself arrives at.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": str(64 * 2**20),
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
}
"""Of workers that are processes of this machine."""


@contextlib.contextmanager
def connected(address: str) -> Iterator[Any]:
    """A distributed.Client while the block runs: of `local:N` (N processes with one thread each, on loopback) or of the
    scheduler at `tcp://host:port`. Raises EvanySegError, MissingPackageError."""
    local = _local_workers(address)
    try:
        import dask.config
        import distributed
    except ImportError as error:
        raise MissingPackageError(
            "--cluster needs Dask, which is not installed", "pip install 'evanyseg-slicer[cluster]'"
        ) from error
    # also while it runs: workers that are lost are replaced
    with dask.config.set(SETTINGS if local else {}), _cluster(address, local) as there:
        try:
            client = distributed.Client(there, timeout=WAIT_S)
        except (OSError, ValueError) as error:
            raise EvanySegError(f"No Dask scheduler answers at {address} ({error or type(error).__name__}).") from None
        with client:
            try:
                client.wait_for_workers(1, timeout=WAIT_S)
            except TimeoutError:
                raise EvanySegError(
                    f"The scheduler at {address} has no workers; start some with `dask worker`."
                ) from None
            yield client


def _local_workers(address: str) -> int:
    """N of local:N, 0 for an address. Raises EvanySegError."""
    if address.startswith(SCHEMES):
        return 0
    count = address.removeprefix(LOCAL)
    if not address.startswith(LOCAL) or not count.isdecimal() or not 1 <= int(count) <= 1024:
        raise EvanySegError(
            f"--cluster {address}: write local:4 (processes of this machine) or a scheduler's address, tcp://host:8786."
        )
    return int(count)


def _cluster(address: str, local: int) -> Any:
    """What a client connects to, as a context."""
    import distributed

    if not local:
        return contextlib.nullcontext(address)
    # a thread each: networks of several workers on the same cores would only get in each other's way
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return distributed.LocalCluster(
        n_workers=local, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0",
        env={**threads, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}, silence_logs=50,
    )  # fmt: skip
