"""Learning on a server: what it gives is what learning here gives, and scoring with it as well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import evanyseg
from engine.test_adaptation import QUICK, example, references
from evanyseg.adaptation import file
from evanyseg.adaptation.fit import adapt
from evanyseg.adaptation.reference import GradedMask, Reference
from evanyseg.errors import CancelledError, ImageError, ServerError, WeightsError
from evanyseg.quality.builtin import load
from evanyseg.remote.learning import CHECKS
from evanyseg.remote.models import RemoteAdapted, RemoteEstimator
from evanyseg.results import QualityCase

pytest.importorskip("uvicorn")
pytest.importorskip("sklearn")
from engine.served import LoadedModels, Served, served


@pytest.fixture(scope="module")
def there() -> Iterator[Served]:
    with served(models=LoadedModels("cpu", "onnx")) as server:  # auto depends on what this process has loaded
        yield server


@pytest.fixture
def remote(there: Served) -> RemoteEstimator:
    found = evanyseg.load_estimator("builtin", there.device)
    assert isinstance(found, RemoteEstimator)
    return found


def numbers(estimates) -> list[tuple]:
    return [(e.dice, e.low, e.high, e.level, e.caveats, e.estimator) for e in estimates]


def test_learning_there_is_learning_here(remote: RemoteEstimator, there: Served, tmp_path: Path) -> None:
    image, truth, _ = example(9)
    accepted = Reference(image, None, graded=(GradedMask(truth, 0.95, 0.3, (0.9, 1.0)),), subject="s9", weight=0.3)
    given, base, waiting = [*references(8), accepted], load(None, "cpu", "onnx"), [0.8, 0.9]
    here = adapt(given, base, QUICK, "mine", waiting=waiting)
    steps: list[float] = []
    found = adapt(given, remote, QUICK, "mine", lambda fraction, what: steps.append(fraction), waiting=waiting)
    for name in CHECKS:
        assert np.array_equal(getattr(found.check, name), getattr(here.check, name), equal_nan=True), name
    assert (found.subjects, found.remarks, found.helps) == (here.subjects, here.remarks, here.helps)
    assert steps == sorted(steps)
    assert len(steps) == len(given) + 1
    cases = [QualityCase(r.image, m, r.box) for r in given[:3] for m in (r.truth, *r.predictions)]
    # its file is a file like any other: here, and on a server that has never seen it
    said = file.save(tmp_path / "mine.safetensors", found, given)
    assert said.references == tuple(file.reference_hash(r, said.salt) for r in given)
    wanted = numbers(file.load(tmp_path / "mine.safetensors", base=base).estimate_cases(cases))
    assert numbers(found.estimator.estimate_cases(cases)) == wanted
    unrounded = [e.dice for e in here.estimator.estimate_cases(cases)]  # a file keeps single precision
    assert [e[0] for e in wanted] == pytest.approx(unrounded, abs=1e-6)
    with served(models=LoadedModels("cpu", "onnx")) as other:
        again = evanyseg.load_estimator(str(tmp_path / "mine.safetensors"), other.device)
        assert isinstance(again, RemoteAdapted)
        assert again.level == here.estimator.level
        assert numbers(again.estimate_cases(cases)) == wanted
        (session,) = other.service.sessions._open.values()
        session.learned.clear()  # let go: it is sent again
        assert numbers(again.estimate_cases(cases)) == wanted


def test_no_name_of_anybody_is_sent(remote: RemoteEstimator, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []
    before = remote.server._exchange
    monkeypatch.setattr(remote.server, "_exchange", lambda *a, **k: sent.append(repr(a).encode()) or before(*a, **k))
    given = [replace(r, subject=f"Meier, Hans {n}") for n, r in enumerate(references(3))]
    adapt(given, remote, QUICK, "adapted (Liver of Meier)")
    assert sent
    assert not any(b"Meier" in one or b"Liver" in one for one in sent)


def test_what_cannot_be_learned_from_is_said_as_here(remote: RemoteEstimator, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="None of the references"):
        adapt([], remote, QUICK)
    with pytest.raises(CancelledError):
        adapt(references(2), remote, QUICK, should_cancel=lambda: True)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no safetensors at all")
    with pytest.raises(WeightsError):
        remote.with_learned(broken)
    damaged = RemoteAdapted(remote, adapt(references(2), remote, QUICK).estimator.learned, "x", b"damaged")
    image = references(1)[0].image
    with pytest.raises(ServerError):
        damaged.estimate(image, np.ones((1, *image.shape[:2]), bool))


def test_what_was_learned_on_another_base_is_refused(remote: RemoteEstimator, tmp_path: Path) -> None:
    given, base = references(2), load(None, "cpu", "onnx")
    base.fingerprint = "another"
    file.save(tmp_path / "old.safetensors", adapt(given, base, QUICK), given)
    with pytest.raises(WeightsError, match="another version of the built-in estimator"):
        remote.with_learned(tmp_path / "old.safetensors")
