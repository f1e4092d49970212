"""A server as a user starts one: `python -m EvanySegSlicerLib.web`, in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np

TOKEN = "a-token-for-tests-only"
STARTED = re.compile(r"EvanySegSlicer is at (http://\S+?)/\?token=(\S+)")


def write_phantom(path: Path, seed: int = 0) -> Path:
    """int16 NIfTI; the ball's centre is the volume's."""
    import SimpleITK as sitk

    k, j, i = np.mgrid[:40, :64, :64]
    ball = (k - 19.5) ** 2 + (j - 31.5) ** 2 + (i - 31.5) ** 2 <= 14**2
    array = np.where(ball, 400, 80) + np.random.default_rng(seed).normal(0, 15, ball.shape)
    image = sitk.GetImageFromArray(array.astype(np.int16))
    sitk.WriteImage(image, str(path))
    return path


def write_pillar(path: Path, seed: int = 0) -> Path:
    """The same, with a pillar of radius 14 through 60 slices: work that takes long enough to be stopped."""
    import SimpleITK as sitk

    k, j, i = np.mgrid[:60, :64, :64]
    pillar = ((j - 31.5) ** 2 + (i - 31.5) ** 2 <= 14**2) & (k >= 5) & (k < 55)
    array = np.where(pillar, 400, 80) + np.random.default_rng(seed).normal(0, 15, k.shape)
    sitk.WriteImage(sitk.GetImageFromArray(array.astype(np.int16)), str(path))
    return path


def write_noise(path: Path) -> Path:
    """A bright ball in 200 slices of 256 x 256 pixels of noise: a scene of it takes a while to be compressed."""
    import SimpleITK as sitk

    k, j, i = np.ogrid[:200, :256, :256]
    ball = (k - 99.5) ** 2 + (j - 127.5) ** 2 + (i - 127.5) ** 2 <= 56**2
    noise = np.random.default_rng(0).integers(-120, 120, ball.shape, dtype=np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(np.where(ball, 900, 200).astype(np.int16) + noise), str(path))
    return path


class Server:
    """`with Server("--volume", path) as server`: running when the block begins, ended with it."""

    def __init__(
        self, *arguments: str | Path, token: str = TOKEN, wait_s: float = 180, module: str = "EvanySegSlicerLib.web"
    ) -> None:
        """module: what is run, for servers that need more models than the built-in ones."""
        self.arguments = [str(a) for a in arguments]
        self.token, self.wait_s, self.module = token, wait_s, module
        self._references = tempfile.TemporaryDirectory(prefix="evanyseg-references-")
        self.output: list[str] = []
        self.origin = ""

    def __enter__(self) -> Server:
        environment = {**os.environ, "EVANYSEG_WEB_TOKEN": self.token, "PYTHONUNBUFFERED": "1"}
        environment["EVANYSEG_REFERENCES"] = self._references.name  # not what somebody keeps on this computer
        command = [sys.executable, "-m", self.module, "--port", "0", "--no-browser", *self.arguments]
        root = Path(__file__).resolve().parents[2]
        paths = [str(root / "EvanySegSlicer"), str(root / "Testing"), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        self._started = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        if not self._started.wait(self.wait_s) or not self.origin:
            self.stop()
            raise AssertionError("The server did not start:\n" + "".join(self.output[-40:]))
        return self

    def __exit__(self, *what: object) -> None:
        self.stop()
        self._references.cleanup()

    @property
    def address(self) -> str:
        return f"{self.origin}/?token={self.token}"

    def stop(self) -> int:
        """Interrupted as with Ctrl+C; killed when that does not end it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait(15)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(15)

    def megabytes(self) -> float:
        """Resident memory of the process now."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024

    def peak_megabytes(self) -> float:
        """Its largest resident size so far."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) / 1024

    def answer(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        """(status, text) of a bare request."""
        request = urllib.request.Request(f"{self.origin}{path}", method=method, headers=headers)
        opener = urllib.request.build_opener(_NoRedirect)
        try:
            with opener.open(request, timeout=20) as response:
                return response.status, response.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output.append(line)
            if found := STARTED.search(line):
                self.origin = found[1]
                self._started.set()
        self._started.set()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: object) -> None:
        return None
