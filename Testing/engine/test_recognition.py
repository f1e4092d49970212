"""Files are told apart by wrapper, keys and shapes; SAM and MedSAM, which cannot be, by name, and that is said."""

from __future__ import annotations

import logging

import pytest
import torch
from safetensors.torch import save_file

from engine.sam_originals import SMALL, original_sam
from engine.test_evanyseg_estimator import VIT_B, VIT_L, PaperResNet, PaperVit, released
from engine.test_mobile_sam import TINY, mobile_state
from engine.test_quality_sentinel import PaperNet
from engine.test_sam_med2d import adapter_state
from evanyseg import models
from evanyseg.errors import UnknownModelError, WeightsError
from evanyseg.models import recognize as recognition
from evanyseg.models import specs_by_kind
from evanyseg.models.estimators import ESTIMATORS
from evanyseg.models.recognize import Recognized
from evanyseg.models.segmenters import SEGMENTERS


def recognize(path) -> Recognized:
    return recognition.recognize(path, specs_by_kind())


def recognize_shapes(shapes, filename: str = "", wrapper: str = "") -> Recognized | None:
    return recognition.recognize_shapes(shapes, specs_by_kind(), filename, wrapper)


def shapes_of(state) -> dict[str, tuple[int, ...]]:
    return {k: tuple(v.shape) for k, v in state.items()}


def sam_shapes(width: int, depth: int, grid: int = 64) -> dict[str, tuple[int, ...]]:
    """The shapes that recognition looks at, of a SAM with that encoder."""
    shapes = {"image_encoder.pos_embed": (1, grid, grid, width), "mask_decoder.iou_token.weight": (1, 256)}
    return shapes | {f"image_encoder.blocks.{i}.norm1.weight": (width,) for i in range(depth)}


@pytest.mark.parametrize(
    ("width", "depth", "name"), [(768, 12, "sam-vit-b"), (1024, 24, "sam-vit-l"), (1280, 32, "sam-vit-h")]
)
def test_sam_by_the_encoders_width_and_depth(width, depth, name):
    assert recognize_shapes(sam_shapes(width, depth), "weights.pth").name == name
    assert recognize_shapes(sam_shapes(width, depth + 1)) is None


@pytest.mark.parametrize(
    ("filename", "wrapper", "name", "said"),
    [
        ("sam_vit_b_01ec64.pth", "", "sam-vit-b", "because of its name"),
        ("medsam_vit_b.pth", "", "medsam", "because of its name"),
        ("MedSAM_best.pth", "model", "medsam", "because of its name"),
        ("medsam_point_prompt_flare22.pth", "", "medsam-point", "because of its name"),
        ("epoch_12.pth", "model", "medsam", "trainer's file"),
        ("weights.pth", "", "sam-vit-b", "--as medsam"),
    ],
)
def test_sam_and_medsam_are_told_by_name_and_the_assumption_is_said(filename, wrapper, name, said):
    found = recognize_shapes(sam_shapes(768, 12), filename, wrapper)
    assert found.name == name
    assert said in found.assumed


def test_sam_med2d_with_adapters_and_without():
    with_adapters = sam_shapes(768, 12, 16) | {"image_encoder.blocks.0.Adapter.norm.weight": (768,)}
    for shapes in (with_adapters, sam_shapes(768, 12, 16), shapes_of(adapter_state(original_sam(**SMALL)))):
        found = recognize_shapes(shapes, "sam_vit_b.pth")
        assert (found.name, found.assumed) == ("sam-med2d", "")


def test_mobile_sam_evanyseg_and_quality_sentinel():
    with torch.device("meta"):
        for original, name in (
            (PaperVit(VIT_B), "evanyseg-vit-b"),
            (PaperVit(VIT_L, heads=2), "evanyseg-vit-l"),
            (PaperResNet(), "evanyseg-resnet101"),
            (PaperResNet(heads=2), "evanyseg-resnet101"),
            (PaperNet(), "quality-sentinel"),
        ):
            found = recognize_shapes(shapes_of(released(original)))
            assert (found.name, found.kind) == (name, "estimator")
    assert recognize_shapes(shapes_of(mobile_state(*TINY))).name == "mobile-sam"


