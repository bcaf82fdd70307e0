"""What a file of tensors may hold, and what is refused in a sentence."""

import io
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from zsad_core import setups
from zsad_core.errors import WeightsError

SHIPPED = setups.CHECKPOINTS / "aprilgan-brats.safetensors"
OFFICIAL = "trainable_linearlayer"


def layers():
    return {name: value.float() for name, value in load_file(SHIPPED).items()}


def same(path, kind=torch.float32):
    found, expected = setups.read_checkpoint("aprilgan", path), layers()
    assert set(found) == set(expected)
    return all(
        np.array_equal(found[name], value.to(kind).float().numpy())
        for name, value in expected.items()
    )


@pytest.mark.parametrize(
    "kind",
    [torch.float64, torch.bfloat16, torch.float16, torch.float8_e4m3fn, torch.float8_e5m2],
    ids=str,
)
@pytest.mark.parametrize("end", [".safetensors", ".pth"])
def test_every_type_of_float_is_read(tmp_path, kind, end):
    path = tmp_path / f"layers{end}"
    tensors = {name: value.to(kind) for name, value in layers().items()}
    if end == ".pth":
        torch.save({OFFICIAL: tensors}, path)
    else:
        save_file(tensors, path)
    assert same(path, kind)


@pytest.mark.parametrize(
    "name",
    [
        f"{OFFICIAL}.{{}}",
        f"module.{OFFICIAL}.{{}}",
        f"_orig_mod.module.{OFFICIAL}.{{}}",
        f"state_dict.model.{OFFICIAL}.{{}}",
        f"net.{OFFICIAL}._orig_mod.{{}}",
    ],
)
@pytest.mark.parametrize("end", [".safetensors", ".pth"])
def test_the_names_of_wrappers_are_taken_off(tmp_path, name, end):
    tensors = {name.format(own): value for own, value in layers().items()}
    path = tmp_path / f"layers{end}"
    torch.save(tensors, path) if end == ".pth" else save_file(tensors, path)
    assert same(path)


def test_two_tensors_that_a_wrapper_alone_tells_apart_are_refused(tmp_path):
    tensors = {f"{around}fc.0.bias": torch.ones(2) for around in ("", "module.")}
    save_file(tensors, tmp_path / "two.safetensors")
    with pytest.raises(WeightsError, match=r"holds fc\.0\.bias twice, also as module\.fc\.0\.bias"):
        setups.read_checkpoint("aprilgan", tmp_path / "two.safetensors")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_what_is_no_number_in_float32_is_refused(tmp_path, value):
    tensors = {name: numbers.double() for name, numbers in layers().items()}
    tensors["fc.1.weight"].view(-1)[3] = value
    save_file(tensors, tmp_path / "broken.safetensors")
    with pytest.raises(WeightsError, match=r"fc\.1\.weight holds NaN or infinite numbers"):
        setups.read_checkpoint("aprilgan", tmp_path / "broken.safetensors")


def test_a_file_of_safetensors_is_known_by_its_content(tmp_path):
    save_file(layers(), tmp_path / "layers.pth")
    assert same(tmp_path / "layers.pth")


@pytest.mark.parametrize(("share", "words"), [(0, "is empty"), (0.5, "is cut short")])
def test_a_file_that_lacks_its_end_is_named_as_such(tmp_path, share, words):
    torch.save(layers(), tmp_path / "layers.pth")
    content = (tmp_path / "layers.pth").read_bytes()
    (tmp_path / "layers.pth").write_bytes(content[: int(share * len(content))])
    with pytest.raises(WeightsError, match=rf"layers\.pth' {words}; copy or download it again"):
        setups.read_checkpoint("aprilgan", tmp_path / "layers.pth")


def test_what_a_file_holds_is_named_where_a_tensor_is_missing(tmp_path):
    save_file(
        {f"decoder.{name}": value for name, value in layers().items()}, tmp_path / "a.safetensors"
    )
    with pytest.raises(WeightsError, match=r"fc\.0\.weight is missing.*, among decoder\.fc\."):
        setups.read_checkpoint("aprilgan", tmp_path / "a.safetensors")


def test_a_parameter_is_a_tensor(tmp_path):
    tensors = {name: torch.nn.Parameter(value) for name, value in layers().items()}
    torch.save({OFFICIAL: tensors}, tmp_path / "layers.pt")
    assert same(tmp_path / "layers.pt")


def packed():
    source, out = io.BytesIO(), io.BytesIO()
    torch.save({OFFICIAL: {"fc.0.weight": torch.zeros(8, 8)}}, source)
    with (
        zipfile.ZipFile(source) as plain,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped,
    ):
        for member in plain.infolist():
            large = member.filename.endswith("data/0")
            zipped.writestr(member.filename, bytes(2**20) if large else plain.read(member))
    return out.getvalue()


def test_tensors_without_plain_numbers_are_refused(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kinds = {
            "sparse": torch.zeros(8, 8).to_sparse(),
            "quantised": torch.quantize_per_tensor(torch.zeros(8, 8), 0.1, 0, torch.qint8),
            "meta": torch.zeros(8, 8, device="meta"),
        }
        for name, value in kinds.items():
            path = Path(tmp_path / f"{name}.pt")
            torch.save({OFFICIAL: {"fc.0.weight": value}}, path)
            with pytest.raises(WeightsError, match="plain tensor"):
                setups.read_checkpoint("aprilgan", path)
    path.write_bytes(packed())
    with pytest.raises(WeightsError, match="is packed as torch packs no file"):
        setups.read_checkpoint("aprilgan", path)
