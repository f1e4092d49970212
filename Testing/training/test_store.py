"""prepare: generated pictures and volumes become a store whose every mask is what it was."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from evanyseg_training.data.prepare import PrepareOptions, build_store, select_values
from evanyseg_training.data.readers import Record
from evanyseg_training.data.store import Store, StoreWriter
from evanyseg_training.errors import DataError, OptionError, StoreError


def blobs(shape: tuple[int, int], *circles: tuple[int, int, int], value: int = 1) -> np.ndarray:
    out = np.zeros(shape, np.uint8)
    for x, y, r in circles:
        cv2.circle(out, (x, y), r, value, -1)
    return out


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Record], dict[str, np.ndarray]]:
    """Ten subjects of a set with two classes and predictions, an instance set, a volume, an evaluate-only set."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    records, masks = [], {}

    def write(name: str, pixels: np.ndarray) -> Path:
        path = root / name
        assert cv2.imwrite(str(path), pixels)
        return path

    for k in range(10):
        labels = blobs((80, 100), (20, 30, 12), (70, 40, 9)) + 2 * blobs((80, 100), (50, 65, 10))
        image = write(f"a{k}.png", rng.integers(0, 255, (80, 100), dtype=np.uint8))
        mask = write(f"a{k}_mask.png", labels)
        predicted = write(f"a{k}_pred.png", np.roll(labels, 3, 1))
        masks[f"a{k}"] = labels
        for value, label in (("1", "pair"), ("2", "single"), ("1;2", "both")):
            common = (image, mask, "a", "source-a", f"s{k // 2}", "train", "CT", label, value)
            records.append(Record(*common))
            records.append(Record(*common, False, predicted, "human rater 0" if k == 0 else "net"))
    color = write("b.png", rng.integers(0, 255, (60, 60, 3), dtype=np.uint8))
    instances = blobs((60, 60), (15, 15, 8), value=1) + blobs((60, 60), (40, 40, 10), value=2)
    records.append(Record(color, write("b_mask.png", instances), "b", "b", "s0", mask_value="instances"))
    large = write("c.png", rng.integers(0, 255, (300, 1024), dtype=np.uint8))
    mask = write("c_mask.png", blobs((300, 1024), (500, 150, 80), value=255))
    records.append(Record(large, mask, "c", "c", "s0", "evaluate-only"))
    volume = rng.normal(100, 20, (30, 40, 50)).astype(np.float32)
    labels3d = np.zeros((30, 40, 50), np.uint8)
    labels3d[5:25, 8:30, 10:40] = 1
    for name, array in (("v.nii.gz", volume), ("v_mask.nii.gz", labels3d)):
        sitk.WriteImage(sitk.GetImageFromArray(array), str(root / name))
    records.append(Record(root / "v.nii.gz", root / "v_mask.nii.gz", "v", "v", "s0", mask_value="1", is_3d=True))
    return records, masks


@pytest.fixture(scope="module")
def store(data: tuple, tmp_path_factory: pytest.TempPathFactory) -> Store:
    options = PrepareOptions(slices=6, slices_of={"v": 5})
    return build_store(data[0], tmp_path_factory.mktemp("built") / "store", options)


def test_whole_classes_and_their_components_are_rows(store: Store) -> None:
    table = store.manifest
    first = table[(table.set == "a") & (table.image_id == 0) & (table.kind == "object")]
    pair = first[first.label == "pair"]
    assert sorted(pair.n_components[pair.whole]) == [2]
    assert pair.component.sum() == 2
    assert not (pair.component & pair.whole).any()
    single = first[first.label == "single"]
    assert len(single) == 1
    assert bool(single.component.iat[0] and single.whole.iat[0])


def test_stored_masks_are_the_originals(store: Store, data: tuple) -> None:
    table = store.manifest
    for row in table[(table.set == "a") & table.whole & (table.kind == "object")].itertuples():
        name = Path(store.images.path[row.image_id]).stem
        expected = select_values(data[1][name], row.mask_value)
        np.testing.assert_array_equal(store.mask(row.row), expected)
        assert row.area == expected.sum()


def test_components_add_up_to_the_whole(store: Store) -> None:
    table = store.manifest[(store.manifest.kind == "object") & (store.manifest.set == "a")]
    for (image_id, label), group in table.groupby(["image_id", "label"]):
        components = [store.mask(r) for r in group.row[group.component]]
        whole = store.mask(int(group.row[group.whole].iat[0]))
        np.testing.assert_array_equal(np.any(components, axis=0), whole, err_msg=f"{image_id} {label}")
        assert sum(p.sum() for p in components) == whole.sum()


