"""Checkpoints are untrusted: what malicious ones ask for never runs, trainer files give up their tensors."""

from __future__ import annotations

import argparse
import collections
import functools
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from evanyseg.errors import WeightsError
from evanyseg.weights import restricted
from evanyseg.weights.safe_load import read_checkpoint, read_pickle, read_state

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.tensor([1.5, -2.0]), "n": torch.tensor(3)}


def assert_state(found) -> None:
    assert set(found) == set(STATE)
    for key, value in STATE.items():
        torch.testing.assert_close(found[key], value, atol=0, rtol=0)


def trainer_content() -> dict:
    """What SAM-Med2D's trainer saves and more: an optimizer object that has stepped, arguments, numpy numbers."""
    parameter = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.Adam([parameter], lr=0.1)
    parameter.sum().backward()
    optimizer.step()
    return {
        "model": STATE,
        "optimizer": optimizer,
        "args": argparse.Namespace(lr=0.1, path=Path("somewhere")),
        "epoch": 3,
        "loss": np.float64(0.25),
        "history": collections.defaultdict(list, {"dice": [0.5]}),
    }


@pytest.mark.parametrize("old_format", [False, True], ids=["zip", "before 1.6"])
def test_trainer_files_give_their_tensors_and_the_rest_is_dropped(tmp_path, old_format):
    file = tmp_path / "epoch20_sam.pth"
    torch.save(trainer_content(), file, _use_new_zipfile_serialization=not old_format)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(file, weights_only=True)  # which is why the restricted reader is there
    checkpoint = read_checkpoint(file)
    assert checkpoint.wrapper == "model"
    assert_state(checkpoint.state)
    content = read_pickle(file)
    assert isinstance(content["optimizer"], restricted.Dropped)
    assert isinstance(content["args"], restricted.Dropped)
    assert content["epoch"] == 3


@pytest.mark.parametrize("old_format", [False, True], ids=["zip", "before 1.6"])
def test_plain_files_wrapped_files_and_prefixed_files(tmp_path, old_format):
    file = tmp_path / "any.pth"
    for content, wrapper, prefix in (
        (STATE, "", ""),
        ({"model": STATE, "epoch": 1}, "model", ""),
        ({"state_dict": {f"module.{k}": v for k, v in STATE.items()}}, "state_dict", "module."),
        ({"model": {f"module._orig_mod.{k}": v for k, v in STATE.items()}}, "model", "module._orig_mod."),
        (collections.OrderedDict(STATE), "", ""),
    ):
        torch.save(content, file, _use_new_zipfile_serialization=not old_format)
        found = read_checkpoint(file)
        assert (found.wrapper, found.prefix) == (wrapper, prefix)
        assert_state(found.state)


def test_safetensors_with_metadata_under_any_name(tmp_path):
    for name in ("w.safetensors", "w.pth"):
        save_file(STATE, tmp_path / name, {"evanyseg_model": "builtin"})
        found = read_checkpoint(tmp_path / name)
        assert_state(found.state)
        assert found.metadata == {"evanyseg_model": "builtin"}


class Runs:
    """Pickles to a call of `function(*arguments)`."""

    def __init__(self, function, *arguments) -> None:
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def attacks(witness: Path) -> dict[str, object]:
    """Objects whose pickles create `witness` when they are loaded by pickle itself."""
    import builtins
    import importlib
    import os
    import subprocess

    command = f"touch '{witness}'"
    python = f"open({str(witness)!r}, 'w').close()"
    return {
        "os.system": Runs(os.system, command),
        "eval": Runs(builtins.eval, python),
        "exec": Runs(builtins.exec, python),
        "subprocess": Runs(subprocess.call, ["touch", str(witness)]),
        "open": Runs(builtins.open, str(witness), "w"),
        "getattr": Runs(builtins.getattr, Runs(importlib.import_module, "os"), "system"),
        "partial": Runs(functools.partial(os.system, command)),
        "path": Runs(Path.touch, Path(witness)),
        "numpy": Runs(np.save, str(witness), np.zeros(1)),
        "torch": Runs(torch.save, STATE, str(witness)),
        "inner torch.load": Runs(torch.storage._load_from_bytes, pickle.dumps(Runs(os.system, command))),
        "hub": Runs(torch.hub.load, "somebody/something", "model"),
    }


ATTACKS = list(attacks(Path("x")))


