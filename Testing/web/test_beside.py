"""Work beside the event loop: the loop goes on, files are whole, and what goes wrong is said. No browser, no views."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from evanyseg.errors import EvanySegError, OutputError
from EvanySegSlicerLib.web.files import beside as module
from EvanySegSlicerLib.web.files.beside import beside

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere it runs on the event loop")


def run(work, note: Path) -> int:
    """Run it; returns how often the event loop came round meanwhile."""

    async def counted() -> int:
        turns, going = 0, asyncio.ensure_future(beside(work, note))
        while not going.done():
            await asyncio.sleep(0.01)
            turns += 1
        await going
        return turns

    return asyncio.run(counted())


def test_the_loop_goes_on_and_what_is_changed_stays_there(tmp_path: Path) -> None:
    kept = ["as it was"]

    def work() -> None:
        kept.append("only in the other process")
        time.sleep(0.5)  # keeps the lock, as far as this process would notice
        (tmp_path / "out").write_text(" ".join(kept))

    assert run(work, tmp_path / "note") > 5
    assert (tmp_path / "out").read_text() == "as it was only in the other process"
    assert kept == ["as it was"]


def test_a_refusal_comes_back_in_its_words(tmp_path: Path) -> None:
    def refuse() -> None:
        raise EvanySegError("There is nothing to export yet.")

    with pytest.raises(EvanySegError, match="nothing to export yet"):
        run(refuse, tmp_path / "note")


@pytest.mark.parametrize("end", [lambda: 1 / 0, lambda: os.kill(os.getpid(), 9)])
def test_a_process_that_breaks_is_said(tmp_path: Path, end) -> None:
    with pytest.raises(OutputError, match="could not be written"):
        run(end, tmp_path / "note")


def test_a_process_that_is_stuck_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_S", 0.3)
    fork, children = os.fork, []
    monkeypatch.setattr(os, "fork", lambda: children.append(fork()) or children[-1])
    with pytest.raises(OutputError, match="not written within"):
        run(lambda: time.sleep(600), tmp_path / "note")
    (child,) = children
    with pytest.raises(ChildProcessError):  # it is no child any more: ended, and waited for
        os.waitpid(child, os.WNOHANG)


def test_a_scene_is_written_while_other_threads_run(tmp_path: Path) -> None:
    import numpy as np

    from evanyseg.io.read import read_segmentation
    from EvanySegSlicerLib.scene.headless.boot import boot
    from EvanySegSlicerLib.scene.headless.scene_files import load_mrb, save_mrb, save_segmentation
    from EvanySegSlicerLib.scene.review.open_review import new_segmentation, open_review
    from scene.headless import add_volume, ball, phantom

    core, stop = boot(), threading.Event()
    busy = threading.Thread(target=lambda: [sum(range(1000)) for _ in iter(stop.is_set, True)], daemon=True)
    busy.start()
    try:
        volume = add_volume(core, phantom(ball()))
        review = open_review(volume, new_segmentation(volume)).review
        segment_id = review.store.add("Ball")
        plane = review.reader.plane(2, 5)
        drawn = np.zeros(plane.shape, bool)
        drawn[3:9, 4:11] = True
        review.store.write(segment_id, plane, drawn, volume)
        run(lambda: save_mrb(core.scene, tmp_path / "scene.mrb"), tmp_path / "note")
        run(lambda: save_segmentation(review.segmentation, tmp_path / "masks.seg.nrrd"), tmp_path / "note")
        assert review.segmentation.GetStorageNode() is None, "this process's scene is as it was"
        [segment] = (found := read_segmentation(tmp_path / "masks.seg.nrrd")).segments
        assert found.mask(segment).sum() == drawn.sum()
        load_mrb(core.scene, tmp_path / "scene.mrb")
        assert core.scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1
    finally:
        stop.set()
        core.close()