@pytest.mark.parametrize(
    ("width", "blocks", "name"), [(96, 12, "tiny"), (96, 16, "small"), (112, 24, "base-plus"), (144, 48, "large")]
)
def test_sam_2_1_by_its_trunk_and_2_0_is_refused(width, blocks, name):
    shapes = {f"image_encoder.trunk.blocks.{i}.norm1.weight": (width,) for i in range(blocks)}
    shapes |= {"image_encoder.trunk.patch_embed.proj.weight": (width, 3, 7, 7)}
    with pytest.raises(UnknownModelError, match=r"SAM 2\.0 file; only SAM 2\.1"):
        recognize_shapes(shapes)
    assert recognize_shapes({**shapes, "obj_ptr_tpos_proj.weight": (64, 256)}).name == f"sam2.1-{name}"
    assert recognize_shapes({**shapes, "image_encoder.trunk.patch_embed.proj.weight": (80, 3, 7, 7)}) is None


def test_a_file_that_nobody_knows_is_refused_with_some_of_its_keys(tmp_path):
    torch.save({"encoder.weight": torch.zeros(3)}, tmp_path / "unet.pth")
    with pytest.raises(UnknownModelError, match=r"unet.pth is no model.*encoder.weight"):
        recognize(tmp_path / "unet.pth")


def test_a_safetensors_file_can_say_what_it_is(tmp_path):
    save_file(
        {"x": torch.zeros(1)}, tmp_path / "a.safetensors", {"evanyseg_model": "builtin", "evanyseg_kind": "segmenter"}
    )
    assert recognize(tmp_path / "a.safetensors").name == "builtin"


def test_files_of_this_projects_own_training_are_recognized(tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "mine.safetensors", {"architecture": "{}"})
    assert recognize(tmp_path / "mine.safetensors") == Recognized("builtin", "segmenter")
    save_file({"x": torch.zeros(1)}, tmp_path / "e.safetensors")
    (tmp_path / "e.json").write_text('{"format": 1, "config": {}, "factors": {}}')
    assert recognize(tmp_path / "e.safetensors") == Recognized("builtin", "estimator")


def test_a_segmenter_or_estimator_is_created_from_a_file_alone(tmp_path, caplog):
    torch.save({"model": adapter_state(original_sam(**SMALL)), "epoch": 3}, tmp_path / "mine.pth")
    segmenter = models.segmenters.create(str(tmp_path / "mine.pth"), "cpu")
    assert segmenter.name == "sam-med2d"
    with pytest.raises(WeightsError, match="no estimator but a segmenter"):
        models.estimators.create(str(tmp_path / "mine.pth"), "cpu")
    with torch.device("cpu"):
        torch.save(PaperResNet().state_dict(), tmp_path / "mine2.pth")
    assert models.estimators.create(str(tmp_path / "mine2.pth"), "cpu").name == "evanyseg-resnet101"
    caplog.set_level(logging.WARNING)
    state = dict(original_sam(**{**SMALL, "width": 768, "depth": 12, "heads": 12, "image_size": 512}).state_dict())
    torch.save(state, tmp_path / "medsam_mine.pth")
    assert models.segmenters.create(str(tmp_path / "medsam_mine.pth"), "cpu").name == "medsam"
    assert "taken for MedSAM because of its name" in caplog.text


def test_every_model_that_does_not_ship_names_its_file_with_license_and_citation():
    own = ("builtin", "adapted", "conditioned")  # ships, or made by the user
    brought = [spec for spec in (*SEGMENTERS, *ESTIMATORS) if spec.name not in own]
    for spec in brought:
        entry = spec.weights
        assert entry is not None
        assert entry.name == spec.name
        assert spec.license
        assert spec.citation
        assert spec.fingerprint is not None
        assert entry.page.startswith("https://")
        assert not entry.url or entry.url.startswith("https://")
        assert entry.url == "" or entry.license == "Apache-2.0"  # what has no licence is never fetched
        assert entry.sha256 == "" or len(entry.sha256) == 64
    known = models.weight_files()
    assert len(known) == len(brought) + 2  # and Quality Sentinel's label embeddings, and a file that training made
    assert len({e.filename for e in known.values()}) == len(known)


def test_models_whose_weights_are_not_there_say_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv("EVANYSEG_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match="evanyseg models download sam-vit-b"):
        models.segmenters.create("sam-vit-b", "cpu")
    for registry, name in ((models.segmenters, "medsam"), (models.estimators, "evanyseg-vit-b")):
        with pytest.raises(WeightsError, match=rf"get it from https://.*models import FILE --as {name}"):
            registry.create(name, "cpu")


def test_an_option_goes_to_models_that_take_one(tmp_path, monkeypatch):
    torch.save(adapter_state(original_sam(**SMALL)), tmp_path / "mine.pth")
    with pytest.raises(UnknownModelError, match="takes no option such as 'liver'"):
        models.segmenters.create(f"{tmp_path / 'mine.pth'}:liver", "cpu")
