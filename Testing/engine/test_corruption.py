"""A few damaged files of every format; `python Testing/fuzz/corruption.py 1000` does the same with many."""

from __future__ import annotations

import pytest

from fuzz.corruption import run

pytest.importorskip("nibabel")


@pytest.mark.parametrize("seed", [11, 12])
def test_damaged_files_are_refused_or_read_as_others_read_them(seed: int) -> None:
    outcome = run(96, seed)
    assert outcome.faults == []
    assert outcome.counts["refused"] > 20
    assert outcome.counts["scored"] > 20  # bits of uncompressed voxels can be anything