def test_boxes_are_tight(store: Store) -> None:
    for row in store.manifest.row:
        mask, box = store.mask(row), store.box(row)
        x0, y0, x1, y1 = (int(v) for v in box.as_tuple())
        assert mask[y0:y1, x0:x1].sum() == mask.sum() > 0
        assert mask[y0].any()
        assert mask[y1 - 1].any()
        assert mask[:, x0].any()
        assert mask[:, x1 - 1].any()


def test_paper_prompts_have_sixteen_pixels_a_side(store: Store) -> None:
    table = store.manifest
    sides = np.minimum(table.x1 - table.x0, table.y1 - table.y0)
    objects = table.kind == "object"
    assert (table.paper[objects] == ((sides >= 16) & table.component)[objects]).all()
    assert table.paper.any()


def test_predictions_refer_to_their_object_and_tell_people_apart(store: Store) -> None:
    table = store.manifest
    predictions = table[table.kind == "prediction"]
    assert len(predictions) == 30
    for row in predictions.itertuples():
        reference = table.loc[row.reference]
        assert reference.whole
        assert (reference.image_id, reference.label, reference.kind) == (row.image_id, row.label, "object")
        np.testing.assert_array_equal(store.mask(row.row), store.mask(row.reference))
        np.testing.assert_array_equal(store.prediction(row.row), np.roll(store.mask(row.row), 3, 1))
    assert set(predictions.prediction_source[predictions.human_annotator]) == {"human rater 0"}
    assert not predictions.human_annotator[predictions.prediction_source == "net"].any()


def test_an_object_has_no_prediction(store: Store) -> None:
    with pytest.raises(StoreError, match="no stored prediction"):
        store.prediction(0)


def test_interpolation_artifacts_of_label_maps_are_no_objects(tmp_path: Path) -> None:
    """Where a label map was interpolated, label 2 runs as a thin ring between label 1 and label 3."""
    labels = np.zeros((64, 64), np.uint8)
    labels[8:40, 8:40], labels[10:38, 10:38] = 2, 3
    labels[48:58, 8:30] = 2
    cv2.imwrite(str(tmp_path / "i.png"), np.full((64, 64), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "m.png"), labels)
    two, three = (
        Record(tmp_path / "i.png", tmp_path / "m.png", "s", "s", "p", label=value, mask_value=value)
        for value in ("2", "3")
    )
    several = build_store([two, three], tmp_path / "several").manifest
    assert dict(zip(several.label, several.area, strict=True)) == {"2": 220, "3": 784}
    alone = build_store([two], tmp_path / "alone").manifest
    assert sorted(alone.area[alone.component]) == [220, 240]  # with one label a thin ring may be a vessel wall


def test_lines_that_interpolation_left_beside_an_object_are_no_part_of_it(tmp_path: Path) -> None:
    """Label 1 lies beside label 2, and a line of 1 runs around 2: its box would reach around both."""
    labels = np.zeros((64, 64), np.uint8)
    labels[9:51, 9:51] = 1
    labels[10:50, 10:50] = 2
    labels[20:40, 51:60] = 1
    cv2.imwrite(str(tmp_path / "i.png"), np.full((64, 64), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "m.png"), labels)
    made = [Record(tmp_path / "i.png", tmp_path / "m.png", "s", "s", "p", label=v, mask_value=v) for v in "12"]
    found = build_store(made, tmp_path / "store").manifest
    assert dict(zip(found.label, found.area, strict=True)) == {"1": 20 * 9 + 20, "2": 1600}
    assert found.x0[found.label == "1"].item() == 50  # where both touch, nobody can tell the line from the label


def test_instances_are_objects_of_their_own(store: Store) -> None:
    table = store.manifest[store.manifest.set == "b"]
    assert len(table) == 2
    assert (table.component & table.whole).all()
    assert sorted(table.area) == sorted((blobs((60, 60), (15, 15, 8)).sum(), blobs((60, 60), (40, 40, 10)).sum()))


