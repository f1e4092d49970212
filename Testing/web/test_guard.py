"""Who is let in, and what a server says that cannot start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from web.browser import Reviewer
from web.running import Server


@pytest.mark.parametrize("path", ["/", "/index.html", "/ws", "/export/scene", "/?token=wrong"])
def test_without_the_token_nothing_is_answered(server: Server, path: str) -> None:
    status, text = server.answer(path)
    assert status == 403
    assert "token" in text


def test_another_host_name_is_refused_even_with_the_token(server: Server) -> None:
    assert server.answer(f"/?token={server.token}", Host="evil.example")[0] == 421


def test_another_site_cannot_open_the_socket(server: Server, reviewer: Reviewer) -> None:
    cookie = "; ".join(f"{c['name']}={c['value']}" for c in reviewer.context.cookies())
    for origin in ("http://evil.example", "null", ""):
        assert server.answer("/ws", Cookie=cookie, Origin=origin)[0] == 403
    assert server.answer("/ws", Cookie=cookie, Origin=server.origin)[0] == 409, "this page has the session"


def test_a_second_tab_is_told_and_can_take_over(server: Server, reviewer: Reviewer) -> None:
    second = reviewer.context.new_page()
    second.goto(server.address)
    second.wait_for_selector("#take:visible")
    assert "another tab" in second.inner_text("#said")
    second.click("#take")
    second.wait_for_selector("#volume-name:not(:has-text('No volume'))")
    reviewer.page.wait_for_selector("#again")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--host", "0.0.0.0"], ["EVANYSEG_WEB_TOKEN", "TLS"]),
        (["--volume", "nowhere.nii.gz"], ["nowhere.nii.gz"]),
        (["--segmentation", "."], ["--volume"]),
    ],
)
def test_what_cannot_work_is_refused_in_a_sentence(arguments: list[str], words: list[str]) -> None:
    command = [sys.executable, "-m", "EvanySegSlicerLib.web", "--no-browser", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert all(word in done.stderr for word in words), done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_refused_with_the_way_out(server: Server) -> None:
    port = server.origin.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "EvanySegSlicerLib.web", "--no-browser", "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "--port" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="processes are asked as POSIX has it")
def test_what_a_killed_server_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    from evanyseg.io.scratch import EXPORT, KINDS, UPLOAD, remove_orphans, scratch_folder

    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        gone.wait()
    with scratch_folder(EXPORT) as folder:
        living = Path(folder).name
    assert living.startswith(f"evanyseg-{EXPORT}-{os.getpid()}-")
    kept = [living, f"evanyseg-{UPLOAD}-nothing-b2", f"evanyseg-copies-{gone.pid}-c3", "other"]
    for name in (*kept, *(f"evanyseg-{kind}-{gone.pid}-x_y" for kind in KINDS)):
        (tmp_path / name / "1").mkdir(parents=True)
        (tmp_path / name / "1" / "patient.nii.gz").write_bytes(b"image")
    (tmp_path / f"evanyseg-{UPLOAD}-{gone.pid}-link").symlink_to(tmp_path / "other")
    remove_orphans(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir() if not p.is_symlink()) == sorted(kept)
    assert (tmp_path / "other" / "1" / "patient.nii.gz").is_file()
