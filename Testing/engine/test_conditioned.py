"""An estimator that is told the class: its file, its answers, and where the class comes from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from doubles import BrightEstimator
from engine import files, phantom
from engine.cli_fixtures import E, S, table
from evanyseg import api, models
from evanyseg.errors import UnknownClassError, WeightsError
from evanyseg.nets.conditioned import build_conditioned, planes, small_net
from evanyseg.pipeline.slice_pipeline import SlicePipeline
from evanyseg.quality.conditioned.class_table import ClassTable
from evanyseg.quality.conditioned.estimator import NO_CLASS, ConditionedEstimator, conditioned_crop
from evanyseg.quality.conditioned.file import KEY, ConditionedFile, read, save
from evanyseg.results import Caveat, QualityCase

NAMES = ("liver", "spleen", "kidney left")
SIZE = 48


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights: its numbers mean nothing, and differ by class."""
    torch.manual_seed(0)
    net = small_net(8).eval()
    torch.nn.init.constant_(net.fc2.bias, 0.5)
    rng = np.random.default_rng(1)
    network = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    path = tmp_path_factory.mktemp("told") / "mine.safetensors"
    save(path, ConditionedFile(network, ClassTable(NAMES, rng.normal(size=(3, 8))), SIZE, 16.0))
    return path


@pytest.fixture
def estimator(file: Path) -> ConditionedEstimator:
    made = models.estimators.create(str(file))
    assert isinstance(made, ConditionedEstimator), "recognized whatever its name"
    return made


def one(label: str = "") -> QualityCase:
    pixels, mask = phantom.picture()
    return QualityCase(pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, 2), mask, None, label=label)


def test_the_answer_is_the_networks_for_the_class_that_is_told(file: Path, estimator: ConditionedEstimator) -> None:
    kept = read(file)
    net = build_conditioned({k: torch.from_numpy(v) for k, v in kept.network.items()}, 8)
    case = one("liver")
    crop = torch.from_numpy(conditioned_crop(case.image, case.mask, SIZE))[None]
    with torch.no_grad():
        by_hand = [
            float(net(planes(crop), torch.from_numpy(16 * kept.names.find(name).vector)[None])) for name in NAMES
        ]
    said = [found.dice for found in estimator.estimate_cases(one(name) for name in NAMES)]
    assert said == pytest.approx(np.clip(by_hand, 0, 1), abs=1e-5)
    assert len({round(value, 4) for value in by_hand}) == 3
    assert Caveat.NO_INTERVAL in next(iter(estimator.estimate_cases([case]))).caveats


def test_the_crop_shows_image_and_mask_in_full_range() -> None:
    case = one()
    crop = conditioned_crop(case.image, case.mask, SIZE)
    assert (crop.shape, crop.dtype) == ((2, SIZE, SIZE), np.uint8)
    assert (crop[1].min(), crop[1].max()) == (0, 255)


def test_names_outside_the_table_are_answered_with_the_nearest_and_said(estimator: ConditionedEstimator) -> None:
    cases = [one("Left_Kidney"), one("livers"), one("zzzz"), one("")]
    same, near, unknown, nothing = estimator.estimate_cases(cases)
    assert not any("taken for" in caveat for caveat in same.caveats)
    assert "class 'livers' taken for 'liver'" in near.caveats
    assert near.dice == next(iter(estimator.estimate_cases([one("liver")]))).dice
    assert (unknown.scored, nothing.scored) == (False, False)
    assert "no class is like 'zzzz'" in unknown.caveats
    assert NO_CLASS in nothing.caveats


def test_a_class_may_come_with_the_models_name(file: Path) -> None:
    told = models.estimators.create(f"{file}:livers")
    assert told.name == "conditioned:liver"
    liver, spleen = told.estimate_cases([one(), one("spleen")])
    assert liver.dice != spleen.dice, "what a case says of itself counts first"
    with pytest.raises(UnknownClassError, match=r"'zzzz' is like none of the 3 class names"):
        models.estimators.create(f"{file}:zzzz")


def test_another_file_has_another_fingerprint(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    kept = read(file)
    save(other, ConditionedFile(kept.network, kept.names, SIZE, 8.0))
    assert read(other).fingerprint != kept.fingerprint
    assert read(file).fingerprint == kept.fingerprint


def damaged(file: Path, path: Path, change) -> Path:
    from safetensors import safe_open

    with safe_open(file, "numpy") as opened:
        metadata = opened.metadata()
    arrays, said = load_file(file), json.loads(metadata[KEY])
    change(arrays, said)
    save_file(arrays, path, {**metadata, KEY: json.dumps(said)})
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda arrays, said: said.update(format=9), "has format 9; this version reads format 1"),
        (lambda arrays, said: said.pop("names"), "is no file of 'evanyseg-train sentinel', or damaged"),
        (lambda arrays, said: said.update(size=10**6), "or damaged"),
        (lambda arrays, said: said.update(names=["liver"]), "one vector a name"),
        (lambda arrays, said: arrays.pop("fc1.weight"), "1 missing \\(fc1.weight\\)"),
        (lambda arrays, said: arrays.update(evil=np.zeros(1, np.float32)), "1 unexpected \\(evil\\)"),
        (lambda arrays, said: arrays["fc1.weight"].fill(np.nan), "weights that are no numbers"),
    ],
)
def test_damaged_and_foreign_files_are_refused(file: Path, tmp_path: Path, change, words: str) -> None:
    with pytest.raises(WeightsError, match=words):
        models.estimators.create(str(damaged(file, tmp_path / "d.safetensors", change)))


