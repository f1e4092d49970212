"""What goes wrong while somebody works: tabs, reloads, another volume; and what a server says that lacks something."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from EvanySegSlicerLib.web.panels.segment_panel import NO_MASK
from web.browser import Reviewer
from web.running import Server, write_noise, write_phantom, write_pillar

HALF = 125


@pytest.fixture(scope="module")
def pillar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pillar(tmp_path_factory.mktemp("pillar") / "pillar.nii.gz")


@pytest.fixture(scope="module")
def server(pillar: Path) -> Iterator[Server]:
    with Server("--volume", pillar) as running:
        yield running


def draw(reviewer: Reviewer) -> None:
    if not reviewer.rows():
        reviewer.take("box")
        reviewer.drag("Red", HALF)
        reviewer.wait_rows(1)
    reviewer.wait_idle()


def begin_long_job(reviewer: Reviewer) -> None:
    reviewer.page.click("#propagate-both")
    reviewer.page.wait_for_function(
        "parseFloat(document.querySelector('#busy [role=progressbar]')?.getAttribute('aria-valuenow')) > 2",
    )


def wait_many(reviewer: Reviewer) -> None:
    reviewer.page.wait_for_function("document.querySelectorAll('#table [data-key]').length > 40")
    reviewer.wait_idle()


def test_a_tab_closed_in_the_middle_of_a_job_loses_nothing(server: Server, browser) -> None:
    with Reviewer(browser, server) as first:
        draw(first)
        begin_long_job(first)
    with Reviewer(browser, server) as second:
        wait_many(second)
        assert not second.errors
        second.press("Control+z")  # back to the one box, for the tests after this one
        second.wait_rows(1)


def test_frames_keep_coming_while_a_job_runs(server: Server, reviewer: Reviewer) -> None:
    draw(reviewer)
    begin_long_job(reviewer)
    reviewer.count_frames()
    seen, turns = 0, 0
    while reviewer.page.locator("#busy").count():
        seen, turns = reviewer.frames(), turns + 1
        reviewer.wheel(100 if turns % 8 < 4 else -100)
    assert seen >= 3
    wait_many(reviewer)
    reviewer.press("Control+z")
    reviewer.wait_rows(1)
    reviewer.page.click("#table [data-key]")  # back to the slice of the box


def test_a_reload_shows_what_was_there(server: Server, reviewer: Reviewer) -> None:
    draw(reviewer)
    rows, picture = reviewer.rows(), reviewer.still()
    for _ in range(2):
        reviewer.reload()
        assert reviewer.rows() == rows
    again = reviewer.still()
    changed = abs(again.astype(int) - picture).max(axis=2) > 48
    assert changed.mean() < 0.02, "the same slice in the same colours"
    reviewer.take("box")
    reviewer.drag("Red", HALF - 15)
    reviewer.page.wait_for_timeout(300)
    reviewer.wait_idle()
    assert len(reviewer.rows()) == 1, "the same slice again"


def test_a_volume_replaced_while_a_job_runs_drops_its_result(reviewer: Reviewer, tmp_path: Path) -> None:
    draw(reviewer)
    begin_long_job(reviewer)
    reviewer.page.set_input_files("#file-image", str(write_phantom(tmp_path / "other.nii.gz", seed=2)))
    reviewer.page.wait_for_selector("#volume-name:has-text('other')")
    reviewer.wait_idle()
    reviewer.page.wait_for_timeout(1500)
    assert reviewer.rows() == [], "nothing of the old volume's job arrives"
    draw(reviewer)
    assert len(reviewer.rows()) == 1
    assert not reviewer.errors


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="exports run beside the event loop on Linux")
def test_frames_keep_coming_while_a_scene_is_written(browser, tmp_path: Path) -> None:
    with Server("--volume", write_noise(tmp_path / "noise.nii.gz")) as server, Reviewer(browser, server) as reviewer:
        draw(reviewer)
        reviewer.count_frames()
        seen = 0
        with reviewer.page.expect_download():
            reviewer.page.evaluate("() => { window.evanysegDownload('scene', 'evanyseg.mrb'); }")
            reviewer.page.wait_for_function("document.getElementById('status').innerText.startsWith('Writing')")
            begun = reviewer.frames()
            while not reviewer.text("#status").endswith("was made."):
                seen = reviewer.frames() - begun
                reviewer.wheel()
        assert seen >= 3


def test_a_killed_server_goes_on_from_the_same_session_file(browser, phantom: Path, tmp_path: Path) -> None:
    file = tmp_path / "review.mrb"
    with Server("--volume", phantom) as server, Reviewer(browser, server) as reviewer:
        reviewer.export("scene", tmp_path).rename(file)
    with Server("--session", file) as server, Reviewer(browser, server) as reviewer:
        draw(reviewer)
        reviewer.press("n")
        reviewer.page.wait_for_selector("#accept:not([disabled])")
        reviewer.press("a")
        reviewer.wait_for_row("accepted")
        saved = reviewer.rows()
        reviewer.press("Control+s")
        reviewer.page.wait_for_selector("#status:has-text('review.mrb was saved')")
        reviewer.page.click("#propagate-up")
        reviewer.page.wait_for_function("document.querySelectorAll('#table [data-key]').length > 5")
        server.kill()
        reviewer.page.wait_for_selector("#again")
    with Server("--session", file) as server, Reviewer(browser, server) as reviewer:
        reviewer.wait_rows(1)
        assert reviewer.rows() == saved
        reviewer.page.click("#propagate-up")
        reviewer.page.wait_for_function("document.querySelectorAll('#table [data-key]').length > 5")
        reviewer.wait_idle()
        longer = reviewer.rows()
        reviewer.press("Control+s")
        reviewer.page.wait_for_selector("#status:has-text('review.mrb')")
        server.kill()  # while it is being saved, or just after
    with Server("--session", file) as server, Reviewer(browser, server) as reviewer:
        reviewer.page.wait_for_selector("#table [data-key]")
        assert reviewer.rows() in (saved, longer), "the old file or the new one, nothing between"


def test_fifty_boxes_leave_memory_as_it_was(browser, phantom: Path) -> None:
    with Server("--volume", phantom) as server, Reviewer(browser, server) as reviewer:
        after: list[float] = []
        for number in range(50):
            half = HALF - number % 5 * 4
            before = reviewer.text("#result")
            reviewer.drag("Red", half, half - number % 3 * 4)
            reviewer.page.wait_for_selector("#undo:not([disabled])")
            reviewer.page.wait_for_timeout(100)
            reviewer.wait_idle()
            assert before != NO_MASK or reviewer.text("#result") != NO_MASK, f"box {number}"
            after.append(server.megabytes())
        assert len(reviewer.rows()) == 1, "the same slice each time"
        assert not reviewer.errors
    assert after[-1] - after[9] < 40, f"MB after 10, 30 and 50 boxes: {after[9]:.0f}, {after[29]:.0f}, {after[49]:.0f}"


def test_without_opengl_the_packages_are_named(phantom: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import ctypes\nreal = ctypes.CDLL\n"
        "def without(name, *rest, **more):\n"
        "    if name and ('EGL' in str(name) or 'OSMesa' in str(name)): raise OSError('not here')\n"
        "    return real(name, *rest, **more)\n"
        "ctypes.CDLL = without\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "DISPLAY"}
    environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), environment.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "EvanySegSlicerLib.web", "--no-browser", "--port", "0", "--volume", str(phantom)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert done.returncode == 1
    assert "apt install libegl1" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_browser_the_address_is_left_to_the_user(phantom: Path) -> None:
    environment = {**os.environ, "BROWSER": "/nonexistent-browser %s", "PYTHONUNBUFFERED": "1", "PATH": "/nonexistent"}
    environment.pop("DISPLAY", None)
    command = [sys.executable, "-m", "EvanySegSlicerLib.web", "--port", "0", "--volume", str(phantom)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "No browser" in line or len(lines) > 60:
                break
        process.terminate()
    assert any("open the address yourself" in line for line in lines), "".join(lines)