def test_color_stays_and_gray_uses_the_percentile_preset(store: Store) -> None:
    images = store.images
    assert set(images.channels[images.set == "b"]) == {3}
    gray = int(images.index[images.set == "a"][0])
    assert images.channels[gray] == 1
    pixels = store.image(gray)
    assert pixels.shape == (80, 100, 3)
    assert (pixels.min(), pixels.max()) == (0, 255)


def test_large_images_are_reduced_with_their_masks(store: Store) -> None:
    image_id = int(store.images.index[store.images.set == "c"][0])
    assert store.shape(image_id) == (150, 512)
    row = int(store.manifest.row[store.manifest.set == "c"].iat[0])
    assert store.mask(row).sum() == pytest.approx(np.pi * 40**2, rel=0.03)


def test_volumes_give_evenly_spread_slices(store: Store) -> None:
    slices = store.images.slice[store.images.set == "v"].tolist()
    assert slices == [5, 10, 15, 19, 24]  # five of the twenty that show the object
    row = int(store.manifest.row[store.manifest.set == "v"].iat[0])
    assert store.box(row).as_tuple() == (10, 8, 40, 30)


def test_nobody_is_in_two_splits(store: Store) -> None:
    per_subject = store.manifest.groupby(["source", "subject"]).split.nunique()
    assert (per_subject == 1).all()
    assert set(store.manifest.split[store.manifest.use == "evaluate-only"]) == {"heldout"}
    written = pd.read_csv(store.folder / "splits.csv", comment="#")
    splits = {(source, subject): split for source, subject, split in written.itertuples(index=False)}
    for row in store.manifest.itertuples():
        assert splits[row.source, row.subject] == row.split


def test_no_machine_path_is_kept(store: Store) -> None:
    assert not store.images.path.str.startswith("/").any()


def test_a_store_can_be_pickled_for_workers(store: Store) -> None:
    other = pickle.loads(pickle.dumps(store))
    np.testing.assert_array_equal(other.mask(3), store.mask(3))


def test_a_mask_of_another_size_is_refused_and_leaves_no_store(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "i.png"), np.zeros((30, 30), np.uint8))
    cv2.imwrite(str(tmp_path / "m.png"), np.ones((30, 31), np.uint8))
    with pytest.raises(DataError, match=r"m\.png has another size"):
        build_store([Record(tmp_path / "i.png", tmp_path / "m.png", "s", "s", "p")], tmp_path / "store")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("is_3d", [False, True])
def test_unreadable_files_are_refused_by_name(tmp_path: Path, is_3d: bool) -> None:
    (tmp_path / "i.nii").write_text("no picture")
    record = Record(tmp_path / "i.nii", tmp_path / "i.nii", "s", "s", "p", is_3d=is_3d)
    with pytest.raises(DataError, match=r"i\.nii is missing or not a readable"):
        build_store([record], tmp_path / "store")


def test_nothing_to_prepare_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing to prepare"):
        build_store([], tmp_path / "store")


def test_an_existing_store_is_not_overwritten(store: Store) -> None:
    with pytest.raises(StoreError, match="exists already"):
        StoreWriter(store.folder)


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"images\.parquet"):
        Store(tmp_path)


def prepared(tmp_path: Path, *more: str):
    from typer.testing import CliRunner

    from evanyseg_training.cli import app

    return CliRunner().invoke(app, ["prepare", str(tmp_path / "data"), "-o", str(tmp_path / "store"), *more])


def test_the_command_prepares_folders_of_pairs(tmp_path: Path) -> None:
    for k in range(6):
        for kind, pixels in (("images", np.full((40, 50), 30 * k, np.uint8)), ("masks", blobs((40, 50), (25, 20, 11)))):
            (tmp_path / "data" / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / "data" / kind / f"{k}.png"), pixels)
    result = prepared(tmp_path, "--reader", "pairs")
    assert result.exit_code == 0, result.output
    assert "6 images, 6 objects" in result.output
    assert set(Store(tmp_path / "store").manifest.split) == {"train", "test", "calib"}


def test_the_command_refuses_a_wrong_number_of_slices(tmp_path: Path) -> None:
    result = prepared(tmp_path, "--slices-of", "hippocampus:6")
    assert isinstance(result.exception, OptionError)
    assert "SET=N" in str(result.exception)


def test_the_console_entry_point_tells_errors_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from evanyseg_training.cli import main

    monkeypatch.setattr("sys.argv", ["evanyseg-train", "prepare", str(tmp_path), "-o", str(tmp_path / "s")])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith("error: There is no table index.csv")