def test_a_cut_file_and_one_that_is_not_there(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(file.read_bytes()[:-50])
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        models.estimators.create(str(cut))
    monkeypatch.setenv("EVANYSEG_WEIGHTS", str(tmp_path / "weights"))
    with pytest.raises(WeightsError, match=r"not on this computer: get it from your own training"):
        models.estimators.create("conditioned")


def test_the_column_label_says_the_class(evanyseg, file: Path, tmp_path: Path) -> None:
    pixels, mask = phantom.picture()
    files.write_image_2d(tmp_path / "i.png", pixels)
    names = ("liver", "spleen", "livers", "zzzz", "")
    for n in range(len(names)):
        files.write_image_2d(tmp_path / f"m{n}.png", mask.astype(np.uint8) * 255)
    rows = [f"i.png,m{n}.png,{name}" for n, name in enumerate(names)]
    (tmp_path / "pairs.csv").write_text("\n".join(["image,mask,label", *rows]) + "\n")
    code, _, err = evanyseg("score", "--pairs", tmp_path / "pairs.csv", "-o", tmp_path / "out.csv", "--estimator", file)
    assert code == 0, err
    liver, spleen, near, unknown, nothing = table(tmp_path / "out.csv")
    assert liver["pred_dice"] == near["pred_dice"] != spleen["pred_dice"]
    assert "class 'livers' taken for 'liver'" in near["caveats"]
    assert (unknown["pred_dice"], nothing["pred_dice"]) == ("", "")
    assert "no class is like 'zzzz'" in unknown["caveats"]
    assert NO_CLASS in nothing["caveats"]
    code, _, err = evanyseg("audit", tmp_path / "pairs.csv", "-o", tmp_path / "audit", "--estimator", file)
    assert code == 0, err
    audited = table(tmp_path / "audit" / "cases.csv")
    assert [row["pred_dice"][:8] for row in audited[:2]] == [row["pred_dice"][:8] for row in (liver, spleen)]


@pytest.fixture
def labels_seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the stand-in estimator is told, case by case."""
    seen: list[str] = []
    real = BrightEstimator._one
    monkeypatch.setattr(
        BrightEstimator, "_one", lambda self, case, maps: seen.append(case.label) or real(self, case, maps)
    )
    return seen


def test_segments_names_say_the_class(evanyseg, labels_seen: list[str], tmp_path: Path) -> None:
    volume = phantom.volume((6, 40, 48))
    labels = np.zeros((6, 40, 48), np.uint8)
    labels[2:4, 10:20, 10:20], labels[2:4, 25:35, 10:20] = 1, 2
    files.write_volume(tmp_path / "v.nii.gz", volume)
    files.write_volume(tmp_path / "l.nii.gz", volume, labels)
    (tmp_path / "names.json").write_text(json.dumps({"labels": {"background": 0, "liver": 1, "spleen": 2}}))
    scored = ("score", tmp_path / "v.nii.gz", tmp_path / "l.nii.gz", "--names", tmp_path / "names.json", *E)
    code, _, err = evanyseg(*scored)
    assert code == 0, err
    assert sorted(set(labels_seen)) == ["liver", "spleen"]
    labels_seen.clear()
    code, _, err = evanyseg(*scored, *S)
    assert code == 0, err
    assert sorted(set(labels_seen)) == ["liver", "spleen"], "also where a slice may lack a mask"


def test_a_table_with_known_truth_and_one_of_checkpoints_say_it_too(labels_seen: list[str], tmp_path: Path) -> None:
    from evanyseg.io.tables import open_table
    from evanyseg.performance.folders import Checkpoint
    from evanyseg.performance.reading import ReadingOptions, read_images
    from evanyseg.scoring.known_rows import KnownRows
    from evanyseg.scoring.known_truth import KnownOptions
    from evanyseg.scoring.pair_rows import TablePlace

    pixels, mask = phantom.picture()
    files.write_image_2d(tmp_path / "i.png", pixels)
    said = files.write_image_2d(tmp_path / "m.png", mask.astype(np.uint8) * 255)
    row = {"image": "i.png", "mask": "m.png", "truth": "m.png", "label": "liver"}
    (tmp_path / "t.csv").write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    pipeline = SlicePipeline(BrightEstimator())
    scorer = KnownRows([pipeline], KnownOptions("truth"))
    scorer.run([[(1, row)]], TablePlace(tmp_path, ","), lambda found: None)
    checkpoint = Checkpoint("e", tmp_path, {"i": said})
    given = open_table(tmp_path / "t.csv", ["image"])
    read_images(given, [checkpoint], False, pipeline, ReadingOptions())
    assert labels_seen == ["liver", "liver"]


def test_programs_say_it_with_a_word(labels_seen: list[str]) -> None:
    pixels, mask = phantom.picture()
    api.score(pixels, mask, estimator=BrightEstimator(), label="liver")
    assert labels_seen == ["liver"]