@pytest.mark.parametrize("how", ["zip", "before 1.6", "pickle"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_of_a_malicious_file_runs(tmp_path, attack, how):
    witness = tmp_path / "witness"
    file = tmp_path / "model.pth"
    content = {"model": STATE, "optimizer": attacks(witness)[attack]}
    if how == "pickle":
        file.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, file, _use_new_zipfile_serialization=how == "zip")
    with pytest.raises(WeightsError) as refused:
        read_state(file)
    assert not witness.exists()
    assert list(tmp_path.iterdir()) == [file]
    assert "model.pth" in str(refused.value)


def test_these_attacks_do_work_where_files_are_trusted(tmp_path):
    """The proof above is worth something only if plain pickle would have run them."""
    witness = tmp_path / "witness"
    for attack in ("os.system", "eval", "exec", "subprocess", "open", "path"):
        pickle.loads(pickle.dumps(attacks(witness)[attack]))
        assert witness.exists(), attack
        witness.unlink()


def test_a_refusal_names_what_was_asked_for_and_says_that_nothing_ran(tmp_path):
    file = tmp_path / "model.pth"
    torch.save({"model": STATE, "x": attacks(tmp_path / "w")["os.system"]}, file)
    with pytest.raises(WeightsError, match=r"asks to use '(posix|nt)\.system'.*Nothing of it was run"):
        read_state(file)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(module=st.sampled_from(["os", "sys", "builtins", "shutil", "socket", "ctypes", "pty", "runpy", "pickle"]),
       name=st.sampled_from(["system", "open", "exec", "eval", "loads", "rmtree", "socket", "run", "spawn", "exit"]),
       protocol=st.sampled_from([0, 2, 4]))  # fmt: skip
def test_no_global_outside_the_tables_is_ever_found(module, name, protocol):
    call = b"c" + module.encode() + b"\n" + name.encode() + b"\n(tR." if protocol == 0 else b""
    data = (
        call
        or b"\x80\x04\x8c"
        + bytes([len(module)])
        + module.encode()
        + b"\x8c"
        + bytes([len(name)])
        + name.encode()
        + b"\x93)R."
    )
    import io

    with pytest.raises(restricted.UnsafePickleError, match=rf"{module}\.{name}"):
        restricted.load(io.BytesIO(data))


def test_dotted_names_cannot_walk_out_of_an_allowed_module():
    import io

    for module, name in (
        ("torch._utils", "_rebuild_tensor.__globals__"),
        ("numpy", "os.system"),
        ("torch", "hub.load"),
    ):
        data = b"\x80\x04\x8c" + bytes([len(module)]) + module.encode() + b"\x8c" + bytes([len(name)]) + name.encode()
        with pytest.raises(restricted.UnsafePickleError):
            restricted.load(io.BytesIO(data + b"\x93)R."))


def test_torchscript_programs_are_refused(tmp_path):
    file = tmp_path / "model.pt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model/data.pkl", pickle.dumps(STATE["a.bias"].tolist()))
        archive.writestr("model/constants.pkl", b"")
        archive.writestr("model/code/__torch__.py", "raise SystemExit")
    with pytest.raises(WeightsError, match="TorchScript program"):
        read_state(file)


def test_an_archive_that_would_explode_is_refused(tmp_path):
    file = tmp_path / "bomb.pth"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", b"\0" * 40_000_000)
    with pytest.raises(WeightsError, match="would grow to"):
        read_state(file)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>Virus scan warning</html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", "Git LFS pointer"),
        (b"not a checkpoint at all, but long enough to be read", "cannot be read as a checkpoint"),
        (b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01", "truncated or damaged"),
    ],
)
def test_files_that_are_no_checkpoints_are_named_for_what_they_are(tmp_path, content, words):
    file = tmp_path / "medsam_vit_b.pth"
    file.write_bytes(content)
    with pytest.raises(WeightsError, match=words):
        read_state(file)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_truncated_files_at_any_length_are_refused_in_words(tmp_path, suffix):
    whole = tmp_path / f"whole{suffix}"
    if suffix == ".pth":
        torch.save(STATE, whole)
    else:
        save_file(STATE, whole)
    data = whole.read_bytes()
    for share in (0.02, 0.3, 0.7, 0.98):
        cut = tmp_path / f"cut{suffix}"
        cut.write_bytes(data[: int(share * len(data))])
        with pytest.raises(WeightsError, match=r"cut\.(pth|safetensors)"):
            read_state(cut)


def test_a_missing_file_a_folder_and_a_file_without_tensors(tmp_path):
    with pytest.raises(WeightsError, match="There is no weight file"):
        read_state(tmp_path / "nothing.pth")
    with pytest.raises(WeightsError, match="is a folder"):
        read_state(tmp_path)
    file = tmp_path / "x.pth"
    torch.save([1, 2], file)
    with pytest.raises(WeightsError, match="holds a list"):
        read_state(file)
    torch.save({"epoch": 1}, file)
    with pytest.raises(WeightsError, match="holds no named tensors"):
        read_state(file)
