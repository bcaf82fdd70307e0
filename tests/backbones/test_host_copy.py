"""What leaves the device: equal to what is on it, of one type, in no more memory than its own."""

import numpy as np
import pytest
import torch

from zsad_core.backbones.host_copy import HostCopy


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_copies_are_equal_and_of_one_type(dtype, half):
    tensors = [{"tap3": torch.randn(5, 8).to(dtype), "class": torch.randn(8)} for _ in range(3)]
    for made, copied in zip(tensors, HostCopy(tensors, half).arrays(), strict=True):
        for name, tensor in made.items():
            of_type = np.float16 if half else np.float32
            assert copied[name].dtype == of_type
            np.testing.assert_array_equal(copied[name], tensor.float().numpy().astype(of_type))


def test_what_float16_does_not_reach_becomes_infinite_as_in_numpy():
    values = np.array([65519.0, 65520.0, -1e6, np.nan], np.float32)
    (copied,) = HostCopy([{"tap3": torch.from_numpy(values)}], half=True).arrays()
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(copied["tap3"], values.astype(np.float16))


@pytest.mark.gpu
def test_a_copy_waits_for_what_the_gpu_still_computes():
    """And is of the values at its turn, whatever is written into the tensor after."""
    for _ in range(5):
        matrix = torch.randn(4096, 4096, device="cuda") / 64
        product = matrix
        for _ in range(50):
            product = product @ matrix
        copy = HostCopy([{"tap3": product}, {"tap3": product[:1]}])
        expected = product.clone()
        product.zero_()
        first, second = copy.arrays()
        np.testing.assert_array_equal(first["tap3"], expected.cpu().numpy())
        np.testing.assert_array_equal(second["tap3"], first["tap3"][:1])
        assert first["tap3"].any()
