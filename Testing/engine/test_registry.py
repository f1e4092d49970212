"""Models by name or by file; looking costs nothing, unknown names are answered with the known ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from evanyseg.errors import UnknownModelError
from evanyseg.models import ModelSpec, Registry


def registry(recognize=None) -> tuple[Registry, list]:
    made: list = []

    def factory(name: str):
        return lambda spec, path, device: made.append((spec.name, path, device)) or f"model {name}"

    found: Registry = Registry("segmenter", recognize)
    for name in ("sam-vit-b", "medsam"):
        found.register(ModelSpec(name, name.upper(), factory(name)))
    return found, made


def test_a_model_is_made_on_the_device_that_was_resolved() -> None:
    found, made = registry()
    assert found.create("medsam", "cpu") == "model medsam"
    assert made == [("medsam", None, "cpu")]


def test_listing_makes_nothing() -> None:
    found, made = registry()
    assert found.names() == ["sam-vit-b", "medsam"]
    assert [s.title for s in found.specs()] == ["SAM-VIT-B", "MEDSAM"]
    assert made == []


def test_an_unknown_name_is_answered_with_the_nearest_and_all() -> None:
    found, _ = registry()
    with pytest.raises(
        UnknownModelError, match=r"Unknown segmenter 'medsan'\. Did you mean 'medsam'\? Known: sam-vit-b, medsam\."
    ):
        found.create("medsan", "cpu")
    with pytest.raises(UnknownModelError) as caught:
        found.get("zzz")
    assert "Did you mean" not in str(caught.value)


def test_a_file_is_made_by_the_model_that_recognizes_it(tmp_path: Path) -> None:
    found, made = registry(lambda path: "sam-vit-b")
    weights = tmp_path / "mine.pth"
    weights.write_bytes(b"x")
    found.create(str(weights), "cpu")
    assert made == [("sam-vit-b", weights, "cpu")]
    with pytest.raises(UnknownModelError):
        found.create(str(tmp_path / "gone.pth"), "cpu")


def test_a_name_is_taken_once() -> None:
    found, _ = registry()
    with pytest.raises(ValueError, match="'medsam' is registered twice"):
        found.register(ModelSpec("medsam", "", lambda spec, path, device: None))


def test_the_built_in_models_are_there() -> None:
    from evanyseg import models

    assert "builtin" in models.segmenters.names()
    assert "builtin" in models.estimators.names()
    assert models.segmenters.get("builtin").weights is None  # no download
