"""Published checkpoints: in their folder they load; what they are is said, not guessed."""

import numpy as np
import pytest
import torch

from zsad_core import backbones, setups
from zsad_core.errors import WeightsError
from zsad_core.methods.setup import Published
from zsad_core.setups import published

ENTRY = setups.shipped()["aprilgan", "official-mvtec"]
FILE = published.files()["aprilgan", "official-mvtec"]
HELLO = "ce013625030ba8dba906f756967f9e9ca394464a"  # printf 'hello\n' | git hash-object --stdin


def drop(state, key="trainable_linearlayer"):
    path = published.folder() / FILE.file
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({key: state}, path)
    return path


def layers(width=1024, kind=torch.float32):
    shapes = {"weight": (768, width), "bias": (768,)}
    return {f"fc.{i}.{n}": torch.ones(s, dtype=kind) for i in range(4) for n, s in shapes.items()}


def test_a_file_that_is_not_there_says_where_it_goes():
    found = setups.missing(ENTRY)
    assert str(published.folder() / "aprilgan" / "mvtec_pretrained.pth") in found
    assert "github.com/ByChelsea/VAND-APRIL-GAN" in found
    assert published.compared(FILE) == ""


def test_a_file_of_the_published_form_loads_and_only_the_backbone_is_left_to_fetch():
    drop(layers())
    assert setups.missing(ENTRY) == backbones.unfetched(ENTRY.backbone)
    found = setups.learned(ENTRY)
    assert found["fc.3.weight"].shape == (768, 1024)
    assert found["fc.3.weight"].dtype == np.float32


@pytest.mark.parametrize(
    ("state", "key", "message"),
    [
        (layers(kind=torch.int64), "trainable_linearlayer", "fc.0.weight is int64, expected float"),
        ({"fc.0.weight": torch.ones(3)}, "trainable_linearlayer", "expected \\(any, any\\)"),
        (layers(), "prompt_learner", "holds prompt_learner; expected tensors named trainable_l"),
    ],
)
def test_a_wrong_file_is_refused_with_what_was_expected_and_found(state, key, message):
    drop(state, key)
    with pytest.raises(WeightsError, match=message):
        setups.learned(ENTRY)


def test_the_digest_tells_the_published_file_from_another(tmp_path, monkeypatch):
    plain = tmp_path / "plain"
    plain.write_bytes(b"hello\n")
    assert published.git_blob(plain) == HELLO
    path = drop(layers())
    assert "not the published file's a057cec6c2ba" in published.compared(FILE)
    path.write_bytes(b"hello\n")
    known = Published(*("x",) * 2, FILE.file, "x", "x", HELLO[:8])
    assert published.compared(known) == f"git blob {HELLO[:12]}, the published file"
