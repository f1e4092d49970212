"""Class names as vectors: the table that ships, own tables, names that are in none."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from typer.testing import CliRunner

from evanyseg.errors import UnknownClassError, WeightsError
from evanyseg.quality.conditioned.class_table import ClassTable, grams, plain, similarity
from evanyseg.weights.labels import organ_key
from evanyseg_training.cli import app
from evanyseg_training.errors import OptionError
from evanyseg_training.estimator.conditioned.class_table import BUILT_IN, read_class_table


@pytest.fixture(scope="module")
def table() -> ClassTable:
    return read_class_table()


def test_the_table_that_ships_is_small_and_knows_what_is_alike(table: ClassTable) -> None:
    assert BUILT_IN.stat().st_size < 1_000_000
    assert load_file(BUILT_IN)["vectors"].dtype == np.float16
    assert len(table) > 300
    assert len({plain(name) for name in table.names}) == len(table)
    assert np.allclose(np.linalg.norm(table.vectors, axis=1), 1, atol=1e-4)
    near = lambda a, b: float(table.find(a).vector @ table.find(b).vector)
    assert near("kidney left", "kidney right") > near("kidney left", "polyp") + 0.2
    assert BUILT_IN.with_suffix(".txt").read_text(encoding="utf-8").split("\n")[:-1] == list(table.names)


@pytest.mark.parametrize("asked", ["kidney left", "Left_Kidney", "kidney-LEFT", "left kidney"])
def test_case_signs_and_order_do_not_matter(table: ClassTable, asked: str) -> None:
    found = table.find(asked)
    assert (found.name, found.alike) == ("kidney left", 1.0)


def test_a_name_outside_the_table_is_answered_with_the_nearest(table: ClassTable) -> None:
    found = table.find("pulmonary arteries")
    assert found.name == "pulmonary artery"
    assert 0.5 < found.alike < 1
    assert table.find("liver tumor").name == table.find("liver tumours").name
    assert table.vectors_of(["liver", "spleen"]).shape == (2, table.vectors.shape[1])


def test_a_name_like_none_is_refused_in_a_sentence(table: ClassTable) -> None:
    with pytest.raises(UnknownClassError, match=r"like none of the \d+ class names.*another word"):
        table.find("zzz")
    with pytest.raises(UnknownClassError):
        table.find("")


def test_likeness_is_one_for_the_same_and_zero_for_nothing_shared() -> None:
    assert similarity(grams("liver"), grams("Liver")) == pytest.approx(1)
    assert similarity(grams("liver"), grams("q")) == 0
    assert similarity(grams(""), grams("liver")) == 0


def test_own_tables_in_three_formats(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    vectors = {"left horn": rng.normal(size=5).astype(np.float32), "tail": rng.normal(size=5).astype(np.float32)}
    save_file(vectors, tmp_path / "own.safetensors")
    np.savez(tmp_path / "own.npz", **vectors)
    for name in ("own.safetensors", "own.npz"):
        own = read_class_table(tmp_path / name)
        found = own.find("horn_left")
        assert found.name == "left horn"
        np.testing.assert_allclose(found.vector, vectors["left horn"] / np.linalg.norm(vectors["left horn"]), rtol=1e-5)


def test_the_published_label_embeddings_are_a_table(tmp_path: Path) -> None:
    embeddings = {key: torch.randn(1, 512, generator=torch.Generator().manual_seed(key)) for key in range(145)}
    file = tmp_path / "label_embedding.pkl"
    file.write_bytes(pickle.dumps(embeddings))
    found = read_class_table(file).find("spleen")
    assert found.name == "spleen"
    expected = embeddings[organ_key("spleen")][0].numpy()
    np.testing.assert_allclose(found.vector, expected / np.linalg.norm(expected), rtol=1e-5)


def test_tables_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"nothing")
    np.savez(tmp_path / "b.npz", one=np.ones(3), two=np.ones(4))
    save_file({"one": np.zeros(3, np.float32)}, tmp_path / "c.safetensors")
    save_file({"one": np.array([1, np.nan], np.float32)}, tmp_path / "d.safetensors")
    (tmp_path / "e.safetensors").write_bytes(b"<html>")
    for name in ("a.npz", "b.npz", "c.safetensors", "d.safetensors", "e.safetensors"):
        with pytest.raises(WeightsError):
            read_class_table(tmp_path / name)
    with pytest.raises(WeightsError, match="one vector a name"):
        ClassTable(["a", "b"], np.ones((1, 3)))


def test_a_table_is_made_from_names_and_a_model_in_a_folder(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "liver", "spleen", "left", "kidney"]
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    config = transformers.BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    transformers.BertModel(config).save_pretrained(folder)
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    (tmp_path / "names.txt").write_text("liver\n\nleft kidney\nliver\n", encoding="utf-8")
    said = ["class-table", str(tmp_path / "names.txt"), str(folder), "-o", str(tmp_path / "t.safetensors")]
    result = CliRunner().invoke(app, said, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    made = read_class_table(tmp_path / "t.safetensors")
    assert made.names == ("liver", "left kidney")
    assert made.vectors.shape == (2, 16)
    assert float(made.vectors[0] @ made.vectors[1]) < 0.9999


def test_what_a_table_cannot_be_made_of(tmp_path: Path) -> None:
    names, empty = tmp_path / "names.txt", tmp_path / "empty.txt"
    names.write_text("liver\n", encoding="utf-8")
    empty.write_text("\n", encoding="utf-8")
    for first, message in ((names, "no config.json"), (empty, "names no class"), (tmp_path / "none", "cannot be read")):
        said = ["class-table", str(first), str(tmp_path), "-o", str(tmp_path / "t.safetensors")]
        with pytest.raises(OptionError, match=message):
            CliRunner().invoke(app, said, catch_exceptions=False)
    assert not (tmp_path / "t.safetensors").exists()
