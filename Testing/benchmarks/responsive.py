"""How long a person waits for the window: entering, blocking, cancelling, large tables. Tests count, this measures."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from evanyseg.errors import CancelledError
from evanyseg.protocols import ShouldCancel

from .phantoms import slice_with_object
from .timing import Figure, figure, milliseconds

CANCEL_MS = 500.0


def run(runs: int) -> list[Figure]:
    """Everything without a window, then the stand-in for desktop Slicer when it is there."""
    from importlib.util import find_spec

    rows = [*_cancelling(runs), *_table(runs)]
    return [*rows, *_window(runs)] if find_spec("PySide6") and find_spec("slicer") else rows


def _cancelling(runs: int) -> list[Figure]:
    from evanyseg.models import estimators, segmenters
    from evanyseg.prompts import BoxPrompt

    image, mask, _ = slice_with_object(512, 0)
    color = np.repeat(np.clip(image, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    segmenter, estimator = segmenters.create("builtin", "cpu"), estimators.create("builtin", "cpu")
    many = np.stack([mask] * 64)
    boxes = [BoxPrompt.of_mask(mask)] * 64
    work: dict[str, Callable[[ShouldCancel], object]] = {
        "segmenter, encoding an image": lambda stop: segmenter.embed(color, stop),
        "estimator, 64 masks": lambda stop: estimator.estimate(color, many, boxes, should_cancel=stop),
    }
    return [
        figure(f"cancel: built-in {name} -> ended", [_cancelled_after(do) for _ in range(runs)], target=CANCEL_MS)
        for name, do in work.items()
    ]


def _cancelled_after(work: Callable[[ShouldCancel], object]) -> float:
    """Milliseconds from a cancel in the middle of `work`, which is repeated until then, to its end."""
    flag, running, ended = threading.Event(), threading.Event(), []

    def repeat() -> None:
        try:
            while True:
                work(lambda: bool(running.set()) or flag.is_set())
        except CancelledError:
            ended.append(time.perf_counter())

    thread = threading.Thread(target=repeat)
    thread.start()
    running.wait()
    time.sleep(0.1)
    asked = time.perf_counter()
    flag.set()
    thread.join()
    return 1e3 * (ended[0] - asked)


def _table(runs: int) -> list[Figure]:
    """5,000 rows in a real table node."""
    from evanyseg.geometry.volume import Volume
    from evanyseg.models import estimators
    from evanyseg.pipeline.slice_pipeline import SlicePipeline
    from EvanySegSlicerLib.demo.stage import set_stage
    from EvanySegSlicerLib.scene.table.records import ScoreRecord
    from EvanySegSlicerLib.scene.table.score_table import ScoreTable

    stage = set_stage(Volume(np.zeros((4, 32, 32), np.int16), name="none"), SlicePipeline(estimators.create("builtin")))
    put, update, opened = [], [], []
    try:
        for _ in range(runs):
            table = ScoreTable.create(stage.slicer.scene)
            rows = [
                ScoreRecord(f"s{n % 7}", "Liver", "axial", 2, n, "", content_hash=f"h{n}", dice=0.8)
                for n in range(5000)
            ]
            put.append(milliseconds(lambda t=table, r=rows: t.put(*r)))
            few = [replace(r, comment="c") for r in rows[:200]]
            update.append(milliseconds(lambda t=table, f=few: [t.update(r) for r in f]))
            opened.append(milliseconds(lambda t=table: ScoreTable.of_node(t.node).records()))
    finally:
        stage.close()
    return [
        figure("table: 5,000 new scores written", put, target=2000),
        figure("table: 200 comments, one by one", update, target=2000),
        figure("table: opened again with 5,000 rows", opened, target=6000),
    ]


def _window(runs: int) -> list[Figure]:
    """The panel in its own event loop, with models that need no time of their own."""
    from desktop import module, phantoms
    from desktop.slicer_standin.driver import Driver
    from desktop.slicer_standin.host import Host
    from desktop.user import User

    entered, blocked, steps = [], [], []
    with Host() as host:
        driver = Driver()
        user = User(host, driver, module.double_models(), phantoms.add_volume(host.scene, phantoms.ball()))
        for _ in range(runs):
            host.leave_module()
            entered.append(milliseconds(lambda: host.selectModule("EvanySegSlicer")))
        for n in range(runs):
            user.scroll("Red", 1)
            driver.longest_block_s = 0.0
            user.draw(half=26.0 - n % 3)
            blocked.append(1e3 * driver.longest_block_s)
        steps = [_longest_step(user, driver) for _ in range(min(runs, 3))]
    return [
        figure("panel: entered again", entered, target=300),
        figure("panel: longest block of the window while a box is segmented (CPU)", blocked, target=50),
        figure("panel: longest step while 5,000 rows are shown, scrolled, filtered (CPU)", steps, target=100),
    ]


def _longest_step(user: object, driver: object) -> float:
    from desktop.slicer_standin.driver import Driver
    from desktop.user import User
    from EvanySegSlicerLib.desktop.tabs.review_table import ReviewTable

    assert isinstance(user, User)
    assert isinstance(driver, Driver)
    template = user.rows[0]
    rows = [
        replace(template, segment_id=f"S{n % 25}", segment=f"S{n % 25}", index=n // 25, dice=(n * 37 % 100) / 100)
        for n in range(5000)
    ]
    table, longest = ReviewTable(user.ui.reviewTable, lambda key: None), [0.0]
    user.tab("reviewTab")
    driver.settle()
    driver.longest_block_s = 0.0

    def timed(action: Callable[[], object]) -> None:
        start = time.thread_time()
        action()
        longest.append(time.thread_time() - start)

    timed(lambda: table.show(rows))
    driver.wait_until(lambda: table.complete, what="all rows")
    for step in range(10):
        timed(lambda s=step: user.ui.reviewTable.verticalScrollBar().setValue(s * 490))
        timed(driver.settle)
    timed(lambda: table.show([row for row in rows if row.segment == "S3"]))
    driver.wait_until(lambda: table.complete, what="the filtered rows")
    table.close()
    return 1e3 * max(*longest, driver.longest_block_s)
